/* The ground floor: small floats, hashing, random numbers, text, allocation, threads, sentences. */
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "base/threads.h"

/* ---- Small floats ---- */

/* Encodings from IEEE 754-2008, 3.4: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
START_TEST(half_known_values) {
    static const struct {
        uint16_t bits;
        double value;
    } rows[] = {{0x0000, 0},        {0x3c00, 1},        {0xc000, -2},          {0x7bff, 65504},
                {0x0400, 0x1p-14},  {0x0001, 0x1p-24},  {0x03ff, 0x1.ff8p-15}, {0x3555, 0x1.554p-2},
                {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert(half_to_float(rows[i].bits) == (float)rows[i].value);
        ck_assert_uint_eq(half_from_double(rows[i].value), rows[i].bits);
    }
    ck_assert(signbit(half_to_float(0x8000)));
    ck_assert_uint_eq(half_from_double(-0.0), 0x8000);
    ck_assert(isnan(half_to_float(0x7e00)) && isnan(half_to_float(half_from_double(NAN))));
}
END_TEST

START_TEST(half_rounds_to_even) {
    ck_assert_uint_eq(half_from_double(1 + 0x1p-11), 0x3c00);           /* a tie, down */
    ck_assert_uint_eq(half_from_double(1 + 0x3p-11), 0x3c02);           /* a tie, up */
    ck_assert_uint_eq(half_from_double(1 + 0x1p-11 + 0x1p-40), 0x3c01); /* not through float */
    ck_assert_uint_eq(half_from_double(65519.99), 0x7bff);
    ck_assert_uint_eq(half_from_double(65520), 0x7c00); /* half way to 65536: overflows */
    ck_assert_uint_eq(half_from_double(0x1p-25), 0);    /* half of the smallest: to even */
    ck_assert_uint_eq(half_from_double(0x1.8p-25), 1);
    ck_assert_uint_eq(half_from_double(0x1.ffep-15), 0x0400); /* rounds up into the normal range */
}
END_TEST

START_TEST(half_round_trip) {
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float f = half_to_float((uint16_t)bits);
        if (isnan(f)) continue;
        ck_assert_uint_eq(half_from_double(f), bits);
    }
}
END_TEST

START_TEST(bfloat16_values) {
    ck_assert(bfloat16_to_float(0x3f80) == 1);
    ck_assert(bfloat16_to_float(0xc040) == -3);
    ck_assert_uint_eq(bfloat16_from_double(1 + 0x1p-8), 0x3f80); /* ties go to even */
    ck_assert_uint_eq(bfloat16_from_double(1 + 0x3p-8), 0x3f82);
    ck_assert_uint_eq(bfloat16_from_double(3.4e38), 0x7f80); /* above the largest, 3.39e38 */
    ck_assert(isnan(bfloat16_to_float(bfloat16_from_double(NAN))));
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float f = bfloat16_to_float((uint16_t)bits);
        if (!isnan(f)) ck_assert_uint_eq(bfloat16_from_double(f), bits);
    }
}
END_TEST

/* ---- Hash, random numbers ---- */

/* Published test vectors of FNV-1a, 64 bits (Noll, www.isthe.com/chongo/tech/comp/fnv). */
START_TEST(hash_known_values) {
    ck_assert(hash_bytes(HASH_START, "", 0) == 0xcbf29ce484222325u);
    ck_assert(hash_bytes(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cu);
    ck_assert(hash_bytes(HASH_START, "foobar", 6) == 0x85944171f73967e8u);
    ck_assert(hash_string(hash_string(HASH_START, "ab"), "c") !=
              hash_string(hash_string(HASH_START, "a"), "bc"));
}
END_TEST

/* First numbers of SplitMix64 with the seed 1234567 (Vigna, prng.di.unimi.it/splitmix64.c). */
START_TEST(random_known_values) {
    struct random r = {1234567};
    ck_assert(random_next(&r) == 6457827717110365317u);
    ck_assert(random_next(&r) == 3203168211198807973u);
    ck_assert(random_next(&r) == 9817491932198370423u);
    ck_assert(random_mix(1234567, 2) == 9817491932198370423u);
}
END_TEST

START_TEST(random_moments) {
    enum { N = 100000 };
    struct random r = {5};
    double uniform = 0, normal = 0, square = 0;
    for (int i = 0; i < N; i++) {
        double u = random_uniform(&r), g = random_normal(&r);
        ck_assert(u >= 0 && u < 1 && isfinite(g));
        uniform += u / N;
        normal += g / N;
        square += g * g / N;
    }
    /* Six standard deviations of the means: 0.289/sqrt(N), 1/sqrt(N), sqrt(2/N). */
    ck_assert(fabs(uniform - 0.5) < 6 * 0.289 / sqrt(N));
    ck_assert(fabs(normal) < 6 / sqrt(N));
    ck_assert(fabs(square - 1) < 6 * sqrt(2.0 / N));
}
END_TEST

/* ---- Text, allocation ---- */

START_TEST(text_grows) {
    struct text t = {0};
    for (int i = 0; i < 1000; i++) text_add(&t, "%d,", i);
    ck_assert_uint_eq(t.length, 10 * 2 + 90 * 3 + 900 * 4);
    char *s = text_take(&t);
    ck_assert(s && strncmp(s, "0,1,2,", 6) == 0 && strcmp(s + strlen(s) - 4, "999,") == 0);
    mem_free(s);
    s = text_take(&t);
    ck_assert_str_eq(s, ""); /* never NULL without a failure */
    mem_free(s);
}
END_TEST

START_TEST(text_remembers_failure) {
    struct text t = {0};
    text_add(&t, "a");
    mem_fail_after(1);
    text_add(&t, "%200d", 1);
    mem_fail_after(0);
    text_add(&t, "b");
    ck_assert(t.failed);
    ck_assert_ptr_null(text_take(&t));
}
END_TEST

START_TEST(allocation_checks_overflow) {
    size_t product;
    ck_assert(!size_multiply(SIZE_MAX / 2, 3, &product));
    ck_assert(size_multiply(1u << 20, 1u << 10, &product) && product == 1u << 30);
    ck_assert_ptr_null(mem_array(SIZE_MAX / 4, 8));
    ck_assert_ptr_null(mem_zero(SIZE_MAX, 2));
    ck_assert_ptr_null(mem_alloc(SIZE_MAX));
    void *nothing = mem_alloc(0), *some = mem_alloc(3);
    ck_assert(nothing && some && (uintptr_t)some % 64 == 0);
    mem_free(nothing);
    mem_free(some);
}
END_TEST

START_TEST(allocation_fails_on_demand) {
    mem_fail_after(2);
    void *first = mem_alloc(8), *second = mem_alloc(8), *third = mem_alloc(8);
    ck_assert(first && !second && third);
    mem_fail_after(0);
    mem_free(first);
    mem_free(third);
}
END_TEST

START_TEST(arrays_grow) {
    int *a = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 100; i++) {
        int *slot = mem_push(&a, &count, &capacity, sizeof *a);
        ck_assert(slot && *slot == 0);
        *slot = i;
    }
    ck_assert(count == 100 && a[0] == 0 && a[99] == 99);
    mem_free(a);
}
END_TEST

