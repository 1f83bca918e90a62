/* Computes       dropout: elements are dropped with the probability `ratio`, the others scaled; the
 *                mask tells which were kept. With ratio 0 the identity
 * Layouts        x, y (elements) float, mask (elements) bool; BLOCKED: x, y in channel blocks,
 *                (n, ceil(channels / X), pixels, X), zeros past the channels, and no mask
 * Launch         1-D, one work-item for 32 elements that are neighbours in the plain layout
 * Defines        BLOCKED: 1 for channel blocks; X as in common.h
 * Local memory   none
 * Truth          lib/reference/dropout.c
 * Source         Philox4x32-10: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011.
 *                Element i of the plain layout takes word i % 4 of the block with number i / 4, whose upper
 *                two words are the counter
 *
 * Flags: random (0: keep all and do not scale), has_y, has_mask (outputs that are wanted). */

#ifndef BLOCKED
#define BLOCKED 0
#endif

/* The upper halves of products. */
uint8 dropout_high(uint8 a, uint b);
uint8 dropout_high(uint8 a, uint b) {
    return convert_uint8((convert_ulong8(a) * (ulong)b) >> 32);
}

/* Eight blocks from `first` on: word w of block b is lane b of c[w]. */
INLINE void dropout_philox(uint first, ulong step, uint key0, uint key1, uint8 *c) {
    c[0] = (uint8)(0, 1, 2, 3, 4, 5, 6, 7) + first;
    c[1] = 0;
    c[2] = (uint)step;
    c[3] = (uint)(step >> 32);
    UNROLL
    for (int round = 0; round < 10; round++) {
        uint8 high0 = dropout_high(c[0], 0xD2511F53u), low0 = 0xD2511F53u * c[0];
        uint8 high1 = dropout_high(c[2], 0xCD9E8D57u), low1 = 0xCD9E8D57u * c[2];
        c[0] = high1 ^ c[1] ^ key0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ key1;
        c[3] = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* Where element i lies. */
size_t dropout_place(int i, int channels, int pixels);
size_t dropout_place(int i, int channels, int pixels) {
    int channel = i / pixels % channels, blocks = (channels + X - 1) / X;
    size_t block = (size_t)(i / pixels / channels) * blocks + channel / X;
    return BLOCKED ? (block * pixels + i % pixels) * X + channel % X : (size_t)i;
}

/* What lies past the channels of the last one's pixel. */
void dropout_pad(int i, int channels, int pixels, __global real *y);
void dropout_pad(int i, int channels, int pixels, __global real *y) {
    if (!BLOCKED || i / pixels % channels != channels - 1) return;
    for (int lane = (channels - 1) % X + 1; lane < X; lane++)
        y[dropout_place(i, channels, pixels) + lane - (channels - 1) % X] = 0;
}

__kernel void dropout(int elements, int channels, int pixels, int random, int has_counter,
                      int has_y, int has_mask, int key0, int key1, float ratio, float scale,
                      __global const real *x, ulong x_offset, __global const ulong *counter,
                      ulong counter_offset, __global real *y, ulong y_offset, __global uchar *mask,
                      ulong mask_offset) {
    int first = 32 * (int)get_global_id(0), count = elements - first < 32 ? elements - first : 32;
    ulong step = random && has_counter ? counter[counter_offset] : 0;
    uint8 bits[4] = {0, 0, 0, 0};
    uint words[4][8];
    if (count <= 0) return;
    if (random) dropout_philox(first / 4, step, key0, key1, bits);
    for (int w = 0; w < 4; w++) vstore8(bits[w], 0, words[w]);
    x += x_offset;
    y += y_offset;
    for (int k = 0; k < count; k++) {
        size_t at = dropout_place(first + k, channels, pixels);
        bool keep = !random || (float)(words[k % 4][k / 4] >> 8) * 0x1p-24f >= ratio;
        if (has_y) y[at] = !keep ? 0 : random ? x[at] * scale : x[at];
        if (has_y) dropout_pad(first + k, channels, pixels, y);
        if (has_mask) mask[mask_offset + first + k] = keep;
    }
}
