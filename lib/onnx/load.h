/* What the parts of the ONNX reader share. */
#ifndef ONNX_LOAD_H
#define ONNX_LOAD_H

#include "graph/graph.h"
#include "onnx/guess.h"
#include "onnx/names.h"
#include "onnx/onnx.pb-c.h"

enum { OPSET_OLDEST = 6, OPSET_NEWEST = 28, IR_OLDEST = 3 };

struct loader {
    const char *path;
    Onnx__GraphProto *file;
    int64_t opset;
    fovea_graph *graph;
    struct names values;    /* of `graph`, by name */
    struct names producers; /* nodes of `file`, by the names of their outputs */
    struct guesses guesses; /* of values that nodes make */
};

/* The operator's name for a sentence: "Conv node 'conv1'", in a per-thread buffer. */
const char *load_node_text(const Onnx__NodeProto *);
/* UNSUPPORTED with every operator that is not known, or OK. */
fovea_status load_check_operators(const struct loader *, const Onnx__ModelProto *);
/* The nodes so that each comes after those whose outputs it uses; file order where that is free.
 * Also fills `producers`. Errors: BAD_FILE (a cycle, a name made twice or by nobody). */
fovea_status load_order(struct loader *, size_t *order);
/* A new value under a name of the file. BAD_FILE if it is taken. */
fovea_status load_value(struct loader *, const char *name, const fovea_desc *, fovea_value *out);
/* A new value, or a constant, under a new name made from `base` and `role`. The constant takes over
 * `data`, also on failure. */
fovea_status load_fresh(struct loader *, const char *base, const char *role, fovea_value *out);
fovea_status load_constant(struct loader *, const char *base, const char *role, const fovea_desc *,
                           void *data, fovea_value *out);
/* Values from `first` on were named by the graph: gives each a new name made from `base` and its own. */
fovea_status load_rename(struct loader *, const char *base, size_t first);
/* gradient.c: whether a node is ONNX's Gradient; the value that it differentiates, whose name the attribute y
 * holds; the nodes that take its place. */
enum { LOAD_NAME = 512 };
bool load_is_gradient(const Onnx__NodeProto *);
fovea_status load_gradient_of(const Onnx__NodeProto *, char name[LOAD_NAME]);
fovea_status load_gradient(struct loader *, const Onnx__NodeProto *);
/* Appends one node of the file in canonical form. */
fovea_status load_node(struct loader *, const Onnx__NodeProto *);

#endif