/* ---- Threads ---- */

enum { ITEMS = 100003 };
static unsigned char visits[ITEMS];

static void visit(void *data, size_t begin, size_t end) {
    ck_assert_ptr_eq(data, visits);
    for (size_t i = begin; i < end; i++) visits[i]++;
}

static void nested(void *data, size_t begin, size_t end) {
    (void)data;
    for (size_t i = begin; i < end; i++) parallel_for(1, 1, visit, visits);
}

START_TEST(loops_visit_each_item_once) {
    memset(visits, 0, sizeof visits);
    parallel_for(ITEMS, 7, visit, visits);
    for (size_t i = 0; i < ITEMS; i++) ck_assert_uint_eq(visits[i], 1);
    parallel_for(0, 1, visit, visits);
    parallel_for(1, 1, nested, NULL);
    ck_assert_uint_eq(visits[0], 2);
    ck_assert_uint_ge(parallel_width(), 1);
}
END_TEST

/* ---- Sentences ---- */

static fovea_status passes_on(void) {
    TRY(fail(FOVEA_BAD_FILE, "file '%s' is %d bytes short", "a.onnx", 3));
    return FOVEA_OK;
}

START_TEST(sentences) {
    ck_assert_int_eq(passes_on(), FOVEA_BAD_FILE);
    ck_assert_str_eq(fovea_error(), "file 'a.onnx' is 3 bytes short");
    ck_assert_int_eq(fail_in(FOVEA_BAD_FILE, "node '%s': ", "conv1"), FOVEA_BAD_FILE);
    ck_assert_str_eq(fovea_error(), "node 'conv1': file 'a.onnx' is 3 bytes short");
    ck_assert_int_eq(fail(FOVEA_INVALID, "because %s", fovea_error()), FOVEA_INVALID);
    ck_assert_str_eq(fovea_error(), "because node 'conv1': file 'a.onnx' is 3 bytes short");
    ck_assert_int_eq(fail_memory(64, "a test"), FOVEA_NO_MEMORY);
    ck_assert_str_eq(fovea_error(), "out of memory: 64 bytes for a test");
}
END_TEST

START_TEST(long_sentences_are_cut) {
    static char text[40000];
    memset(text, 'x', sizeof text - 1);
    ck_assert_int_eq(fail(FOVEA_BUILD_ERROR, "%s", text), FOVEA_BUILD_ERROR);
    size_t length = strlen(fovea_error());
    ck_assert(length > 1000 && length < sizeof text - 1);
    fail_in(FOVEA_BUILD_ERROR, "program: ");
    ck_assert(strncmp(fovea_error(), "program: xxx", 12) == 0);
}
END_TEST

START_TEST(status_names) {
    ck_assert_str_eq(fovea_status_name(FOVEA_OK), "FOVEA_OK");
    ck_assert_str_eq(fovea_status_name(FOVEA_BAD_FILE), "FOVEA_BAD_FILE");
    ck_assert_str_eq(fovea_status_name((fovea_status)99), "FOVEA_UNKNOWN_STATUS");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base");
    TCase *tests = tcase_create("base");
    tcase_add_test(tests, half_known_values);
    tcase_add_test(tests, half_rounds_to_even);
    tcase_add_test(tests, half_round_trip);
    tcase_add_test(tests, bfloat16_values);
    tcase_add_test(tests, hash_known_values);
    tcase_add_test(tests, random_known_values);
    tcase_add_test(tests, random_moments);
    tcase_add_test(tests, text_grows);
    tcase_add_test(tests, text_remembers_failure);
    tcase_add_test(tests, allocation_checks_overflow);
    tcase_add_test(tests, allocation_fails_on_demand);
    tcase_add_test(tests, arrays_grow);
    tcase_add_test(tests, loops_visit_each_item_once);
    tcase_add_test(tests, sentences);
    tcase_add_test(tests, long_sentences_are_cut);
    tcase_add_test(tests, status_names);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
