/* Rows that work-groups share: how many work-items share one, and which algorithm the estimates prefer on devices
 * that are made up: a large GPU with and without the functions of subgroups, and a small CPU with them. */
#include "made_up.h"

#include <string.h>

#include "ops/group.h"

static int64_t lanes(const fovea_device_info *d, int64_t groups, int64_t length, int tuned) {
    struct site s = {.device = d};
    struct group_task t = {.groups = groups, .length = length, .in_flight = 4, .passes = 1};
    return group_lanes(&s, &t, tuned);
}

START_TEST(a_group_is_a_subgroup_unless_rows_are_long_and_few) {
    fovea_device_info d = made_up_gpu;
    ck_assert_int_eq(lanes(&d, 4096, 49, 0), 32);
    ck_assert_int_eq(lanes(&d, 1, 49, 0), 32);
    ck_assert_int_eq(lanes(&d, 1, 25088, 0), 256);
    ck_assert_int_eq(lanes(&d, 1000000, 25088, 0), 32);
    ck_assert_int_eq(lanes(&d, 1, 49, 128), 128);
    d.subgroup_size = 64;
    ck_assert_int_eq(lanes(&d, 4096, 49, 0), 64);
    d.subgroup_size = 0;
    ck_assert_int_eq(lanes(&d, 4096, 49, 0), 64);
    d.max_work_group_size = 100; /* a power of two all the same */
    ck_assert_int_eq(lanes(&d, 1, 25088, 0), 64);
    ck_assert_int_eq(lanes(&d, 1, 25088, 256), 64);
}
END_TEST

START_TEST(small_devices_are_refused) {
    fovea_device_info d = made_up_gpu;
    struct site s = {.device = &d};
    struct group_task t = {.groups = 10, .length = 1000, .in_flight = 4, .passes = 1};
    ck_assert_ptr_null(group_refuse(&s, &t, 16));
    d.max_work_group_size = 31;
    ck_assert_ptr_nonnull(group_refuse(&s, &t, 16));
    d = made_up_gpu;
    d.local_memory_bytes = 15 << 10;
    ck_assert_ptr_nonnull(group_refuse(&s, &t, 16));
    ck_assert_ptr_null(group_refuse(&s, &t, 1));
    t.length = INT32_MAX;
    ck_assert_ptr_nonnull(group_refuse(&s, &t, 1));
}
END_TEST

/* Dense layers at small batch, and what classic networks reduce. */
START_TEST(gpus_share_rows_and_cpus_do_not) {
    const char *const lines[] = {
        "Gemm 1x2048 1000x2048 1000 transB=1",
        "Gemm 1x25088 4096x25088 4096 transB=1",
        "Gemm 8x4096 4096x4096 4096 transB=1",
        "MatMul 1000x512 512x1",
        "Softmax 1x1000",
        "Softmax 64x1000",
        "GlobalAveragePool 1x2048x7x7",
        "ReduceMean 1x2048x7x7 i64[2,3]",
        "ReduceMax 1x25088 i64[1]",
        "LayerNormalization 64x768 768 768",
        "InstanceNormalization 1x64x56x56 64 64",
    };
    fovea_device_info without = made_up_gpu;
    without.has_subgroups = false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *name = made_up_choice(&made_up_gpu, true, lines[i]);
        ck_assert_msg(strstr(name, "_group_subgroup") != NULL, "%s for %s", name, lines[i]);
        name = made_up_choice(&without, true, lines[i]);
        ck_assert_msg(strstr(name, "_group_local") != NULL, "%s for %s", name, lines[i]);
        name = made_up_choice(&made_up_cpu, true, lines[i]);
        ck_assert_msg(!strstr(name, "_group_"), "%s for %s on a CPU", name, lines[i]);
    }
    const char *name = made_up_choice(&made_up_gpu, true, "Gemm 512x2048 1000x2048 1000 transB=1");
    ck_assert_msg(!strstr(name, "_group_"), "%s for many rows", name);
    name = made_up_choice(&made_up_gpu, true, "ReduceMean 64x512x7x7 i64[0,2,3]");
    ck_assert_msg(!strstr(name, "_group_"), "%s for terms that are no neighbours", name);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("group");
    TCase *tests = tcase_create("group");
    tcase_add_test(tests, a_group_is_a_subgroup_unless_rows_are_long_and_few);
    tcase_add_test(tests, small_devices_are_refused);
    tcase_add_test(tests, gpus_share_rows_and_cpus_do_not);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
