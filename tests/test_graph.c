/* Graphs: building, naming, problem lines. */
#include "harness.h"

START_TEST(unknown_operator_is_refused) {
    expect_refused("Fly 1x2", FOVEA_UNSUPPORTED);
}
END_TEST

START_TEST(bad_problem_lines_are_refused) {
    expect_refused("Conv 0x3x5x5 2x3x3x3", FOVEA_INVALID);
    expect_refused("MaxPool 0x3x5x5 kernel_shape=2,2", FOVEA_INVALID);
    expect_refused("Relu 1x", FOVEA_INVALID);
    expect_refused("Relu q8:2", FOVEA_INVALID);
    expect_refused("Relu f[1,2", FOVEA_INVALID);
    expect_refused("Relu 2 -> 0", FOVEA_INVALID);
    expect_refused("Relu 99999999999x99999999999x99999", FOVEA_INVALID);
}
END_TEST

START_TEST(names_are_unique) {
    fovea_graph *g;
    fovea_desc d = {FOVEA_FLOAT32, 1, {3}};
    fovea_value a, b;
    ck_assert_int_eq(fovea_graph_create(&g), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "a", &d, &a), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "a", &d, &b), FOVEA_INVALID);
    ck_assert_int_eq(b, FOVEA_NO_VALUE);
    ck_assert_int_eq(fovea_graph_find(g, "a"), a);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(nodes_tell_their_values) {
    fovea_graph *g;
    ck_assert_int_eq(fovea_graph_from_problem(&g, "Clip 3 - f[6]"), FOVEA_OK);
    ck_assert_uint_eq(fovea_graph_node_input(g, 0, 0), fovea_graph_find(g, "x0"));
    ck_assert_uint_eq(fovea_graph_node_input(g, 0, 1), FOVEA_NO_VALUE);
    ck_assert_uint_eq(fovea_graph_node_input(g, 0, 2), fovea_graph_find(g, "x2"));
    ck_assert_uint_ne(fovea_graph_node_input(g, 0, 2), FOVEA_NO_VALUE);
    ck_assert_uint_eq(fovea_graph_node_input(g, 0, 3), FOVEA_NO_VALUE);
    ck_assert_uint_eq(fovea_graph_node_input(g, 1, 0), FOVEA_NO_VALUE);
    ck_assert_uint_eq(fovea_graph_node_output(g, 0, 0), fovea_graph_find(g, "y0"));
    ck_assert_uint_eq(fovea_graph_node_output(g, 0, 1), FOVEA_NO_VALUE);
    fovea_graph_destroy(g);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph");
    TCase *tests = tcase_create("graph");
    tcase_add_test(tests, unknown_operator_is_refused);
    tcase_add_test(tests, bad_problem_lines_are_refused);
    tcase_add_test(tests, names_are_unique);
    tcase_add_test(tests, nodes_tell_their_values);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
