/* Tiles of matrix products: what their kernels count on, and which algorithm the estimates prefer on two
 * devices that are made up: a large GPU and a small CPU. */
#include "made_up.h"

#include <string.h>

#include "ops/algorithm.h"
#include "ops/tile.h"

START_TEST(tiles_are_as_the_kernels_want_them) {
    int count = 0;
    for (const struct tile *t; (t = tile_number(count + 1)); count++) {
        int items = tile_items(t), down = t->m / t->item_m, across = t->n / t->item_n;
        ck_assert_int_eq(t->item_m % 4 + t->item_n % 4 + down % 4 + across % 8, 0);
        ck_assert_int_eq(t->m & (t->m - 1), 0);
        ck_assert_int_eq(t->n & (t->n - 1), 0);
        ck_assert_int_eq(t->k & (t->k - 1), 0);
        ck_assert_int_eq(items % t->n + items % t->k, 0);
        ck_assert_int_eq(t->m * t->k % (4 * items) + t->n * t->k % items, 0);
    }
    const int numbers[] = {TILE_NUMBERS};
    ck_assert_int_eq(count, sizeof numbers / sizeof *numbers);
    ck_assert_ptr_null(tile_number(0));
}
END_TEST

START_TEST(small_devices_get_small_tiles_or_none) {
    struct tile_task big = {4096, 4096, 4096, 1, 3 * 4096. * 4096 * 4};
    fovea_device_info d = made_up_gpu;
    ck_assert_int_eq(tile_choose(&d, &big, 4, 0, 0, 32).number, 1);
    ck_assert_int_eq(tile_choose(&d, &big, 4, 5, 0, 32).number, 5);
    d.local_memory_bytes = 32 << 10; /* 33 KiB for the largest tile */
    ck_assert_int_eq(tile_choose(&d, &big, 4, 0, 0, 32).number, 2);
    ck_assert_int_eq(tile_choose(&d, &big, 4, 1, 0, 32).number, 2);
    d.max_work_group_size = 64;
    ck_assert_int_eq(tile_choose(&d, &big, 4, 0, 0, 32).number, 7);
    ck_assert_ptr_null(tile_refuse(&d, 4));
    d.max_work_group_size = 32;
    ck_assert_ptr_nonnull(tile_refuse(&d, 4));
    d = made_up_gpu;
    d.local_memory_bytes = 8 << 10;
    ck_assert_ptr_nonnull(tile_refuse(&d, 4));
}
END_TEST

START_TEST(small_maps_split_their_sums) {
    struct tile_task late = {512, 49, 4608, 1, 1e7}, early = {64, 64 * 3136, 576, 1, 1e8};
    ck_assert_int_gt(tile_choose(&made_up_gpu, &late, 0, 0, 0, 32).splits, 3);
    ck_assert_int_eq(tile_choose(&made_up_gpu, &late, 0, 0, 2, 32).splits, 2);
    ck_assert_int_eq(tile_choose(&made_up_gpu, &early, 0, 0, 0, 32).splits, 1);
    late.k = 0;
    ck_assert_int_eq(tile_choose(&made_up_gpu, &late, 0, 0, 0, 32).splits, 1);
}
END_TEST

static bool is_tiled(const char *name) {
    return strstr(name, "tiled") || strcmp(name, "conv_implicit_gemm") == 0;
}

START_TEST(gpus_prefer_tiles_and_cpus_do_not) {
    const char *const lines[] = {
        "Conv 1x3x224x224 64x3x7x7 64 strides=2,2 pads=3,3,3,3",
        "Conv 1x64x56x56 64x64x3x3 64 pads=1,1,1,1",
        "Conv 1x256x14x14 1024x256x1x1 1024",
        "Conv 1x512x7x7 512x512x3x3 512 pads=1,1,1,1",
        "Conv 32x128x28x28 128x128x3x3 128 strides=2,2 pads=1,1,1,1",
        "Conv 32x256x14x14 256x256x3x3 256 pads=1,1,1,1",
        "Gemm 512x2048 1000x2048 1000 transB=1",
        "MatMul 1024x1024 1024x1024",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *name = made_up_choice(&made_up_gpu, false, lines[i]);
        ck_assert_msg(is_tiled(name), "a GPU prefers %s for %s", name, lines[i]);
        name = made_up_choice(&made_up_cpu, false, lines[i]);
        ck_assert_msg(!is_tiled(name), "a CPU prefers %s for %s", name, lines[i]);
    }
    ck_assert_msg(
        !is_tiled(made_up_choice(&made_up_cpu, false, "Conv 1x1x1x1 1x1x3x3 pads=1,1,1,1")),
        "tiny");
    ck_assert_str_eq(made_up_choice(&made_up_gpu, false, lines[5]), "conv_winograd_tiled_f4x3");
    ck_assert_str_eq(made_up_choice(&made_up_gpu, false, lines[3]), "conv_implicit_gemm");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tile");
    TCase *tests = tcase_create("tile");
    tcase_add_test(tests, tiles_are_as_the_kernels_want_them);
    tcase_add_test(tests, small_devices_get_small_tiles_or_none);
    tcase_add_test(tests, small_maps_split_their_sums);
    tcase_add_test(tests, gpus_prefer_tiles_and_cpus_do_not);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
