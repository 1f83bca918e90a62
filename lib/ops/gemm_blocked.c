/* Matrix products for devices whose work-items have vectors of their own: cl_kernels/gemm_blocked.cl.
 *
 * One kernel, three algorithms, for what is packed once (the weights) and which way the tile lies:
 *     gemm_blocked          B in panels once, A in strips at each run: dense layers
 *     gemm_blocked_a        A in strips once, B as it is: few rows, many columns
 *     gemm_blocked_swapped  A in panels once, B in strips at each run: C^T = B^T A^T, for few columns */
#include <math.h>

#include "ops/gemm.h"

enum {
    BLOCK_K = 256,    /* of k: a panel of B is 16 KiB at 8 lanes, half of a first-level cache */
    BLOCK_ROWS = 264, /* rows of A whose strips stay in a second-level cache beside that */
    BLOCK_PANELS = 4, /* panels that go over those strips while they are there */
    GROUPS_PER_UNIT = 16,
    TURNS_MAX = 65535,   /* some runtimes end all loops of a work-item after so many turns */
    LAUNCH_LIMIT = 4096, /* kernels of one node */
};

enum form { PACK_B, PACK_A, SWAPPED };

/* A matrix from the side of its rows or its columns: element (i, t) at i * step + t * k_step. */
struct side {
    struct argument x;
    int64_t count, step, k_step, batch[2];
};

/* C = A B as the kernel sees it. */
struct product {
    struct side a, b;
    int64_t c_row, c_column, bias_row, bias_column;
    int64_t rows, wide;    /* of a tile */
    int64_t tiles, panels; /* of A, of B */
    int64_t batches;
    int64_t tiles_each, panels_each; /* of a work-item */
    int64_t tiles_held, panels_held; /* of the block of sums in local memory */
    bool packed_b;
};

/* Rows of a tile, so that few are past the end: 2 * rows accumulators, 2 vectors of B and 1 of A in 16
 * registers, or in 32 where vectors have 16 lanes. */
static int64_t rows_of_tile(int64_t m, int width) {
    static const int64_t narrow[] = {6, 4, 2, 1, 0}, wide[] = {14, 8, 4, 2, 1, 0};
    int64_t best = 1;
    double least = INFINITY;
    for (const int64_t *r = width == 16 ? wide : narrow; *r; r++) {
        double cost = (double)((m + *r - 1) / *r) * ((double)*r + 0.5);
        if (cost < least) least = cost, best = *r;
    }
    return best;
}

static struct product product_of(const struct gemm_task *t, enum form form) {
    struct side a = {t->a, t->m, t->trans_a ? 1 : t->lda, t->trans_a ? t->lda : 1, {0}};
    struct side b = {t->b, t->n, t->trans_b ? t->ldb : 1, t->trans_b ? 1 : t->ldb, {0}};
    for (int i = 0; i < 2; i++) a.batch[i] = t->a_batch[i], b.batch[i] = t->b_batch[i];
    bool swap = form == SWAPPED;
    return (struct product){.a = swap ? b : a,
                            .b = swap ? a : b,
                            .c_row = swap ? 1 : t->ldc,
                            .c_column = swap ? t->ldc : 1,
                            .bias_row = swap ? t->bias_column : t->bias_row,
                            .bias_column = swap ? t->bias_row : t->bias_column,
                            .batches = t->batch0 * t->batch1,
                            .packed_b = form != PACK_A};
}

static size_t local_bytes(const struct product *p) {
    int64_t sums = p->tiles_held * p->panels_held * p->rows * p->wide;
    return (size_t)(sums + (p->packed_b ? 0 : BLOCK_K * p->wide)) * sizeof(float);
}

/* Turns of a work-item's loops: the products, the copy of a panel, and C element by element. */
static double turns(const struct product *p, const struct gemm_task *t, int64_t tiles) {
    double copy = p->packed_b ? 0 : (double)p->wide + 1;
    return (double)t->k * ((double)tiles + copy) + (double)(tiles * p->rows * (p->wide + 1));
}

