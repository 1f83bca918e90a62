/* One operator on the CPU reference, from a problem line. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/element.h"

enum { OPERANDS = 16 };

static void fill_inputs(const fovea_graph *g, const struct node *n, const double *const *contents,
                        struct reference_in *in) {
    size_t next = 0;
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (!v) continue;
        in[i].desc = v->desc;
        if (v->storage) {
            in[i].data = v->storage->data;
            continue;
        }
        size_t elements = (size_t)value_elements(v);
        void *data = mem_zero(elements, fovea_dtype_size(v->desc.dtype));
        for (size_t k = 0; k < elements; k++)
            element_store(v->desc.dtype, data, k, contents[next][k]);
        in[i].data = data;
        next++;
    }
}

static void compare(const char *line, const struct reference_out *o, const double *expected,
                    size_t count, double tolerance) {
    ck_assert_msg(fovea_desc_elements(&o->desc) == (int64_t)count,
                  "%s: %lld elements, expected %zu", line, (long long)fovea_desc_elements(&o->desc),
                  count);
    for (size_t i = 0; i < count; i++) {
        double got = o->y ? o->y[i] : element_load(o->desc.dtype, o->data, i), want = expected[i];
        bool equal = got == want || (isnan(got) && isnan(want)) ||
                     fabs(got - want) <= tolerance * fmax(1, fabs(want));
        ck_assert_msg(equal, "%s: element %zu is %.9g, expected %.9g", line, i, got, want);
        ck_assert_msg(!o->bound || (o->bound[i] >= 0 && isfinite(o->bound[i])) || !isfinite(want),
                      "%s: element %zu has the bound %g", line, i, o->bound ? o->bound[i] : 0);
    }
}

void expect_reference(const char *line, const double *const *contents, size_t output,
                      const double *expected, size_t count, double tolerance) {
    fovea_graph *g;
    struct reference_in in[OPERANDS] = {0};
    struct reference_out out[OPERANDS] = {0};
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    const struct node *n = &g->nodes[0];
    fill_inputs(g, n, contents, in);
    for (size_t i = 0; i < n->n_out; i++) {
        out[i].desc = node_out(g, n, i)->desc;
        size_t elements = (size_t)fovea_desc_elements(&out[i].desc);
        out[i].data = mem_zero(elements, fovea_dtype_size(out[i].desc.dtype));
        if (!dtype_is_float(out[i].desc.dtype)) continue;
        out[i].y = mem_zero(elements, sizeof(double));
        out[i].bound = mem_zero(elements, sizeof(double));
    }
    struct reference_call call = {n, in, n->n_in, out, n->n_out};
    ck_assert_msg(reference_run(&call) == FOVEA_OK, "%s: %s", line, fovea_error());
    compare(line, &out[output], expected, count, tolerance);
    for (size_t i = 0; i < n->n_in; i++)
        if (node_in(g, n, i) && !node_in(g, n, i)->storage) mem_free((void *)in[i].data);
    for (size_t i = 0; i < n->n_out; i++) {
        mem_free(out[i].data);
        mem_free(out[i].y);
        mem_free(out[i].bound);
    }
    fovea_graph_destroy(g);
}

void expect_refused(const char *line, fovea_status status) {
    fovea_graph *g;
    fovea_status got = fovea_graph_from_problem(&g, line);
    ck_assert_msg(got == status, "%s: %s, expected %s (%s)", line, fovea_status_name(got),
                  fovea_status_name(status), fovea_error());
    ck_assert_msg(strlen(fovea_error()) > 10, "%s: no sentence", line);
    fovea_graph_destroy(g);
}

void expect_shape(const char *line, const char *shape) {
    fovea_graph *g;
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    const char *got = desc_text(&node_out(g, &g->nodes[0], 0)->desc);
    ck_assert_msg(strcmp(got, shape) == 0, "%s: shape %s, expected %s", line, got, shape);
    fovea_graph_destroy(g);
}

int harness_main(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#if defined(__SANITIZE_ADDRESS__)
/* OpenCL runtimes stay loaded in a sanitizer build: the names of their functions decide which leaks are
 * theirs (tests/leaks.txt), and a library that was unloaded has none. */
int dlclose(void *library);
int dlclose(void *library) {
    (void)library;
    return 0;
}
#endif
