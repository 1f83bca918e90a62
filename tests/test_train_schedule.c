/* Schedules of the learning rate: against PyTorch's (tests/data/schedules.txt, written by
 * tests/record_schedules.py), warm-up, what lies past the end, text forms, refusals. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fovea_train.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

enum { RATES_MAX = 64 };

static void read_numbers(FILE *file, double *out, int count) {
    ck_assert_int_le(count, RATES_MAX);
    for (int i = 0; i < count; i++) ck_assert_int_eq(fscanf(file, "%lf", &out[i]), 1);
}

/* PyTorch goes from rate to rate, with some roundings of a double each. */
static void expect_rate(const char *text, int step, double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-14, "%s, step %d: rate %.15g, expected %.15g", text, step,
                  got, want);
}

START_TEST(rates_are_as_recorded) {
    FILE *file = fopen(FOVEA_SOURCE_DIR "/tests/data/schedules.txt", "r");
    char text[128];
    double epochs, want[RATES_MAX], metric[RATES_MAX];
    int per_epoch, count, cases = 0;
    ck_assert_ptr_nonnull(file);
    for (; fscanf(file, "%127s %lf %d %d", text, &epochs, &per_epoch, &count) == 4; cases++) {
        fovea_schedule s = {.rate = 0.1, .epochs = epochs};
        fovea_plateau plateau = {0};
        OK(fovea_schedule_parse(text, &s));
        OK(fovea_schedule_check(&s));
        read_numbers(file, want, count);
        if (s.kind == FOVEA_SCHEDULE_PLATEAU) read_numbers(file, metric, count);
        for (int i = 0; i < count; i++) {
            if (s.kind == FOVEA_SCHEDULE_PLATEAU) fovea_schedule_observe(&s, &plateau, metric[i]);
            expect_rate(text, i, fovea_schedule_rate(&s, i, per_epoch, &plateau), want[i]);
        }
    }
    ck_assert_int_eq(cases, 12);
    fclose(file);
}
END_TEST

START_TEST(warmup_rises_in_front) {
    fovea_schedule s = {.rate = 0.4, .epochs = 6, .warmup = 2};
    OK(fovea_schedule_parse("cosine", &s));
    static const double want[] = {0.1, 0.2, 0.3, 0.4, 0.4};
    for (int i = 0; i < 5; i++)
        expect_rate("cosine", i, fovea_schedule_rate(&s, i, 2, NULL), want[i]);
    /* Half a cosine over the other 8 steps: its middle is step 8. */
    expect_rate("cosine", 8, fovea_schedule_rate(&s, 8, 2, NULL), 0.2);
    expect_rate("cosine", 12, fovea_schedule_rate(&s, 12, 2, NULL), 0);
    OK(fovea_schedule_parse("step:3:0.5,warmup=1", &s));
    expect_rate("step", 0, fovea_schedule_rate(&s, 0, 4, NULL), 0.1);
    expect_rate("step", 11, fovea_schedule_rate(&s, 11, 4, NULL), 0.4);
    expect_rate("step", 12, fovea_schedule_rate(&s, 12, 4, NULL), 0.2); /* epochs from the start */
}
END_TEST

START_TEST(rates_stay_where_they_ended) {
    static const char *const texts[] = {"cosine:0.25", "polynomial:2,floor=0.25"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fovea_schedule s = {.rate = 1, .epochs = 3};
        OK(fovea_schedule_parse(texts[i], &s));
        expect_rate(texts[i], 99, fovea_schedule_rate(&s, 99, 2, NULL), 0.25);
    }
    fovea_schedule s = {.rate = 1, .epochs = 3};
    OK(fovea_schedule_parse("onecycle", &s));
    expect_rate("onecycle", 99, fovea_schedule_rate(&s, 99, 2, NULL), 1 / 25e4);
    s.epochs = 1; /* one step in all */
    ck_assert(fovea_schedule_rate(&s, 0, 1, NULL) > 0);
    OK(fovea_schedule_parse("exponential:0.5,floor=0.01", &s));
    expect_rate("exponential", 99, fovea_schedule_rate(&s, 99, 1, NULL), 0.01);
}
END_TEST

START_TEST(a_plateau_takes_up_where_it_was_saved) {
    fovea_schedule s = {.rate = 1};
    fovea_plateau first = {0};
    OK(fovea_schedule_parse("plateau:1:0.5", &s));
    for (int i = 0; i < 4; i++) fovea_schedule_observe(&s, &first, 1);
    fovea_plateau second = {first.best, first.seen, first.bad, first.cooldown, first.changes};
    for (int i = 4; i < 9; i++) fovea_schedule_observe(&s, &second, 1);
    ck_assert_int_eq(second.changes, 4); /* the first is the best, then every second one */
    expect_rate("plateau", 9, fovea_schedule_rate(&s, 9, 1, &second), 0.0625);
}
END_TEST

START_TEST(bad_texts_are_refused) {
    static const char *const bad[] = {"",
                                      "steps",
                                      "step:x",
                                      "step:-3",
                                      "step:3:0.1:7",
                                      "step:3,4",
                                      "constant:1",
                                      "cosine:flor=1",
                                      "cosine:floor=",
                                      "cosine:floor",
                                      "multistep:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
                                      "plateau:1e99"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fovea_schedule s = {.rate = 7};
        ck_assert_msg(fovea_schedule_parse(bad[i], &s) == FOVEA_INVALID, "'%s'", bad[i]);
        ck_assert_uint_gt(strlen(fovea_error()), 20);
        ck_assert(s.rate == 7 && s.kind == FOVEA_SCHEDULE_CONSTANT); /* left as it was */
    }
}
END_TEST

START_TEST(impossible_schedules_are_refused) {
    const fovea_schedule bad[] = {
        {.kind = (fovea_schedule_kind)99},
        {.rate = -1},
        {.rate = NAN},
        {.rate = 1, .warmup = -1},
        {.rate = 1, .kind = FOVEA_SCHEDULE_COSINE},
        {.rate = 1, .kind = FOVEA_SCHEDULE_COSINE, .epochs = 3, .warmup = 3},
        {.rate = 1, .kind = FOVEA_SCHEDULE_COSINE, .epochs = 3, .floor = 2},
        {.rate = 1, .kind = FOVEA_SCHEDULE_STEP, .factor = 2},
        {.rate = 1, .kind = FOVEA_SCHEDULE_MULTI_STEP},
        {.rate = 1, .kind = FOVEA_SCHEDULE_MULTI_STEP, .n_milestones = 2, .milestones = {3, 2}},
        {.rate = 1, .kind = FOVEA_SCHEDULE_MULTI_STEP, .n_milestones = 17},
        {.rate = 1, .kind = FOVEA_SCHEDULE_ONE_CYCLE, .epochs = 3, .rise = 1},
        {.rate = 1, .kind = FOVEA_SCHEDULE_ONE_CYCLE, .epochs = 3, .start = 0.5},
        {.rate = 1, .kind = FOVEA_SCHEDULE_PLATEAU, .patience = -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(fovea_schedule_check(&bad[i]) == FOVEA_INVALID, "%zu", i);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_schedule");
    TCase *t = tcase_create("train_schedule");
    tcase_add_test(t, rates_are_as_recorded);
    tcase_add_test(t, warmup_rises_in_front);
    tcase_add_test(t, rates_stay_where_they_ended);
    tcase_add_test(t, a_plateau_takes_up_where_it_was_saved);
    tcase_add_test(t, bad_texts_are_refused);
    tcase_add_test(t, impossible_schedules_are_refused);
    suite_add_tcase(suite, t);
    return harness_main(suite);
}
