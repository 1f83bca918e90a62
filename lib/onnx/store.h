/* What the parts of the ONNX writer share. */
#ifndef ONNX_STORE_H
#define ONNX_STORE_H

#include "graph/graph.h"
#include "onnx/guess.h"
#include "onnx/names.h"
#include "onnx/wire.h"

enum { OPSET_WRITTEN = 17 }; /* unless an operator needs a higher one */

struct storer {
    const fovea_graph *graph;
    int64_t opset;
    const char *domain; /* of operators that are not in ONNX's own; NULL: there are none */
    const char **name;  /* of each value: unique, owned below */
    bool *used;         /* values that the written nodes use */
    struct names value_names, node_names;
    char **owned; /* names of nodes and helper values */
    size_t n_owned, owned_capacity;
    struct guesses guesses;
    struct wire nodes; /* the node fields of a GraphProto */
};

/* A node as it is written: names instead of values. */
struct written {
    const char *op, *name;
    const char *const *in, *const *out;
    size_t n_in, n_out;
    struct wire attributes; /* fields 5 of a NodeProto; freed by store_write_node */
};

/* The lowest opset, from OPSET_WRITTEN on, that has the forms a node needs. */
int64_t store_opset_of(const fovea_graph *, const struct node *);
/* Appends a node of the graph in the form that the storer's opset has. */
fovea_status store_node(struct storer *, const struct node *);
/* Appends a node under a name like `node->name`; its used inputs must be marked by the caller. */
fovea_status store_write_node(struct storer *, struct written *);
/* A name that no value has yet, owned by the storer; NULL if memory ran out. */
const char *store_fresh_name(struct storer *, const char *base, const char *role);

void store_attribute_int(struct wire *, const char *name, int64_t);
void store_attribute_ints(struct wire *, const char *name, const int64_t *, size_t);
void store_attribute(struct wire *, const struct attribute *);
void store_attribute_tensor(struct wire *, const char *name, const struct value *);

/* As fovea_graph_store_onnx; constants of `inline_limit` bytes together and more go into a second
 * file, PATH.data, since a protobuf message must stay below 2 GiB. */
fovea_status store_model(const fovea_graph *, const char *path, uint64_t inline_limit);

#endif
