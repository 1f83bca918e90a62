/* Batch normalisation with the statistics of the batch, and its gradient, of channel-blocked values. */
#include "ops/blocked.h"
#include "ops/norm.h"

/* Pixels of a part: the first-level cache still has them when they are read again. A block's parts are
 * added up by one work-item, so huge planes have larger ones. */
enum { PART_BYTES = 16384, PARTS_MAX = 4096 };

struct blocks {
    int64_t batch, channels, blocks, pixels, chunk, chunks, parts, items;
};

static struct blocks blocks_of(const struct site *s) {
    fovea_value x = site_in(s, s->node->op == OP_BatchNormalizationGrad);
    const fovea_desc *d = &s->graph->values[x].desc;
    struct blocks b = {.batch = d->dim[0],
                       .channels = d->dim[1],
                       .blocks = site_channel_blocks(s, x),
                       .pixels = desc_span(d, 2, d->rank)};
    int64_t least = ceil_div(b.batch * b.pixels, PARTS_MAX);
    int64_t chunk = PART_BYTES / 4 / site_width(s);
    if (chunk < least) chunk = least;
    b.chunk = ceil_div(b.pixels, ceil_div(b.pixels, chunk));
    b.chunks = ceil_div(b.pixels, b.chunk);
    b.parts = b.batch * b.chunks;
    b.items = b.parts * b.blocks;
    return b;
}

static float count_of(const struct blocks *b) {
    return (float)b->batch * (float)b->pixels;
}

static size_t vectors(const struct site *s, int64_t count) { /* in bytes */
    return (size_t)(count * site_width(s)) * sizeof(float);
}

/* Partial sums, factors of each block, then two numbers of each channel. */
static size_t partial_bytes(const struct site *s, int64_t numbers) {
    return vectors(s, blocks_of(s).items * numbers);
}

static void push_parts(const struct site *s, struct recipe *r) {
    struct blocks b = blocks_of(s);
    blocked_launch(s, r, b.items);
    recipe_int(r, b.blocks);
    recipe_int(r, b.pixels);
    recipe_int(r, b.chunk);
    recipe_int(r, b.chunks);
    recipe_int(r, b.parts);
}

static void push_pixels(const struct site *s, struct recipe *r) {
    struct blocks b = blocks_of(s);
    blocked_launch(s, r, b.batch * b.blocks * b.pixels);
    recipe_int(r, b.blocks);
    recipe_int(r, b.pixels);
}

/* ---- Forward ---- */

enum { PARTIAL = 4, FACTORS = 3 };

static const char *training_refuse(const struct site *s) {
    if (!attr_int(s->node, "training_mode", 0)) return "training_mode must be 1";
    return blocked_refuse_rank(s);
}

static size_t training_statistics(const struct site *s) {
    return partial_bytes(s, PARTIAL) + vectors(s, blocks_of(s).blocks * FACTORS);
}

static size_t training_workspace(const struct site *s) {
    return training_statistics(s) + (size_t)blocks_of(s).channels * 2 * sizeof(float);
}

static double training_estimate(const struct site *s) {
    return blocked_seconds(s, 6 * (double)site_stored_elements(s, site_in(s, 0)));
}

/* One program for all three kernels. */
static void training_kernel(const struct site *s, struct recipe *r, const char *function) {
    recipe_kernel(r, "batch_norm_training_blocked", function);
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
}

static void training_finish(const struct site *s, struct recipe *r) {
    struct blocks b = blocks_of(s);
    float momentum = attr_float(s->node, "momentum", 0.9f);
    training_kernel(s, r, "batch_norm_training_blocked_finish");
    blocked_launch(s, r, b.blocks);
    recipe_int(r, b.pixels);
    recipe_int(r, b.chunk);
    recipe_int(r, b.chunks);
    recipe_int(r, b.parts);
    recipe_int(r, b.channels);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 2) != NULL);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    recipe_float(r, momentum);
    recipe_float(r, (float)(1 - (double)momentum));
    recipe_float(r, count_of(&b));
    recipe_workspace(r, 0, sizeof(float));
    for (size_t i = 1; i < 5; i++) recipe_value(r, site_in(s, i));
    recipe_workspace(r, partial_bytes(s, PARTIAL), sizeof(float));
    for (size_t i = 3; i < 5; i++)
        if (node_out(s->graph, s->node, i)) recipe_value(r, site_out(s, i));
        else
            recipe_workspace(r,
                             training_statistics(s) + (i - 3) * (size_t)b.channels * sizeof(float),
                             sizeof(float));
    recipe_value(r, site_out(s, 1));
    recipe_value(r, site_out(s, 2));
}

static fovea_status training_lower(const struct site *s, struct recipe *r) {
    training_kernel(s, r, "batch_norm_training_blocked_parts");
    push_parts(s, r);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    training_finish(s, r);
    if (!node_out(s->graph, s->node, 0)) return FOVEA_OK;
    recipe_kernel(r, "batch_norm_training_blocked", "batch_norm_training_blocked_apply");
    struct activation a = node_activation(s->node);
    recipe_define(r, "ACTIVATION", a.kind);
    push_pixels(s, r);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, partial_bytes(s, PARTIAL), sizeof(float));
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm batch_norm_training_blocked = {
    .name = "batch_norm_training_blocked",
    .refuse = training_refuse,
    .blocked = blocked_first,
    .workspace = training_workspace,
    .estimate = training_estimate,
    .inexact = true, /* the root */
    .lower = training_lower,
};

/* ---- Gradient ---- */

enum { GRAD_PARTIAL = 2, GRAD_FACTORS = 4 };

static uint32_t grad_blocked(const struct site *s) {
    (void)s;
    return 3 | BLOCKED_OUT;
}

static size_t grad_workspace(const struct site *s) {
    return partial_bytes(s, GRAD_PARTIAL) + vectors(s, blocks_of(s).blocks * GRAD_FACTORS);
}

static double grad_estimate(const struct site *s) {
    return blocked_seconds(s, 6 * (double)site_stored_elements(s, site_in(s, 0)));
}

static fovea_status grad_lower(const struct site *s, struct recipe *r) {
    struct blocks b = blocks_of(s);
    recipe_kernel(r, "batch_norm_grad_blocked", "batch_norm_grad_blocked_parts");
    push_parts(s, r);
    recipe_int(r, b.channels);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 3));
    recipe_workspace(r, 0, sizeof(float));
    recipe_kernel(r, "batch_norm_grad_blocked", "batch_norm_grad_blocked_finish");
    blocked_launch(s, r, b.blocks);
    recipe_int(r, b.parts);
    recipe_int(r, b.channels);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 2) != NULL);
    recipe_float(r, count_of(&b));
    recipe_workspace(r, 0, sizeof(float));
    for (size_t i = 2; i < 5; i++) recipe_value(r, site_in(s, i));
    recipe_workspace(r, partial_bytes(s, GRAD_PARTIAL), sizeof(float));
    recipe_value(r, site_out(s, 1));
    recipe_value(r, site_out(s, 2));
    if (!node_out(s->graph, s->node, 0)) return FOVEA_OK;
    recipe_kernel(r, "batch_norm_grad_blocked", "batch_norm_grad_blocked_apply");
    push_pixels(s, r);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, partial_bytes(s, GRAD_PARTIAL), sizeof(float));
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm batch_norm_grad_blocked = {
    .name = "batch_norm_grad_blocked",
    .refuse = blocked_refuse_rank,
    .blocked = grad_blocked,
    .workspace = grad_workspace,
    .estimate = grad_estimate,
    .inexact = true, /* the division */
    .lower = grad_lower,
};
