/* Every allocation fails once: loads a network, plans it on the reference and runs it with the n-th
 * allocation failing, for n = 1, 2, ... until nothing fails any more. Each failure must come back as
 * NO_MEMORY with a sentence and leave nothing behind (the leak check of a sanitizer build sees to that). */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { PICTURE = 28 * 28, CLASSES = 10, MOST_ALLOCATIONS = 1000000 };

struct work {
    fovea_graph *graph;
    fovea_context *context;
    fovea_plan *plan;
};

static fovea_status classify(struct work *w, float *scores) {
    static const fovea_context_options options = {.no_store = true};
    static const float picture[PICTURE];
    fovea_tensor *input, *output;
    TRY(fovea_graph_load_onnx(&w->graph, getenv("FOVEA_TEST_MODEL")));
    TRY(fovea_context_create(&w->context, "reference", &options));
    TRY(fovea_plan_create(&w->plan, w->context, w->graph, NULL));
    TRY(fovea_plan_tensor(w->plan, "input", &input));
    TRY(fovea_plan_tensor(w->plan, "output", &output));
    TRY(fovea_tensor_write(input, picture, sizeof picture));
    TRY(fovea_plan_run(w->plan));
    return fovea_tensor_read(output, scores, CLASSES * sizeof *scores);
}

static void clean(struct work *w) {
    fovea_plan_destroy(w->plan);
    fovea_context_destroy(w->context);
    fovea_graph_destroy(w->graph);
}

START_TEST(every_allocation_fails_once) {
    float expected[CLASSES] = {0}, scores[CLASSES];
    struct work w = {0};
    ck_assert_msg(classify(&w, expected) == FOVEA_OK, "%s", fovea_error());
    clean(&w);

    size_t n = 1, refused = 0;
    for (;; n++) {
        ck_assert_msg(n < MOST_ALLOCATIONS, "still failing after %zu allocations", n);
        memset(&w, 0, sizeof w);
        memset(scores, 0, sizeof scores);
        mem_fail_after(n);
        fovea_status status = classify(&w, scores);
        bool untouched = mem_fail_left() > 0;
        mem_fail_after(0);
        if (status != FOVEA_OK) {
            refused++;
            ck_assert_msg(status == FOVEA_NO_MEMORY, "allocation %zu: %s (%s)", n,
                          fovea_status_name(status), fovea_error());
            ck_assert_msg(strlen(fovea_error()) > 10, "allocation %zu: no sentence", n);
        } else {
            /* Work that goes on without the memory must still give the same answer. */
            ck_assert_msg(memcmp(scores, expected, sizeof scores) == 0,
                          "allocation %zu: wrong answer", n);
        }
        clean(&w);
        if (untouched) break;
    }
    printf("%zu allocations, %zu of their failures refused\n", n - 1, refused);
    ck_assert_msg(refused > 50, "only %zu of %zu failures were noticed", refused, n - 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("alloc_failure");
    TCase *tests = tcase_create("network");
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_set_timeout(tests, 240);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
