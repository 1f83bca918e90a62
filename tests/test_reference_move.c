/* Operators that move elements: values worked out by hand, shapes, refusals. */
#include "harness.h"

#include <math.h>
#include <string.h>

#define INPUTS(...) ((const double *const[]){__VA_ARGS__})
#define LIST(...)   ((const double[]){__VA_ARGS__})
/* One input 0, 1, 2, ...; the expected values follow. */
#define EXPECT(line, ...)                                                                          \
    expect_reference(line, INPUTS(ramp), 0, LIST(__VA_ARGS__),                                     \
                     sizeof LIST(__VA_ARGS__) / sizeof(double), 0)

static const double ramp[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                              16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

START_TEST(concat) {
    expect_reference("Concat 2x1 2x2 2x1 axis=1", INPUTS(LIST(1, 2), LIST(3, 4, 5, 6), LIST(7, 8)),
                     0, LIST(1, 3, 4, 7, 2, 5, 6, 8), 8, 0);
    expect_reference("Concat i64:2 i64:0 i64:1 axis=-1", INPUTS(LIST(1, 2), LIST(0), LIST(-7)), 0,
                     LIST(1, 2, -7), 3, 0);
    expect_refused("Concat 2x3 2x3", FOVEA_INVALID);
    expect_refused("Concat 2x3 3x3 axis=1", FOVEA_INVALID);
    expect_refused("Concat 2x3 2 axis=0", FOVEA_INVALID);
    expect_refused("Concat 2 i32:2 axis=0", FOVEA_INVALID);
    expect_refused("Concat 2x3 2x3 axis=2", FOVEA_INVALID);
}
END_TEST

START_TEST(split) {
    expect_reference("Split 2x3 i64[1,2] axis=1 -> 2", INPUTS(ramp), 1, LIST(1, 2, 4, 5), 4, 0);
    expect_reference("Split 5 num_outputs=3 -> 3", INPUTS(ramp), 2, LIST(4), 1, 0);
    expect_reference("Split 4 -> 2", INPUTS(ramp), 1, LIST(2, 3), 2, 0);
    expect_reference("Split 0 i64[0,0,0] -> 3", INPUTS(ramp), 2, LIST(0), 0, 0);
    expect_refused("Split 5 -> 2", FOVEA_INVALID);
    expect_refused("Split 5 i64[2,2] -> 2", FOVEA_INVALID);
    expect_refused("Split 5 i64[6,-1] -> 2", FOVEA_INVALID);
    expect_refused("Split 5 i64[2,3] -> 3", FOVEA_INVALID);
    expect_refused("Split 4 num_outputs=3 -> 2", FOVEA_INVALID);
    expect_refused("Split 2 num_outputs=5 -> 5", FOVEA_INVALID);
}
END_TEST

START_TEST(slice) {
    EXPECT("Slice 2x4 i64[1,0] i64[2,3] i64[0,1] i64[1,2]", 4, 6);
    EXPECT("Slice 5 i64[-1] i64[-9223372036854774784] i64[0] i64[-2]", 4, 2, 0);
    EXPECT("Slice 5 i64[1] i64[1000]", 1, 2, 3, 4);
    EXPECT("Slice 5 i64[-1000] i64[2]", 0, 1);
    EXPECT("Slice 5 i64[4] i64[-100] i64[0] i64[-3]", 4, 1);
    EXPECT("Slice 5 i64[0] i64[5] i64[0] i64[9223372036854774784]", 0);
    EXPECT("Slice 2x3 i64[0] i64[1] i64[-1]", 0, 3);
    EXPECT("Slice u8:2x2 i32[1] i32[-3] i32[0] i32[-1]", 2, 3, 0, 1);
    expect_shape("Slice 5x4 i64[3] i64[3]", "0x4");
    expect_shape("Slice 5x4 i64[4] i64[2]", "0x4");
    expect_shape("Slice 0x4 i64[4] i64[-9] i64[0] i64[-1]", "0x4");
    expect_refused("Slice 5 i64[0] i64[5] i64[0] i64[0]", FOVEA_INVALID);
    expect_refused("Slice 5 i64[0] i64[5] i64[1]", FOVEA_INVALID);
    expect_refused("Slice 5x5 i64[0,0] i64[5,5] i64[0,-2]", FOVEA_INVALID);
    expect_refused("Slice 5 i64[0] i64[5,6]", FOVEA_INVALID);
}
END_TEST

START_TEST(pad) {
    EXPECT("Pad 2 i64[1,2]", 0, 0, 1, 0, 0);
    expect_reference("Pad 2 i64[1,2] scalar", INPUTS(ramp, LIST(9)), 0, LIST(9, 0, 1, 9, 9), 5, 0);
    EXPECT("Pad 4 i64[3,2] mode=reflect", 3, 2, 1, 0, 1, 2, 3, 2, 1);
    EXPECT("Pad 2 i64[3,3] mode=reflect", 1, 0, 1, 0, 1, 0, 1, 0);
    EXPECT("Pad 1 i64[1,2] mode=reflect", 0, 0, 0, 0);
    EXPECT("Pad 3 i64[2,1] mode=edge", 0, 0, 0, 1, 2, 2);
    EXPECT("Pad 3 i64[4,2] mode=wrap", 2, 0, 1, 2, 0, 1, 2, 0, 1);
    EXPECT("Pad 5 i64[-1,-2]", 1, 2);
    EXPECT("Pad 5 i64[-1,2] mode=edge", 1, 2, 3, 4, 4, 4);
    EXPECT("Pad 2x2 i64[1,0] - i64[1]", 0, 0, 1, 0, 2, 3);
    EXPECT("Pad i64:2x2 i64[1,-1] i64[7] i64[-2]", 7, 7, 0, 1);
    expect_refused("Pad 2x2 i64[1,0]", FOVEA_INVALID);
    expect_refused("Pad 2 i64[-3,0]", FOVEA_INVALID);
    expect_refused("Pad 0 i64[1,0] mode=edge", FOVEA_INVALID);
    expect_refused("Pad 2 i64[1,0] mode=mirror", FOVEA_INVALID);
    expect_refused("Pad 2 i64[1,0] i64[3]", FOVEA_INVALID);
    expect_refused("Pad 2 i64[9223372036854774784,9223372036854774784]", FOVEA_INVALID);
    expect_refused("Pad 2x2 i64[1,1,1,1] - i64[0,-2]", FOVEA_INVALID);
}
END_TEST

START_TEST(reshape) {
    EXPECT("Reshape 2x3 i64[3,2]", 0, 1, 2, 3, 4, 5);
    expect_shape("Reshape 2x3x4 i64[0,-1]", "2x12");
    expect_shape("Reshape 0x3 i64[3,0] allowzero=1", "3x0");
    expect_refused("Reshape 0x3 i64[0,-1]", FOVEA_INVALID);
    expect_shape("Reshape 1x1 i64:0[]", "scalar");
    expect_refused("Reshape 2x3 i64[4,-1]", FOVEA_INVALID);
    expect_refused("Reshape 2x3 i64[-1,-1]", FOVEA_INVALID);
    expect_refused("Reshape 2x3 i64[-2,-3]", FOVEA_INVALID);
    expect_refused("Reshape 2x3 i64[2,3,0]", FOVEA_INVALID);
    expect_refused("Reshape 2x3 i64[2,4]", FOVEA_INVALID);
    expect_refused("Reshape 0x3 i64[0,-1] allowzero=1", FOVEA_INVALID);
    expect_refused("Reshape 2 i64[4611686018427387904,4,2]", FOVEA_INVALID);
}
END_TEST

START_TEST(flatten_squeeze_unsqueeze) {
    EXPECT("Identity bool:2", 0, 1);
    expect_shape("Flatten 2x3x4", "2x12");
    expect_shape("Flatten 2x3x4 axis=0", "1x24");
    expect_shape("Flatten 2x3x4 axis=3", "24x1");
    expect_shape("Flatten 2x3x4 axis=-1", "6x4");
    expect_shape("Flatten scalar axis=0", "1x1");
    expect_refused("Flatten 2x3 axis=3", FOVEA_INVALID);
    EXPECT("Flatten 2x2x2", 0, 1, 2, 3, 4, 5, 6, 7);
    expect_shape("Squeeze 1x3x1x2", "3x2");
    expect_shape("Squeeze 1x3x1x2 i64[-2]", "1x3x2");
    expect_shape("Squeeze 1x1 i64:0[]", "1x1");
    expect_refused("Squeeze 1x3 i64[1]", FOVEA_INVALID);
    expect_refused("Squeeze 1x3 i64[0,-2]", FOVEA_INVALID);
    expect_shape("Unsqueeze 3x4 i64[0,-1]", "1x3x4x1");
    expect_shape("Unsqueeze scalar i64[0]", "1");
    expect_refused("Unsqueeze 3 i64[0,0]", FOVEA_INVALID);
    expect_refused("Unsqueeze 3 i64[3]", FOVEA_INVALID);
    expect_refused("Unsqueeze 1x1x1x1x1x1x1x1 i64[0]", FOVEA_UNSUPPORTED);
}
END_TEST

START_TEST(transpose_expand_tile) {
    EXPECT("Transpose 2x3", 0, 3, 1, 4, 2, 5);
    EXPECT("Transpose 2x2x2 perm=1,0,2", 0, 1, 4, 5, 2, 3, 6, 7);
    EXPECT("Transpose i8:2x1x3 perm=2,0,1", 0, 3, 1, 4, 2, 5);
    expect_refused("Transpose 2x3 perm=0,0", FOVEA_INVALID);
    expect_refused("Transpose 2x3 perm=0", FOVEA_INVALID);
    expect_refused("Transpose 2x3 perm=0,2", FOVEA_INVALID);
    EXPECT("Expand 2x1 i64[2,2,3]", 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1);
    EXPECT("Expand 3 i64[1]", 0, 1, 2);
    expect_shape("Expand 1x4 i64[0,1]", "0x4");
    expect_refused("Expand 3 i64[2]", FOVEA_INVALID);
    expect_refused("Expand 3 i64[-1]", FOVEA_INVALID);
    EXPECT("Tile 2x2 i64[1,2]", 0, 1, 0, 1, 2, 3, 2, 3);
    EXPECT("Tile 1x2 i64[2,1]", 0, 1, 0, 1);
    expect_refused("Tile 2x2 i64[2]", FOVEA_INVALID);
    expect_refused("Tile 2 i64[-2]", FOVEA_INVALID);
    expect_refused("Tile 4 i64[4611686018427387904]", FOVEA_INVALID);
}
END_TEST

START_TEST(gather) {
    EXPECT("Gather 3x2 i64[2,0,-3]", 4, 5, 0, 1, 0, 1);
    EXPECT("Gather 2x3 i32:1x2[1,-1] axis=1", 1, 2, 4, 5);
    EXPECT("Gather 3 i64:scalar[1]", 1);
    expect_shape("Gather 3x4 i64:2x5 axis=-1", "3x2x5");
    expect_refused("Gather 3 f[1]", FOVEA_INVALID);
    expect_refused("Gather scalar i64[0]", FOVEA_INVALID);
    expect_refused("Gather 0 i64[0]", FOVEA_INVALID);
}
END_TEST

/* Indices are data: out of range, they are refused when the node runs. */
static void expect_out_of_range(const char *line) {
    fovea_graph *g;
    float x[3] = {0}, y[2];
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    struct reference_in in[2] = {{.desc = g->values[0].desc, .data = x},
                                 {.desc = g->values[1].desc, .data = value_data(&g->values[1])}};
    struct reference_out out = {.desc = node_out(g, &g->nodes[0], 0)->desc, .data = y};
    struct reference_call call = {&g->nodes[0], in, 2, &out, 1};
    ck_assert_int_eq(reference_run(&call), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "outside axis 0"));
    fovea_graph_destroy(g);
}

