/* The truth of Dropout: the identity; in training an element is dropped with probability `ratio` and
 * the others are scaled by 1 / (1 - ratio). Random bits come from Philox4x32-10 (Salmon et al.,
 * Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011): element i takes word i % 4 of the block with
 * number i / 4 (its lower two words; the upper two are the counter, input 3), under the key `seed`. So
 * the reference and every device drop the same elements. */
#include <math.h>

#include "reference/reference.h"

static void philox_round(uint32_t c[4], const uint32_t k[2]) {
    uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                        (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
    for (int i = 0; i < 4; i++) c[i] = next[i];
}

/* Word i % 4 of block i / 4. */
static uint32_t philox(uint64_t seed, uint64_t counter, uint64_t i) {
    uint32_t c[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), (uint32_t)counter,
                     (uint32_t)(counter >> 32)};
    uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        philox_round(c, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c[i % 4];
}

fovea_status reference_dropout(struct reference_call *c) {
    const double *x = reference_f64(c, 0), *ratio = reference_f64(c, 1);
    const int64_t *flag = reference_i64(c, 2), *counter = reference_i64(c, 3);
    struct reference_out *y = &c->out[0], *mask = c->n_out > 1 ? &c->out[1] : NULL;
    if (!x || (reference_has(c, 1) && !ratio) || (reference_has(c, 2) && !flag) ||
        (reference_has(c, 3) && !counter))
        return FOVEA_NO_MEMORY;
    double drop = flag && *flag ? ratio ? *ratio : 0.5 : 0;
    uint64_t seed = (uint64_t)attr_int(c->node, "seed", 0);
    uint64_t step = counter ? (uint64_t)*counter : 0;
    size_t n = (size_t)fovea_desc_elements(&c->in[0].desc);
    for (size_t i = 0; i < n; i++) {
        /* The upper 24 bits: a number in [0, 1) that binary32 holds exactly. */
        bool keep = drop == 0 || (philox(seed, step, i) >> 8) * 0x1p-24 >= drop;
        if (mask && mask->data) reference_store_i64(mask, i, keep);
        if (!y->data) continue;
        y->y[i] = keep ? x[i] / (1 - drop) : 0;
        y->bound[i] = drop > 0 ? gamma_bound(2) * fabs(y->y[i]) : 0;
        if (y->y[i] != 0 && fabs(y->y[i]) < REFERENCE_TINY) y->bound[i] += REFERENCE_TINY;
        if (y->probable) y->probable[i] = y->bound[i];
    }
    return FOVEA_OK;
}
