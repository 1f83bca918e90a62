/* Computes       dropout: elements are dropped with the probability `ratio`, the others scaled; the
 *                mask tells which were kept. With ratio 0 the identity
 * Layouts        x, y (elements) float, mask (elements) bool; BLOCKED: x, y in channel blocks,
 *                (n, ceil(channels / X), pixels, X), zeros past the channels, and no mask
 * Launch         1-D, one work-item for 4 elements that are neighbours in the plain layout
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

uint4 dropout_philox(uint block, ulong step, uint key0, uint key1);
uint4 dropout_philox(uint block, ulong step, uint key0, uint key1) {
    uint4 c = (uint4)(block, 0, (uint)step, (uint)(step >> 32));
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
        uint high1 = mul_hi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
        c = (uint4)(high1 ^ c.y ^ key0, low1, high0 ^ c.w ^ key1, low0);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
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
    int block = get_global_id(0), first = 4 * block;
    if (block > (elements - 1) / 4) return;
    ulong step = random && has_counter ? counter[counter_offset] : 0;
    uint4 bits = random ? dropout_philox(block, step, key0, key1) : (uint4)(0);
    uint words[4] = {bits.x, bits.y, bits.z, bits.w};
    x += x_offset;
    y += y_offset;
    for (int k = 0; k < 4 && first + k < elements; k++) {
        size_t at = dropout_place(first + k, channels, pixels);
        bool keep = !random || (float)(words[k] >> 8) * 0x1p-24f >= ratio;
        if (has_y) y[at] = !keep ? 0 : random ? x[at] * scale : x[at];
        if (has_y) dropout_pad(first + k, channels, pixels, y);
        if (has_mask) mask[mask_offset + first + k] = keep;
    }
}
