/* Schedules of the learning rate: pure functions of the step, and of what a plateau has seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "fovea_train.h"

static double either(double given, double otherwise) {
    return given != 0 ? given : otherwise;
}

static const struct kind {
    const char *name;
    double factor;
    bool spans; /* all epochs */
} kinds[] = {
    [FOVEA_SCHEDULE_CONSTANT] = {"constant", 1, false},
    [FOVEA_SCHEDULE_STEP] = {"step", 0.1, false},
    [FOVEA_SCHEDULE_MULTI_STEP] = {"multistep", 0.1, false},
    [FOVEA_SCHEDULE_EXPONENTIAL] = {"exponential", 0.95, false},
    [FOVEA_SCHEDULE_COSINE] = {"cosine", 1, true},
    [FOVEA_SCHEDULE_ONE_CYCLE] = {"onecycle", 1, true},
    [FOVEA_SCHEDULE_POLYNOMIAL] = {"polynomial", 1, true},
    [FOVEA_SCHEDULE_PLATEAU] = {"plateau", 0.1, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static double factor_of(const fovea_schedule *s) {
    return either(s->factor, kinds[s->kind].factor);
}

/* ---- The shares of the rate ---- */

/* From a to b by half a cosine. */
static double half_cosine(double a, double b, double share) {
    return b + (a - b) * (1 + cos(3.14159265358979323846 * share)) / 2;
}

/* The ends of both phases are steps that are reached, as PyTorch has it. */
static double one_cycle(const fovea_schedule *s, double t, double total) {
    double low = 1 / either(s->start, 25), end = low / either(s->end, 1e4);
    double top = either(s->rise, 0.3) * total - 1, last = total - 1;
    if (t <= top && top > 0) return half_cosine(low, 1, t / top);
    return t < last && last > top ? half_cosine(1, end, (t - fmax(top, 0)) / (last - fmax(top, 0)))
                                  : end;
}

/* Step t of `total`. */
static double spanning(const fovea_schedule *s, double t, double total) {
    double share = t < total ? t / total : 1;
    if (s->kind == FOVEA_SCHEDULE_ONE_CYCLE) return one_cycle(s, t, total);
    if (s->kind == FOVEA_SCHEDULE_COSINE) return half_cosine(1, s->floor, share);
    return s->floor + (1 - s->floor) * pow(1 - share, either(s->power, 1));
}

static double by_epoch(const fovea_schedule *s, double epoch, const fovea_plateau *p) {
    double changes = 0;
    switch (s->kind) {
    case FOVEA_SCHEDULE_STEP: changes = floor(epoch / either(s->every, 30)); break;
    case FOVEA_SCHEDULE_MULTI_STEP:
        for (size_t i = 0; i < s->n_milestones; i++) changes += epoch >= s->milestones[i];
        break;
    case FOVEA_SCHEDULE_EXPONENTIAL: changes = floor(epoch); break;
    case FOVEA_SCHEDULE_PLATEAU: changes = p ? (double)p->changes : 0; break;
    default: break;
    }
    return fmax(pow(factor_of(s), changes), s->floor);
}

double fovea_schedule_rate(const fovea_schedule *s, int64_t step, int64_t steps_per_epoch,
                           const fovea_plateau *plateau) {
    double each = steps_per_epoch > 0 ? (double)steps_per_epoch : 1, t = (double)step;
    double warmup = s->warmup > 0 ? round(s->warmup * each) : 0;
    if (t < warmup) return s->rate * (t + 1) / warmup;
    if (kinds[s->kind].spans)
        return s->rate * spanning(s, t - warmup, fmax(round(s->epochs * each) - warmup, 1));
    return s->rate * by_epoch(s, t / each, plateau);
}

void fovea_schedule_observe(const fovea_schedule *s, fovea_plateau *p, double metric) {
    double threshold = either(s->threshold, 1e-4), edge = fabs(p->best) * threshold;
    if (s->kind != FOVEA_SCHEDULE_PLATEAU) return;
    bool better = p->seen++ == 0 || (s->rising ? metric > p->best + edge : metric < p->best - edge);
    if (better) p->best = metric;
    p->bad = better ? 0 : p->bad + 1;
    if (p->cooldown > 0) {
        p->cooldown--;
        p->bad = 0;
    }
    if (p->bad <= (s->patience ? s->patience : 10)) return;
    p->changes++;
    p->cooldown = s->cooldown;
    p->bad = 0;
}

/* ---- Checks ---- */

static fovea_status want(bool fits, const char *name, double number, const char *range) {
    if (fits) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the schedule's %s is %g; it must be %s", name, number, range);
}

static fovea_status check_milestones(const fovea_schedule *s) {
    if (s->n_milestones == 0 || s->n_milestones > FOVEA_MILESTONES)
        return fail(FOVEA_INVALID, "a multistep schedule has %zu milestones; 1 to %d are needed",
                    s->n_milestones, FOVEA_MILESTONES);
    for (size_t i = 0; i < s->n_milestones; i++)
        TRY(want(s->milestones[i] >= (i ? s->milestones[i - 1] : 0) && isfinite(s->milestones[i]),
                 "milestones", s->milestones[i], "ascending"));
    return FOVEA_OK;
}

fovea_status fovea_schedule_check(const fovea_schedule *s) {
    if ((unsigned)s->kind >= KINDS)
        return fail(FOVEA_INVALID, "there is no schedule with the number %d", (int)s->kind);
    bool spans = kinds[s->kind].spans;
    TRY(want(s->rate >= 0 && isfinite(s->rate), "rate", s->rate, "a finite number"));
    TRY(want(s->warmup >= 0 && isfinite(s->warmup), "warmup", s->warmup, "a number of epochs"));
    TRY(want(isfinite(s->epochs) && (!spans || s->epochs > 0), "number of epochs", s->epochs,
             "above 0, since the schedule spans them all"));
    TRY(want(!spans || s->warmup < s->epochs, "warmup", s->warmup, "shorter than all epochs"));
    TRY(want(factor_of(s) > 0 && factor_of(s) <= 1, "factor", s->factor, "from above 0 to 1"));
    TRY(want(s->floor >= 0 && s->floor <= 1, "floor", s->floor, "from 0 to 1"));
    TRY(want(s->every >= 0 && isfinite(s->every), "every", s->every, "a number of epochs"));
    TRY(want(s->power >= 0 && isfinite(s->power), "power", s->power, "a finite number"));
    TRY(want(s->rise >= 0 && s->rise < 1, "rise", s->rise, "from 0 to below 1"));
    TRY(want(s->start == 0 || (s->start >= 1 && isfinite(s->start)), "start", s->start,
             "1 or more"));
    TRY(want(s->end == 0 || (s->end >= 1 && isfinite(s->end)), "end", s->end, "1 or more"));
    TRY(want(s->patience >= 0, "patience", (double)s->patience, "0 or more"));
    TRY(want(s->cooldown >= 0, "cooldown", (double)s->cooldown, "0 or more"));
    TRY(want(s->threshold >= 0 && s->threshold < 1, "threshold", s->threshold,
             "from 0 to below 1"));
    return s->kind == FOVEA_SCHEDULE_MULTI_STEP ? check_milestones(s) : FOVEA_OK;
}

/* ---- Text ---- */

static fovea_status parse_kind(const char *text, size_t length, fovea_schedule *s) {
    for (int i = 0; i < KINDS; i++)
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, text, length) == 0) {
            s->kind = (fovea_schedule_kind)i;
            return FOVEA_OK;
        }
    return fail(FOVEA_INVALID,
                "there is no schedule '%.*s'; known are constant, step, multistep, exponential, "
                "cosine, onecycle, polynomial, plateau",
                (int)length, text);
}

