/* Tiles of matrix products on GPUs. */
#include "ops/tile.h"

#include <math.h>

/* A warp of 32 neighbours covers 4 x 8 pieces of the tile, so m / item_m is a multiple of 4 and n / item_n
 * of 8; items are a multiple of m and of n. Shares are what others report of such tiles: 8 x 8 elements of
 * a work-item balance the reads of local memory with the arithmetic, smaller ones do not. */
static const struct tile tiles[] = {
    {128, 128, 16, 8, 8, 0.70}, {128, 128, 8, 8, 8, 0.65}, {128, 64, 16, 8, 8, 0.62},
    {64, 128, 16, 8, 8, 0.62},  {64, 64, 16, 4, 8, 0.50},  {32, 64, 16, 4, 4, 0.40},
    {32, 32, 16, 4, 4, 0.35},
};
enum { TILES = sizeof tiles / sizeof *tiles };

/* Where local memory is ordinary memory, tiles through it were measured at 1 % of the peak and below. */
static const double CPU_SHARE = 0.005;

/* Seconds that a chunk takes at least, however little work there is for a unit: reads of memory that the
 * arithmetic does not hide, and a barrier. */
static const double LATENCY = 0.5e-6;

const struct tile *tile_number(int number) {
    return number >= 1 && number <= TILES ? &tiles[number - 1] : NULL;
}

int tile_items(const struct tile *t) {
    return t->m / t->item_m * (t->n / t->item_n);
}

/* Two buffers, so that one is filled while the other is read. */
static uint64_t local_bytes(const struct tile *t, int pad) {
    return 2 * sizeof(float) * (uint64_t)t->k * (uint64_t)(t->m + t->n + 2 * pad);
}

bool tile_fits(const fovea_device_info *d, const struct tile *t, int pad) {
    return local_bytes(t, pad) <= d->local_memory_bytes &&
           (uint64_t)tile_items(t) <= d->max_work_group_size;
}

const char *tile_refuse(const fovea_device_info *d, int pad) {
    for (int i = 0; i < TILES; i++)
        if (tile_fits(d, &tiles[i], pad)) return NULL;
    return "the smallest tile needs 9.3 KiB of local memory and groups of 64 work-items";
}

int64_t tile_chunks(const struct tile *t, int64_t k) {
    return (k + t->k - 1) / t->k;
}

/* The unit with most groups decides. */
double tile_seconds(const fovea_device_info *d, const struct tile *t, const struct tile_task *w,
                    int splits) {
    double share = d->local_memory_is_real ? t->share : CPU_SHARE;
    double units = fmax(1, d->compute_units);
    double tiles_of_all = ceil((double)w->m / t->m) * ceil((double)w->n / t->n);
    double groups = tiles_of_all * (double)w->batches * splits;
    double chunk = 2.0 * t->m * t->n * t->k * units / (share * d->flops_peak);
    double chunks = ceil((double)tile_chunks(t, w->k) / splits);
    double seconds =
        fmax(chunks * fmax(ceil(groups / units) * chunk, LATENCY), w->bytes / d->bytes_per_second);
    if (splits == 1) return seconds;
    double results = (double)w->m * (double)w->n * (double)w->batches;
    return seconds + (1 + splits) * sizeof(float) * results / d->bytes_per_second +
           d->launch_overhead_us * 1e-6;
}

struct tile_choice tile_choose(const fovea_device_info *d, const struct tile_task *w, int pad,
                               int number, int splits, int most_splits) {
    struct tile_choice best = {0};
    const struct tile *fixed = tile_number(number);
    if (fixed && !tile_fits(d, fixed, pad)) fixed = NULL;
    for (int i = 0; i < TILES; i++) {
        const struct tile *t = &tiles[i];
        if ((fixed && t != fixed) || !tile_fits(d, t, pad)) continue;
        int64_t most = w->k > 0 ? tile_chunks(t, w->k) : 1; /* an empty sum is one part */
        for (int parts = 1; parts <= most_splits && parts <= most; parts *= 2) {
            bool fits = splits > 0 && splits <= most && splits <= most_splits;
            int p = fits ? splits : parts;
            double seconds = tile_seconds(d, t, w, p);
            if (!best.tile || seconds < best.seconds)
                best = (struct tile_choice){t, i + 1, p, seconds};
            if (fits) break;
        }
    }
    return best;
}

void tile_define(struct recipe *r, const struct tile *t) {
    recipe_define(r, "TILE_M", t->m);
    recipe_define(r, "TILE_N", t->n);
    recipe_define(r, "TILE_K", t->k);
    recipe_define(r, "ITEM_M", t->item_m);
    recipe_define(r, "ITEM_N", t->item_n);
}
