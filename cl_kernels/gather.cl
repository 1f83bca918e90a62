/* Computes:     y[r][j][c] = x[r][indices[j]][c]; negative indices count from the end. An index out of
 *               range is clamped, so that nothing outside x is read.
 * Layouts:      x (rows, dim, inner), indices (count), y (rows, count, inner), all dense.
 * Launch:       global 0: one work-item for each `vec` elements of y (1, 4 or 16; a divisor of
 *               `inner`). gather_int reads int32 indices, gather_long int64.
 * Defines:      T: a type of the element's size (uchar, ushort, uint, ulong)
 * Local memory: none
 * Truth:        lib/reference/move.c
 * Source:       none */

void gather_copy(int vec, __global const T *x, __global T *y);

void gather_copy(int vec, __global const T *x, __global T *y) {
    if (vec == 16) vstore16(vload16(0, x), 0, y);
    else if (vec == 4) vstore4(vload4(0, x), 0, y);
    else *y = *x;
}

ulong gather_place(int i, int count, int dim, int inner, int vec, int index);

/* Offset in x of the i-th group of `vec` elements of y, whose row of x is `index`. In int: one compiler
 * widens an int index without its sign when it is clamped as a long. */
ulong gather_place(int i, int count, int dim, int inner, int vec, int index) {
    int groups = inner / vec, row = i / groups / count;
    int place = clamp(index < 0 ? index + dim : index, 0, dim - 1);
    return ((ulong)row * (ulong)dim + (ulong)place) * (ulong)inner + (ulong)(i % groups * vec);
}

__kernel void gather_int(int items, int count, int dim, int inner, int vec, __global const T *x,
                         ulong x_offset, __global const int *indices, ulong indices_offset,
                         __global T *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= items) return;
    int index = indices[indices_offset + (ulong)(i / (inner / vec) % count)];
    x += x_offset + gather_place(i, count, dim, inner, vec, index);
    gather_copy(vec, x, y + y_offset + (ulong)i * (ulong)vec);
}

__kernel void gather_long(int items, int count, int dim, int inner, int vec, __global const T *x,
                          ulong x_offset, __global const long *indices, ulong indices_offset,
                          __global T *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= items) return;
    long index = indices[indices_offset + (ulong)(i / (inner / vec) % count)];
    int nearby = (int)clamp(index, -(long)dim, (long)dim - 1);
    x += x_offset + gather_place(i, count, dim, inner, vec, nearby);
    gather_copy(vec, x, y + y_offset + (ulong)i * (ulong)vec);
}