static fovea_status parse_number(const char *text, const char *what, double *out) {
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !(x >= 0 && x <= 1e15))
        return fail(FOVEA_INVALID, "the schedule's %s is '%s', which is no number", what, text);
    *out = x;
    return FOVEA_OK;
}

static fovea_status parse_setting(const char *name, const char *value, fovea_schedule *s) {
    double patience = (double)s->patience, cooldown = (double)s->cooldown, rising = s->rising;
    const struct {
        const char *name;
        double *number;
    } names[] = {{"warmup", &s->warmup},       {"factor", &s->factor},
                 {"every", &s->every},         {"floor", &s->floor},
                 {"power", &s->power},         {"rise", &s->rise},
                 {"start", &s->start},         {"end", &s->end},
                 {"patience", &patience},      {"rate", &s->rate},
                 {"threshold", &s->threshold}, {"cooldown", &cooldown},
                 {"epochs", &s->epochs},       {"rising", &rising}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) != 0) continue;
        TRY(parse_number(value, name, names[i].number));
        s->patience = (int64_t)patience;
        s->cooldown = (int64_t)cooldown;
        s->rising = rising != 0;
        return FOVEA_OK;
    }
    return fail(FOVEA_INVALID, "a schedule has no '%s'; see fovea_schedule for what it has", name);
}

