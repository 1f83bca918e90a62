/* Convolution on GPUs as a matrix product of filters and windows: cl_kernels/conv_implicit_gemm.cl. */
#include "ops/conv.h"
#include "ops/gemm.h"
#include "ops/tile.h"

enum {
    SPLITS_MOST = 32,
    PARTS_LIMIT = 64 << 20, /* bytes of the parts of split sums */
    GROUPS_LIMIT = 65535,   /* of work-groups along y and z on some devices */
};

/* Inputs are gathered through a table, which costs a tenth beside a plain product. */
static const double GATHER = 1.1;

static const struct tunable tunables[] = {
    {"tile", {TILE_NUMBERS}}, {"splits", {1, 2, 4, 8, 16, 32}}, {0}};

static int64_t results(const struct conv *c) {
    return c->n * c->groups * c->oc * c->pixels;
}

static struct tile_choice choose(const struct site *s, const struct conv *c) {
    double flops, bytes;
    int64_t fit = PARTS_LIMIT / (int64_t)sizeof(float) / (results(c) + 1);
    int most = fit < 1 ? 1 : fit < SPLITS_MOST ? (int)fit : SPLITS_MOST;
    graph_cost(s->graph, s->node, &flops, &bytes);
    struct tile_task task = {c->oc, c->n * c->pixels, c->k, c->groups, bytes};
    return tile_choose(s->device, &task, 0, site_tuned(s, 0, 0), site_tuned(s, 1, 0), most);
}

static int64_t rows_of(const struct conv *c, const struct tile *t) {
    return (c->oc + t->m - 1) / t->m;
}

static const char *conv_implicit_gemm_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    const char *reason = tile_refuse(s->device, 0);
    if (reason) return reason;
    if (c.k == 0) return "an empty sum";
    if (c.oc / 32 >= GROUPS_LIMIT || c.groups * SPLITS_MOST > GROUPS_LIMIT)
        return "more than 65535 tiles of filters, or 2047 groups";
    if (c.n * c.pixels > INT32_MAX - 128) return "more than 2^31 - 129 output pixels";
    return conv_refuse_phases(&c);
}

static size_t conv_implicit_gemm_workspace(const struct site *s) {
    struct conv c = conv_of(s);
    struct tile_choice choice = choose(s, &c);
    return choice.splits > 1 ? sizeof(float) * (size_t)(choice.splits * results(&c)) : 0;
}

/* Filters in tiles, and behind them the table. */
static size_t table_start(const struct conv *c, const struct tile *t) {
    return sizeof(float) * (size_t)(c->groups * rows_of(c, t) * t->m * tile_chunks(t, c->k) * t->k);
}

static size_t conv_implicit_gemm_packed(const struct site *s) {
    struct conv c = conv_of(s);
    const struct tile *t = choose(s, &c).tile;
    return table_start(&c, t) + 4 * sizeof(int32_t) * (size_t)(tile_chunks(t, c.k) * t->k);
}

static double conv_implicit_gemm_estimate(const struct site *s) {
    struct conv c = conv_of(s);
    return GATHER * choose(s, &c).seconds + s->device->launch_overhead_us * 1e-6;
}

/* Whether a window reaches outside of x, or the last chunk past k. */
static bool is_padded(const struct conv *c, const struct tile *t) {
    const struct window *w = &c->w;
    for (int i = 0; i < 3; i++) {
        int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t end = (w->out[i] - 1) * w->stride[i] - w->pad_begin[i] + extent;
        if (w->pad_begin[i] > 0 || end > w->in[i]) return true;
    }
    return c->k % t->k != 0;
}

/* Starts a launch. All three have the same defines, so that they are one program. */
static void start(const struct site *s, struct recipe *r, const struct conv *c,
                  const struct tile *t, const char *function) {
    recipe_kernel(r, "conv_implicit_gemm", function);
    conv_push_window(r, &c->w);
    tile_define(r, t);
    recipe_define(r, "VOLUME", c->w.rank == 3);
    recipe_define(r, "PADDED", is_padded(c, t));
    recipe_define(r, "HAS_BIAS", site_in(s, 2) != FOVEA_NO_VALUE);
}

