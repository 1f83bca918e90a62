/* Computes       y = x in another element type: a float becomes an integer by truncation, saturated to
 *                64 bits (NaN: 0); integers wrap to the width of their type; a boolean is "not zero"
 * Layouts        any; x and y have the same shape
 * Launch         global (n): one element each
 * Defines        FROM, TO: element types. TRUNCATE: 1 from float to an integer. TO_BOOL: 1 for boolean
 * Local memory   none
 * Truth          lib/reference/cast.c
 * Source         https://onnx.ai/onnx/operators/onnx__Cast.html */

#ifndef FROM
#define FROM float
#endif
#ifndef TO
#define TO int
#endif
#ifndef TRUNCATE
#define TRUNCATE 1
#endif
#ifndef TO_BOOL
#define TO_BOOL 0
#endif

/* The bits of x as a 64-bit integer. At and above 2^63 only an unsigned 64-bit type has room. */
ulong cast_truncate(FROM x);
ulong cast_truncate(FROM x) {
    int holds_more = sizeof(TO) < 8 ? 0 : (TO)-1 > 0;
    if (!(x <= 0 || x >= 0)) return 0;
    if ((float)x >= 9223372036854775808.0f)
        return !holds_more ? 0x7fffffffffffffff : convert_ulong_sat((float)x);
    if ((float)x < -9223372036854775808.0f) return 0x8000000000000000;
    return (ulong)(long)x;
}

__kernel void cast(int n, __global const FROM *x, ulong x_offset, __global TO *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= n) return;
    FROM value = x[x_offset + i];
    if (TO_BOOL) y[y_offset + i] = (TO)(value != 0 ? 1 : 0);
    else if (TRUNCATE) y[y_offset + i] = (TO)cast_truncate(value);
    else y[y_offset + i] = (TO)value;
}