START_TEST(gather_out_of_range) {
    expect_out_of_range("Gather 3 i64[0,3]");
    expect_out_of_range("Gather 3 i64[-4,0]");
}
END_TEST

START_TEST(blocks) {
    /* Channels 0..3 of one pixel become a 2 x 2 picture. */
    EXPECT("DepthToSpace 1x4x1x1 blocksize=2", 0, 1, 2, 3);
    /* 8 channels: DCR takes channels 0, 2, 4, 6 for depth 0; CRD takes 0, 1, 2, 3. */
    EXPECT("DepthToSpace 1x8x1x1 blocksize=2", 0, 2, 4, 6, 1, 3, 5, 7);
    EXPECT("DepthToSpace 1x8x1x1 blocksize=2 mode=CRD", 0, 1, 2, 3, 4, 5, 6, 7);
    EXPECT("DepthToSpace 1x4x1x2 blocksize=2", 0, 2, 1, 3, 4, 6, 5, 7);
    EXPECT("SpaceToDepth 1x1x2x4 blocksize=2", 0, 2, 1, 3, 4, 6, 5, 7);
    EXPECT("SpaceToDepth 1x2x2x2 blocksize=2", 0, 4, 1, 5, 2, 6, 3, 7);
    expect_refused("DepthToSpace 1x6x1x1 blocksize=2", FOVEA_INVALID);
    expect_refused("DepthToSpace 1x4x1x1", FOVEA_INVALID);
    expect_refused("DepthToSpace 4x1x1 blocksize=1", FOVEA_INVALID);
    expect_refused("DepthToSpace 1x4x1x1 blocksize=2 mode=RCD", FOVEA_INVALID);
    expect_refused("SpaceToDepth 1x1x2x3 blocksize=2", FOVEA_INVALID);
    expect_refused("SpaceToDepth 1x1x2x2 blocksize=-1", FOVEA_INVALID);
}
END_TEST

