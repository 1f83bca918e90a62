/* Names of a file: who makes what, in which order, and operators that nobody knows. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "onnx/load.h"

const char *load_node_text(const Onnx__NodeProto *n) {
    static _Thread_local char text[256];
    const char *name = n->name && *n->name ? n->name : n->n_output ? n->output[0] : "";
    snprintf(text, sizeof text, "%.60s node '%.150s'", n->op_type ? n->op_type : "(no operator)",
             name);
    return text;
}

/* ---- Unknown operators ---- */

static bool is_default_domain(const char *domain) {
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

static bool is_known(const Onnx__NodeProto *n) {
    const char *name = n->op_type ? n->op_type : "";
    enum op op = op_find(name);
    bool read = (op != OP_COUNT && !op_is_ours(op)) || strcmp(name, "Constant") == 0 ||
                strcmp(name, "Upsample") == 0;
    const char *domain = is_default_domain(n->domain) ? "" : n->domain;
    return load_is_gradient(n) || (read && strcmp(domain, op_domain(op)) == 0);
}

static bool same_operator(const Onnx__NodeProto *a, const Onnx__NodeProto *b) {
    bool both = is_default_domain(a->domain) && is_default_domain(b->domain);
    return strcmp(a->op_type ? a->op_type : "", b->op_type ? b->op_type : "") == 0 &&
           (both || strcmp(a->domain ? a->domain : "", b->domain ? b->domain : "") == 0);
}

static int64_t opset_of(const Onnx__ModelProto *m, const char *domain) {
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const char *d = m->opset_import[i]->domain;
        if (is_default_domain(domain) ? is_default_domain(d) : d && strcmp(d, domain) == 0)
            return m->opset_import[i]->version;
    }
    return 0;
}

enum { LISTED = 64 };

static void list_operator(struct text *t, const Onnx__ModelProto *m, const Onnx__NodeProto *n) {
    static const char *const with_subgraph[] = {"If", "Loop", "Scan", "SequenceMap"};
    const char *op = n->op_type ? n->op_type : "(no operator)";
    text_add(t, "%s%.60s (domain %.60s, opset %lld, node '%.60s'", t->length ? "; " : "", op,
             is_default_domain(n->domain) ? "ai.onnx" : n->domain,
             (long long)opset_of(m, n->domain),
             n->name && *n->name ? n->name
             : n->n_output       ? n->output[0]
                                 : "");
    for (size_t i = 0; i < sizeof with_subgraph / sizeof *with_subgraph; i++)
        if (strcmp(op, with_subgraph[i]) == 0) text_add(t, ", needs a subgraph");
    text_add(t, ")");
}

fovea_status load_check_operators(const struct loader *l, const Onnx__ModelProto *m) {
    const Onnx__NodeProto *seen[LISTED];
    size_t count = 0, nodes = 0;
    struct text t = {0};
    for (size_t i = 0; i < l->file->n_node; i++) {
        const Onnx__NodeProto *n = l->file->node[i];
        if (is_known(n)) continue;
        nodes++;
        size_t k = 0;
        while (k < count && !same_operator(seen[k], n)) k++;
        if (k < count || count == LISTED) continue;
        seen[count++] = n;
        list_operator(&t, m, n);
    }
    if (nodes == 0) return FOVEA_OK;
    fovea_status status =
        fail(FOVEA_UNSUPPORTED, "%zu of %zu nodes have operators that are not covered: %s%s", nodes,
             l->file->n_node, t.s ? t.s : "", count == LISTED ? "; and perhaps more" : "");
    text_free(&t);
    return status;
}

/* ---- Order ---- */

static fovea_status collect_producers(struct loader *l) {
    for (size_t i = 0; i < l->file->n_node; i++) {
        const Onnx__NodeProto *n = l->file->node[i];
        for (size_t k = 0; k < n->n_output; k++) {
            const char *name = n->output[k];
            if (!*name) continue;
            if (names_find(&l->producers, name) != NAMES_NONE ||
                names_find(&l->values, name) != NAMES_NONE)
                return fail(FOVEA_BAD_FILE, "%s makes '%.200s', which something else makes too",
                            load_node_text(n), name);
            if (!names_add(&l->producers, name, (uint32_t)i)) return fail_memory(64, "names");
        }
    }
    return FOVEA_OK;
}

/* Depth first through the inputs, without recursion: a file may hold very long chains. */
struct walk {
    struct visit {
        uint32_t node;
        size_t next; /* input to look at */
    } * stack;
    size_t depth, done;
    uint8_t *state; /* 0 new, 1 on the stack, 2 done */
    size_t *order;
};

static fovea_status walk_input(struct loader *l, struct walk *w, const Onnx__NodeProto *n,
                               const char *name) {
    if (!*name || names_find(&l->values, name) != NAMES_NONE) return FOVEA_OK;
    uint32_t from = names_find(&l->producers, name);
    if (from == NAMES_NONE)
        return fail(FOVEA_BAD_FILE, "%s uses '%.200s', which nothing makes", load_node_text(n),
                    name);
    if (w->state[from] == 1)
        return fail(FOVEA_BAD_FILE, "%s is part of a cycle through '%.200s'", load_node_text(n),
                    name);
    if (w->state[from] == 0) {
        w->state[from] = 1;
        w->stack[w->depth++] = (struct visit){from, 0};
    }
    return FOVEA_OK;
}

static fovea_status walk_from(struct loader *l, struct walk *w, uint32_t start) {
    if (w->state[start]) return FOVEA_OK;
    w->state[start] = 1;
    w->stack[w->depth++] = (struct visit){start, 0};
    while (w->depth) {
        struct visit *top = &w->stack[w->depth - 1];
        const Onnx__NodeProto *n = l->file->node[top->node];
        if (top->next < n->n_input) {
            TRY(walk_input(l, w, n, n->input[top->next++]));
            continue;
        }
        if (top->next++ == n->n_input && load_is_gradient(n)) { /* needs what it differentiates */
            char name[LOAD_NAME];
            TRY(load_gradient_of(n, name));
            TRY(walk_input(l, w, n, name));
            continue;
        }
        w->state[top->node] = 2;
        w->order[w->done++] = top->node;
        w->depth--;
    }
    return FOVEA_OK;
}

fovea_status load_order(struct loader *l, size_t *order) {
    size_t n = l->file->n_node;
    if (n >= NAMES_NONE) return fail(FOVEA_UNSUPPORTED, "there are too many nodes");
    struct walk w = {mem_array(n, sizeof *w.stack), 0, 0, mem_zero(n, 1), order};
    fovea_status status = w.stack && w.state ? collect_producers(l) : fail_memory(n, "the order");
    for (size_t i = 0; status == FOVEA_OK && i < n; i++) status = walk_from(l, &w, (uint32_t)i);
    mem_free(w.stack);
    mem_free(w.state);
    return status;
}
