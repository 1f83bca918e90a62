/* Batch normalisation with the statistics of the batch, and its gradient: sums over parts of each channel,
 * what follows from them, and a pass over all elements. */
#include "ops/blocked.h"
#include "ops/norm.h"

static const struct algorithm batch_norm_grad;

const struct algorithm *const batch_norm_grad_algorithms[] = {&batch_norm_grad_blocked,
                                                              &batch_norm_grad, NULL};

/* ---- Parts ---- */

enum {
    PART = 4096,      /* elements: the first-level cache still has them when they are read again */
    PARTS_MAX = 4096, /* of a channel: one work-item adds them up */
    LANES_MAX = 128
};

/* A channel is cut into `count` parts: `chunk` neighbouring elements of `images` images each. */
struct parts {
    int64_t images, chunk, chunks, count;
};

static struct parts parts_of(const struct site *s) {
    struct planes p = norm_planes(s);
    int64_t least = ceil_div(p.batch * p.spatial, PARTS_MAX), each = least > PART ? least : PART;
    struct parts a = {.chunk = ceil_div(p.spatial, ceil_div(p.spatial, each))};
    a.chunks = ceil_div(p.spatial, a.chunk);
    a.images = a.chunks > 1 ? 1 : each / p.spatial;
    if (a.images > p.batch) a.images = p.batch;
    a.count = ceil_div(p.batch, a.images) * a.chunks;
    return a;
}

/* Work-items that share a part. */
static int64_t lanes_of(const struct site *s) {
    int64_t lanes = s->device->local_memory_is_real ? LANES_MAX : 1;
    while (lanes > (int64_t)s->device->max_work_group_size && lanes > 1) lanes /= 2;
    return lanes;
}

static void push_parts(const struct site *s, struct recipe *r, bool cut) {
    struct planes p = norm_planes(s);
    struct parts a = parts_of(s);
    recipe_int(r, p.batch);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
    if (cut) {
        recipe_int(r, a.images);
        recipe_int(r, a.chunk);
        recipe_int(r, a.chunks);
    }
    recipe_int(r, a.count);
}

static void launch_parts(const struct site *s, struct recipe *r) {
    int64_t lanes = lanes_of(s);
    recipe_global(r, (size_t)(parts_of(s).count * lanes), (size_t)norm_planes(s).channels, 0);
    recipe_local(r, (size_t)lanes, 1, 0);
}

static void push_planes(const struct site *s, struct recipe *r) {
    struct planes p = norm_planes(s);
    recipe_int(r, p.batch * p.channels);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
}

/* ---- Forward ---- */

enum { PARTIAL = 4 }; /* numbers of a part */

static const char *training_refuse(const struct site *s) {
    return attr_int(s->node, "training_mode", 0) ? NULL : "training_mode must be 1";
}

/* Bytes of the parts' numbers; mean and inverse of each channel follow. */
static size_t training_partial(const struct site *s) {
    return (size_t)(norm_planes(s).channels * parts_of(s).count * PARTIAL) * sizeof(float);
}

static size_t training_workspace(const struct site *s) {
    return training_partial(s) + (size_t)norm_planes(s).channels * 2 * sizeof(float);
}

/* The mean (output 3) and the inverse deviation (output 4), in workspace where they are not wanted. */
static void push_statistics(const struct site *s, struct recipe *r) {
    size_t bytes = (size_t)norm_planes(s).channels * sizeof(float);
    for (size_t i = 0; i < 2; i++)
        if (node_out(s->graph, s->node, 3 + i)) recipe_value(r, site_out(s, 3 + i));
        else recipe_workspace(r, training_partial(s) + i * bytes, sizeof(float));
}

/* One program for all three kernels. */
static void training_kernel(const struct site *s, struct recipe *r, const char *function) {
    recipe_kernel(r, "batch_norm_training", function);
    recipe_define(r, "LANES", lanes_of(s));
}