/* Blocks of C: as few as keep all units busy to the end. */
static void share_out(const struct site *s, const struct gemm_task *t, struct product *p) {
    int64_t units = s->device->compute_units ? s->device->compute_units : 1;
    int64_t blocks = ceil_div(p->tiles, p->tiles_held), others = p->panels * p->batches;
    if (blocks * others < 4 * units) blocks = ceil_div(4 * units, others);
    p->tiles_each = ceil_div(p->tiles, blocks);
    int64_t chunks = ceil_div(GROUPS_PER_UNIT * units, blocks * p->batches);
    p->panels_each = chunks < p->panels ? ceil_div(p->panels, chunks) : 1;
    if (!gemm_items_are_lanes(s)) return;
    p->panels_each = 1;
    while (p->tiles_each > 1 && turns(p, t, p->tiles_each) > TURNS_MAX) p->tiles_each--;
}

static struct product plan_product(const struct site *s, const struct gemm_task *t,
                                   enum form form) {
    struct product p = product_of(t, form);
    int width = site_width(s);
    p.wide = 2 * width;
    p.rows = rows_of_tile(p.a.count, width);
    p.tiles = ceil_div(p.a.count, p.rows);
    p.panels = ceil_div(p.b.count, p.wide);
    p.tiles_held = BLOCK_ROWS / p.rows;
    p.panels_held = BLOCK_PANELS;
    if (local_bytes(&p) > s->device->local_memory_bytes) p.panels_held = 1;
    share_out(s, t, &p);
    return p;
}

/* Matrices of a packed operand: one for all batches if it broadcasts. */
static int64_t copies(const struct product *p, const struct side *side) {
    return side->batch[0] || side->batch[1] ? p->batches : 1;
}

static int64_t strip_elements(const struct product *p, const struct gemm_task *t) {
    return p->tiles * p->rows * t->k;
}

static int64_t panel_elements(const struct product *p, const struct gemm_task *t) {
    return p->panels * p->wide * t->k;
}

/* Elements packed once for each task, and at each run. */
static int64_t once_elements(const struct site *s, enum form form) {
    struct gemm_task t = gemm_task_of(s, 0);
    struct product p = plan_product(s, &t, form);
    return p.packed_b ? copies(&p, &p.b) * panel_elements(&p, &t)
                      : copies(&p, &p.a) * strip_elements(&p, &t);
}

static int64_t run_elements(const struct site *s, enum form form) {
    struct gemm_task t = gemm_task_of(s, 0);
    struct product p = plan_product(s, &t, form);
    return p.packed_b ? copies(&p, &p.a) * strip_elements(&p, &t) : 0;
}

static const char *refuse(const struct site *s, enum form form) {
    struct gemm_task t = gemm_task_of(s, 0);
    if (t.k == 0) return "an empty sum";
    if (gemm_task_count(s) > LAUNCH_LIMIT / 3) return "more than 4096 launches would be needed";
    struct product p = plan_product(s, &t, form);
    if (local_bytes(&p) > s->device->local_memory_bytes)
        return "the block of sums does not fit the device's local memory";
    if (once_elements(s, form) * gemm_task_count(s) > INT32_MAX ||
        run_elements(s, form) > INT32_MAX)
        return "a packed operand has more than 2^31 - 1 elements";
    if (gemm_items_are_lanes(s) && turns(&p, &t, 1) > TURNS_MAX)
        return "a work-item would loop more than 65535 times";
    return NULL;
}

/* ---- Estimates ---- */

static bool is_constant(const struct site *s, const struct argument *a) {
    return a->kind == ARGUMENT_VALUE && value_data(&s->graph->values[a->value]);
}

/* Reads, writes and reads again; neighbours in memory are not neighbours in a strip. */
static double pack_seconds(const struct site *s, double elements) {
    return 4 * sizeof(float) * elements / s->device->bytes_per_second +
           s->device->launch_overhead_us * 1e-6;
}

/* Whole tiles at the share of the peak that the register tile reaches; B comes from memory once for each
 * block of rows, which the products do not hide; packing where it is done at each run. */
