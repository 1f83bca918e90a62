/* The self-test reaches every algorithm that the device can have: no list grows without it. The device is $FOVEA_TEST_DEVICE,
 * else the first that is named Portable Computing Language. Exit code 77: no such device. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/alloc.h"
#include "ops/algorithm.h"

static const char *device_name(void) {
    const char *name = getenv("FOVEA_TEST_DEVICE");
    return name ? name : "Portable Computing Language";
}

/* All names of algorithms that accept some problem of the self-test, each between spaces. */
static char *names_reached(fovea_context *c) {
    struct text t = {0};
    for (size_t i = 0; fovea_self_test_problem(i); i++) {
        fovea_graph *g;
        fovea_plan *p;
        fovea_step_info step;
        fovea_plan_options o = {.no_rewrite = true, .unchecked = true};
        const char *line = fovea_self_test_problem(i);
        ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
        ck_assert_msg(fovea_plan_create(&p, c, g, &o) == FOVEA_OK, "%s", fovea_error());
        for (size_t k = 0; fovea_plan_step(p, k, &step) == FOVEA_OK; k++)
            text_add(&t, " %s ", step.accepted);
        fovea_plan_destroy(p);
        fovea_graph_destroy(g);
    }
    return text_take(&t);
}

START_TEST(every_algorithm_is_reached) {
    fovea_context *c;
    char piece[128];
    ck_assert_msg(fovea_context_create(&c, device_name(), NULL) == FOVEA_OK, "%s", fovea_error());
    char *reached = names_reached(c);
    size_t count = 0;
    for (int op = 0; op < OP_COUNT; op++)
        for (size_t i = 0; algorithms_of((enum op)op)[i]; i++, count++) {
            const char *name = algorithms_of((enum op)op)[i]->name;
            bool can = fovea_context_device(c)->has_subgroups;
            if (algorithms_of((enum op)op)[i]->subgroups && !can) continue;
            snprintf(piece, sizeof piece, " %s ", name);
            ck_assert_msg(strstr(reached, piece) != NULL, "no self-test problem reaches %s", name);
        }
    ck_assert_uint_gt(count, 30);
    mem_free(reached);
    fovea_context_destroy(c);
}
END_TEST

int main(void) {
    fovea_context *c;
    if (fovea_context_create(&c, device_name(), NULL) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    fovea_context_destroy(c);
    Suite *suite = suite_create("self_test");
    TCase *tests = tcase_create("self_test");
    tcase_set_timeout(tests, 280); /* every program is compiled, cold */
    tcase_add_test(tests, every_algorithm_is_reached);
    suite_add_tcase(suite, tests);
    setenv("CK_FORK", "no", 1); /* a runtime's threads do not survive a fork */
    return harness_main(suite);
}