START_TEST(shapes) {
    EXPECT("Shape 2x3x4", 2, 3, 4);
    EXPECT("Shape 2x3x4 start=-1", 4);
    EXPECT("Shape 2x3x4 start=-9 end=-1", 2, 3);
    expect_shape("Shape 2x3x4 start=2 end=1", "0");
    expect_shape("Shape scalar", "0");
    EXPECT("Size i8:2x3", 6);
    EXPECT("Size scalar", 1);
    EXPECT("ConstantOfShape i64[2,2]", 0, 0, 0, 0);
    EXPECT("ConstantOfShape i64[3] i32[-7]", -7, -7, -7);
    EXPECT("ConstantOfShape i64:0[] f[2.5]", 2.5);
    expect_refused("ConstantOfShape i64[-2]", FOVEA_INVALID);
    expect_refused("ConstantOfShape i64[2] f[1,2]", FOVEA_INVALID);
    EXPECT("Range i64:scalar[10] i64:scalar[4] i64:scalar[-2]", 10, 8, 6);
    EXPECT("Range i32:scalar[1] i32:scalar[8] i32:scalar[3]", 1, 4, 7);
    EXPECT("Range f[1] f[2.5] f[0.5]", 1, 1.5, 2);
    expect_shape("Range f[1] f[0] f[1]", "0");
    expect_refused("Range f[1] f[2] f[0]", FOVEA_INVALID);
    expect_refused("Range i64:scalar[1] i64:scalar[2] i64:scalar[0]", FOVEA_INVALID);
    expect_refused("Range f[1] f[inf] f[1]", FOVEA_INVALID);
    expect_refused("Range f[1] f[2] i64:scalar[1]", FOVEA_INVALID);
}
END_TEST

START_TEST(every_type_and_special_values) {
    expect_reference("Transpose 1x3", INPUTS(LIST(NAN, -INFINITY, -0.0)), 0,
                     LIST(NAN, -INFINITY, -0.0), 3, 0);
    EXPECT("Transpose f16:2x2", 0, 2, 1, 3);
    EXPECT("Transpose bf16:2x2", 0, 2, 1, 3);
    EXPECT("Transpose f64:2x2", 0, 2, 1, 3);
    EXPECT("Transpose u16:2x2", 0, 2, 1, 3);
    EXPECT("Transpose u64:2x2", 0, 2, 1, 3);
    EXPECT("Pad i4:2 i64[1,0] mode=edge", 0, 0, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_move");
    TCase *tests = tcase_create("move");
    tcase_add_test(tests, concat);
    tcase_add_test(tests, split);
    tcase_add_test(tests, slice);
    tcase_add_test(tests, pad);
    tcase_add_test(tests, reshape);
    tcase_add_test(tests, flatten_squeeze_unsqueeze);
    tcase_add_test(tests, transpose_expand_tile);
    tcase_add_test(tests, gather);
    tcase_add_test(tests, gather_out_of_range);
    tcase_add_test(tests, blocks);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, every_type_and_special_values);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