/* Number `place` of those without a name. */
static fovea_status parse_place(const char *value, size_t place, fovea_schedule *s) {
    static const char *const places[KINDS][3] = {
        [FOVEA_SCHEDULE_STEP] = {"every", "factor"},
        [FOVEA_SCHEDULE_MULTI_STEP] = {NULL, "factor"},
        [FOVEA_SCHEDULE_EXPONENTIAL] = {"factor"},
        [FOVEA_SCHEDULE_COSINE] = {"floor"},
        [FOVEA_SCHEDULE_ONE_CYCLE] = {"rise", "start", "end"},
        [FOVEA_SCHEDULE_POLYNOMIAL] = {"power"},
        [FOVEA_SCHEDULE_PLATEAU] = {"patience", "factor"},
    };
    if (s->kind == FOVEA_SCHEDULE_MULTI_STEP && place == 0) {
        if (s->n_milestones == FOVEA_MILESTONES)
            return fail(FOVEA_INVALID, "a schedule has at most %d milestones", FOVEA_MILESTONES);
        return parse_number(value, "milestone", &s->milestones[s->n_milestones++]);
    }
    if (place >= 3 || !places[s->kind][place])
        return fail(FOVEA_INVALID, "'%s' is one number too many for a schedule %s", value,
                    kinds[s->kind].name);
    return parse_setting(places[s->kind][place], value, s);
}

/* One field between colons: numbers and settings, separated by commas. */
static fovea_status parse_field(char *field, size_t place, fovea_schedule *s) {
    char *save = NULL;
    size_t numbers = 0;
    for (char *w = strtok_r(field, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(w, '=');
        bool rising = strcmp(w, "rising") == 0;
        if (equals) *equals++ = 0;
        if (rising || equals) TRY(parse_setting(w, rising ? "1" : equals, s));
        else if (numbers++ > 0 && (s->kind != FOVEA_SCHEDULE_MULTI_STEP || place > 0))
            return fail(FOVEA_INVALID, "'%s': numbers of a schedule are separated by colons", w);
        else TRY(parse_place(w, place, s));
    }
    return FOVEA_OK;
}

fovea_status fovea_schedule_parse(const char *text, fovea_schedule *out) {
    size_t length = strcspn(text, ":"), place = 0;
    fovea_schedule s = {.rate = out->rate, .epochs = out->epochs, .warmup = out->warmup};
    TRY(parse_kind(text, length, &s));
    char *copy = mem_string(text[length] ? text + length + 1 : ""), *save = NULL;
    fovea_status status = copy ? FOVEA_OK : fail_memory(strlen(text), "a schedule");
    for (char *f = copy ? strtok_r(copy, ":", &save) : NULL; f && status == FOVEA_OK;
         f = strtok_r(NULL, ":", &save))
        status = parse_field(f, place++, &s);
    mem_free(copy);
    if (status == FOVEA_OK) *out = s;
    return status;
}