static double estimate(const struct site *s, enum form form) {
    const fovea_device_info *d = s->device;
    struct gemm_task t = gemm_task_of(s, 0);
    struct product p = plan_product(s, &t, form);
    double batches = (double)p.batches, k = (double)t.k, n = (double)(p.panels * p.wide);
    double share = d->local_memory_is_real ? 0.01 : gemm_items_are_lanes(s) ? 0.05 : 0.8;
    double cycles_a_second = d->flops_peak / (4 * site_width(s));
    double tile = (double)p.rows + 0.5, steps = (double)p.tiles * tile;
    if (!p.packed_b) steps += 4 * (double)ceil_div(p.tiles, p.tiles_each);
    double sum = batches * 2 * steps * n * k / (share * d->flops_peak);
    sum += batches * (double)p.b.count * k * sizeof(float) / d->bytes_per_second;
    if (form == SWAPPED) sum += 1.5 * batches * (double)(t.m * t.n) / cycles_a_second;
    if (p.packed_b) sum += pack_seconds(s, (double)run_elements(s, form));
    if (!is_constant(s, p.packed_b ? &p.b.x : &p.a.x))
        sum += pack_seconds(s, (double)once_elements(s, form));
    return (double)gemm_task_count(s) * (sum + d->launch_overhead_us * 1e-6);
}

/* ---- Lowering ---- */

static void local_one(struct recipe *r, int64_t x, int64_t y, int64_t z) {
    recipe_global(r, (size_t)x, (size_t)y, (size_t)z);
    recipe_local(r, 1, 1, 1);
}

static void lower_pack(struct recipe *r, const struct gemm_task *t, const struct product *p,
                       const struct side *side, const struct argument *to) {
    int64_t width = side == &p->a ? p->rows : p->wide;
    recipe_kernel(r, "gemm_blocked_pack", "gemm_blocked_pack");
    recipe_define(r, "KC", BLOCK_K);
    recipe_int(r, side->count);
    recipe_int(r, t->k);
    recipe_int(r, width);
    recipe_int(r, side->step);
    recipe_int(r, side->k_step);
    recipe_int(r, t->batch1);
    recipe_int(r, side->batch[0]);
    recipe_int(r, side->batch[1]);
    gemm_push_operand(r, &side->x);
    gemm_push_operand(r, to);
    local_one(r, ceil_div(side->count, width), ceil_div(t->k, BLOCK_K), copies(p, side));
}

/* Steps between the batches of an operand that lies packed in `elements` each. */
static void push_packed_batch(struct recipe *r, const struct gemm_task *t, const struct product *p,
                              const struct side *side, int64_t elements) {
    bool many = copies(p, side) > 1;
    recipe_int(r, many ? t->batch1 * elements : 0);
    recipe_int(r, many ? elements : 0);
}

static void lower_product(const struct site *s, struct recipe *r, const struct gemm_task *t,
                          const struct product *p, const struct argument *a,
                          const struct argument *b) {
    recipe_kernel(r, "gemm_blocked", "gemm_blocked");
    recipe_width(r, s);
    recipe_define(r, "ROWS", p->rows);
    recipe_define(r, "KC", BLOCK_K);
    recipe_define(r, "TILES", p->tiles_held);
    recipe_define(r, "PANELS", p->panels_held);
    recipe_define(r, "PACKED_B", p->packed_b);
    recipe_define_text(r, "PANEL_SPACE", p->packed_b ? "__global" : "__local");
    recipe_define(r, "HAS_BIAS", t->bias.value != FOVEA_NO_VALUE);
    recipe_int(r, p->a.count);
    recipe_int(r, p->b.count);
    recipe_int(r, t->k);
    recipe_int(r, p->tiles_each);
    recipe_int(r, p->panels_each);
    recipe_int(r, p->b.k_step);
    recipe_int(r, p->b.step);
    recipe_int(r, p->c_row);
    recipe_int(r, p->c_column);
    recipe_int(r, t->batch1);
    push_packed_batch(r, t, p, &p->a, strip_elements(p, t));
    if (p->packed_b) push_packed_batch(r, t, p, &p->b, panel_elements(p, t));
    else recipe_int(r, p->b.batch[0]), recipe_int(r, p->b.batch[1]);
    recipe_int(r, t->c_batch);
    recipe_int(r, p->bias_row);
    recipe_int(r, p->bias_column);
    recipe_float(r, t->scale);
    recipe_float(r, t->bias_scale);
    gemm_push_operand(r, a);
    gemm_push_operand(r, b);
    gemm_push_operand(r, &t->bias);
    gemm_push_activation(r, t);
    gemm_push_operand(r, &t->c);
    local_one(r, ceil_div(p->panels, p->panels_each), ceil_div(p->tiles, p->tiles_each),
              p->batches);
}