static void training_defines(const struct site *s, struct recipe *r) {
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
    recipe_define(r, "RUN", norm_run(s));
}

static void training_finish(const struct site *s, struct recipe *r) {
    float momentum = attr_float(s->node, "momentum", 0.9f);
    training_kernel(s, r, "batch_norm_training_finish");
    training_defines(s, r);
    push_parts(s, r, true);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 2) != NULL);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    recipe_float(r, momentum);
    recipe_float(r, (float)(1 - (double)momentum));
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_in(s, 3));
    recipe_value(r, site_in(s, 4));
    push_statistics(s, r);
    recipe_value(r, site_out(s, 1));
    recipe_value(r, site_out(s, 2));
    recipe_global(r, (size_t)norm_planes(s).channels, 0, 0);
}

static fovea_status training_lower(const struct site *s, struct recipe *r) {
    training_kernel(s, r, "batch_norm_training_parts");
    training_defines(s, r);
    push_parts(s, r, true);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    launch_parts(s, r);
    training_finish(s, r);
    if (!node_out(s->graph, s->node, 0)) return FOVEA_OK;
    training_kernel(s, r, "batch_norm_training_apply");
    push_planes(s, r);
    for (size_t i = 0; i < 3; i++) recipe_value(r, site_in(s, i));
    push_statistics(s, r);
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    norm_launch_runs(s, r);
    return FOVEA_OK;
}

static double plain_estimate(const struct site *s) {
    return blocked_seconds(s, 12 * (double)norm_planes(s).elements);
}

const struct algorithm batch_norm_training = {
    .name = "batch_norm_training",
    .estimate = plain_estimate,
    .refuse = training_refuse,
    .workspace = training_workspace,
    .inexact = true, /* the root */
    .lower = training_lower,
};

/* ---- Gradient ---- */

enum { GRAD_PARTIAL = 2, FACTORS = 3 }; /* numbers of a part, of a channel */

static size_t grad_partial(const struct site *s) {
    return (size_t)(norm_planes(s).channels * parts_of(s).count * GRAD_PARTIAL) * sizeof(float);
}

static size_t grad_workspace(const struct site *s) {
    return grad_partial(s) + (size_t)norm_planes(s).channels * FACTORS * sizeof(float);
}

static void grad_kernel(const struct site *s, struct recipe *r, const char *function) {
    recipe_kernel(r, "batch_norm_grad", function);
    recipe_define(r, "LANES", lanes_of(s));
}

static void grad_finish(const struct site *s, struct recipe *r) {
    grad_kernel(s, r, "batch_norm_grad_finish");
    recipe_define(r, "RUN", norm_run(s));
    push_parts(s, r, false);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 2) != NULL);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_in(s, 2));
    recipe_value(r, site_in(s, 4));
    recipe_workspace(r, grad_partial(s), sizeof(float));
    recipe_value(r, site_out(s, 1));
    recipe_value(r, site_out(s, 2));
    recipe_global(r, (size_t)norm_planes(s).channels, 0, 0);
}

static fovea_status grad_lower(const struct site *s, struct recipe *r) {
    grad_kernel(s, r, "batch_norm_grad_parts");
    recipe_define(r, "RUN", norm_run(s));
    push_parts(s, r, true);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 3));
    recipe_workspace(r, 0, sizeof(float));
    launch_parts(s, r);
    grad_finish(s, r);
    if (!node_out(s->graph, s->node, 0)) return FOVEA_OK;
    grad_kernel(s, r, "batch_norm_grad_apply");
    push_planes(s, r);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 3));
    recipe_workspace(r, grad_partial(s), sizeof(float));
    recipe_value(r, site_out(s, 0));
    norm_launch_runs(s, r);
    return FOVEA_OK;
}

static const struct algorithm batch_norm_grad = {
    .name = "batch_norm_grad",
    .estimate = plain_estimate,
    .workspace = grad_workspace,
    .inexact = true, /* the division */
    .lower = grad_lower,
};