static void lower_pack(const struct site *s, struct recipe *r, const struct conv *c,
                       const struct tile *t) {
    int64_t rows = rows_of(c, t) * t->m;
    start(s, r, c, t, "conv_implicit_gemm_pack");
    recipe_define(r, "HAS_RESIDUAL", site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
    recipe_once(r);
    recipe_int(r, c->w.in[1]);
    recipe_int(r, c->w.in[2]);
    recipe_int(r, c->plane);
    recipe_int(r, c->oc);
    recipe_int(r, c->k);
    recipe_int(r, rows);
    recipe_int(r, c->weights.group);
    recipe_int(r, c->weights.out);
    recipe_int(r, c->weights.in);
    recipe_int(r, c->weights.column); /* of all taps: they are in their order or turned */
    conv_push_weights(s, r, c);
    recipe_packed(r, 0, sizeof(float));
    recipe_packed(r, table_start(c, t), 4 * sizeof(int32_t));
    gemm_launch(s, r, tile_chunks(t, c->k) * t->k, c->groups * rows, 1);
}

/* Bias, residual, activation and the output of the last kernel; of one that only makes parts, those. */
static void push_end(const struct site *s, struct recipe *r, bool parts) {
    recipe_value(r, site_in(s, 2));
    conv_push_residual(s, r);
    if (!parts) {
        conv_push_outputs(s, r);
        return;
    }
    recipe_activation(r, s->node);
    recipe_workspace(r, 0, sizeof(float));
}

static void lower_product(const struct site *s, struct recipe *r, const struct conv *c,
                          const struct tile_choice *choice) {
    const struct tile *t = choice->tile;
    size_t items = (size_t)tile_items(t);
    start(s, r, c, t, "conv_implicit_gemm");
    recipe_int(r, c->n);
    recipe_int(r, c->groups);
    recipe_int(r, c->ic);
    conv_push_ints(r, c->w.in);
    recipe_int(r, c->oc);
    conv_push_ints(r, c->w.out);
    conv_push_ints(r, c->w.pad_begin);
    recipe_int(r, tile_chunks(t, c->k));
    recipe_int(r, choice->splits);
    recipe_value(r, site_in(s, 0));
    recipe_packed(r, 0, 4 * sizeof(float));
    recipe_packed(r, table_start(c, t), 4 * sizeof(int32_t));
    push_end(s, r, choice->splits > 1);
    recipe_global(r, (size_t)((c->n * c->pixels + t->n - 1) / t->n) * items, (size_t)rows_of(c, t),
                  (size_t)(c->groups * choice->splits));
    recipe_local(r, items, 1, 1);
}

static void lower_sum(const struct site *s, struct recipe *r, const struct conv *c,
                      const struct tile_choice *choice) {
    start(s, r, c, choice->tile, "conv_implicit_gemm_sum");
    recipe_int(r, results(c));
    recipe_int(r, c->groups * c->oc);
    recipe_int(r, c->pixels);
    recipe_int(r, choice->splits);
    recipe_workspace(r, 0, sizeof(float));
    push_end(s, r, false);
    gemm_launch(s, r, results(c), 1, 1);
}

static fovea_status conv_implicit_gemm_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_of(s);
    struct tile_choice choice = choose(s, &c);
    lower_pack(s, r, &c, choice.tile);
    lower_product(s, r, &c, &choice);
    if (choice.splits > 1) lower_sum(s, r, &c, &choice);
    return FOVEA_OK;
}

const struct algorithm conv_implicit_gemm = {.name = "conv_implicit_gemm",
                                             .refuse = conv_implicit_gemm_refuse,
                                             .tunables = tunables,
                                             .workspace = conv_implicit_gemm_workspace,
                                             .packed = conv_implicit_gemm_packed,
                                             .estimate = conv_implicit_gemm_estimate,
                                             .lower = conv_implicit_gemm_lower};