static fovea_status lower(const struct site *s, struct recipe *r, enum form form) {
    struct argument packed = {.kind = ARGUMENT_PACKED, .element = sizeof(float)};
    struct argument work = {.kind = ARGUMENT_WORKSPACE, .element = sizeof(float)};
    size_t each = (size_t)once_elements(s, form) * sizeof(float);
    int64_t count = gemm_task_count(s);
    for (int64_t i = 0; i < count; i++) { /* what packs once comes first */
        struct gemm_task t = gemm_task_of(s, i);
        struct product p = plan_product(s, &t, form);
        packed.offset = (size_t)i * each;
        lower_pack(r, &t, &p, p.packed_b ? &p.b : &p.a, &packed);
        recipe_once(r);
    }
    for (int64_t i = 0; i < count; i++) {
        struct gemm_task t = gemm_task_of(s, i);
        struct product p = plan_product(s, &t, form);
        packed.offset = (size_t)i * each;
        if (p.packed_b) lower_pack(r, &t, &p, &p.a, &work);
        lower_product(s, r, &t, &p, p.packed_b ? &work : &packed, p.packed_b ? &packed : &p.b.x);
    }
    return FOVEA_OK;
}

/* ---- The three ---- */

static const char *refuse_b(const struct site *s) {
    return refuse(s, PACK_B);
}

static const char *refuse_a(const struct site *s) {
    return refuse(s, PACK_A);
}

static const char *refuse_swapped(const struct site *s) {
    return refuse(s, SWAPPED);
}

static double estimate_b(const struct site *s) {
    return estimate(s, PACK_B);
}

static double estimate_a(const struct site *s) {
    return estimate(s, PACK_A);
}

static double estimate_swapped(const struct site *s) {
    return estimate(s, SWAPPED);
}

static size_t packed_b(const struct site *s) {
    return (size_t)(once_elements(s, PACK_B) * gemm_task_count(s)) * sizeof(float);
}

static size_t packed_a(const struct site *s) {
    return (size_t)(once_elements(s, PACK_A) * gemm_task_count(s)) * sizeof(float);
}

static size_t packed_swapped(const struct site *s) {
    return (size_t)(once_elements(s, SWAPPED) * gemm_task_count(s)) * sizeof(float);
}

static size_t workspace_b(const struct site *s) {
    return (size_t)run_elements(s, PACK_B) * sizeof(float);
}

static size_t workspace_swapped(const struct site *s) {
    return (size_t)run_elements(s, SWAPPED) * sizeof(float);
}

static fovea_status lower_b(const struct site *s, struct recipe *r) {
    return lower(s, r, PACK_B);
}

static fovea_status lower_a(const struct site *s, struct recipe *r) {
    return lower(s, r, PACK_A);
}

static fovea_status lower_swapped(const struct site *s, struct recipe *r) {
    return lower(s, r, SWAPPED);
}

const struct algorithm gemm_blocked = {.name = "gemm_blocked",
                                       .refuse = refuse_b,
                                       .workspace = workspace_b,
                                       .packed = packed_b,
                                       .estimate = estimate_b,
                                       .lower = lower_b};
const struct algorithm gemm_blocked_a = {.name = "gemm_blocked_a",
                                         .refuse = refuse_a,
                                         .packed = packed_a,
                                         .estimate = estimate_a,
                                         .lower = lower_a};
const struct algorithm gemm_blocked_swapped = {.name = "gemm_blocked_swapped",
                                               .refuse = refuse_swapped,
                                               .workspace = workspace_swapped,
                                               .packed = packed_swapped,
                                               .estimate = estimate_swapped,
                                               .lower = lower_swapped};
