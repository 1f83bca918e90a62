/* Computes       dropout: elements are dropped with the probability `ratio`, the others scaled; the
 *                mask tells which were kept. With ratio 0 the identity
 * Layouts        x, y (elements) float, mask (elements) bool
 * Launch         1-D, one work-item for 4 neighbouring elements
 * Defines        none
 * Local memory   none
 * Truth          lib/reference/dropout.c
 * Source         Philox4x32-10: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011.
 *                Element i takes word i % 4 of the block with counter i / 4
 *
 * Flags: random (0: keep all and do not scale), has_y, has_mask (outputs that are wanted). */

uint4 dropout_philox(uint block, uint key0, uint key1);
uint4 dropout_philox(uint block, uint key0, uint key1) {
    uint4 c = (uint4)(block, 0, 0, 0);
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
        uint high1 = mul_hi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
        c = (uint4)(high1 ^ c.y ^ key0, low1, high0 ^ c.w ^ key1, low0);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

__kernel void dropout(int elements, int random, int has_y, int has_mask, int key0, int key1,
                      float ratio, float scale, __global const real *x, ulong x_offset,
                      __global real *y, ulong y_offset, __global uchar *mask, ulong mask_offset) {
    int block = get_global_id(0), first = 4 * block;
    if (block > (elements - 1) / 4) return;
    uint4 bits = random ? dropout_philox(block, key0, key1) : (uint4)(0);
    uint words[4] = {bits.x, bits.y, bits.z, bits.w};
    for (int k = 0; k < 4 && first + k < elements; k++) {
        bool keep = !random || (float)(words[k] >> 8) * 0x1p-24f >= ratio;
        real kept = random ? x[x_offset + first + k] * scale : x[x_offset + first + k];
        if (has_y) y[y_offset + first + k] = keep ? kept : 0;
        if (has_mask) mask[mask_offset + first + k] = keep;
    }
}
