/* What the ways of `fovea bench` share: options, timings, rows. Times are in milliseconds. */
#ifndef HOST_BENCH_H
#define HOST_BENCH_H

#include "tuning.h"

struct bench_options {
    int64_t runs;   /* 0: as many as fit in `seconds` */
    double seconds; /* 0: the default of the way */
    int64_t batch;  /* 0: as the model says */
    int64_t seed;
    struct text_list shapes;
    struct text_list
        constants; /* of a problem: names of the inputs that are weights; empty: ours */
    const char *algorithm;
    const char *family; /* what a problem must be of; NULL: anything */
    struct tuning tuning;
    bool profile, no_layers, no_verify, all_algorithms, fastest, csv;
};

/* Timed runs of one thing. Half of them lie from q1 to q3. */
struct bench_timing {
    double median, q1, q3, best;
    size_t runs; /* 0: not timed */
};

/* One line of a result: a layer, or a problem with an algorithm. The row owns its texts. */
struct bench_row {
    char *node; /* NULL: a problem of its own */
    char *problem, *op, *algorithm;
    bool chosen;              /* the algorithm that the library takes by itself */
    struct bench_timing time; /* of a problem: everything from the launch to the end of waiting */
    struct bench_timing step; /* the step that does the work, run after run without waiting */
    double flops, bytes;
    const char *verdict; /* "right", "wrong", "not verified" */
};

struct bench_rows {
    struct bench_row *row;
    size_t count, capacity;
};

/* ---- bench_row.c ---- */

/* Appends a row that describes the step. */
struct bench_row *bench_add(struct bench_rows *rows, const char *node, const char *problem,
                            const fovea_step_info *step);
void bench_rows_free(struct bench_rows *rows);
void bench_print_table(const struct bench_rows *rows, const fovea_device_info *device);
void bench_print_csv_head(void);
void bench_print_csv(const struct bench_rows *rows, const fovea_device_info *device);
/* An array member `key` of the object that is open. */
void bench_print_json(const struct bench_rows *rows, const char *key,
                      const fovea_device_info *device);
void bench_json_timing(const struct bench_timing *t);
/* "right", "WRONG", "not verified" */
const char *bench_verdict_text(const char *verdict);

/* ---- bench_roof.c ---- */

/* The least time that so many operations and bytes of memory traffic take; 0: the roof is unknown. */
double bench_roof_ms(const fovea_device_info *device, double flops, double bytes);
/* "compute" or "memory": which of the two it is. */
const char *bench_roof_name(const fovea_device_info *device, double flops, double bytes);
void bench_print_roof(const fovea_device_info *device);
/* A member "roof" of the object that is open. */
void bench_json_roof(const fovea_device_info *device);

/* ---- bench_family.c ---- */

bool bench_is_family(const char *word);
/* Whether the operator of a problem line is of the family. */
bool bench_family_has(const char *family, const char *line);
/* Their names, separated by blanks. */
const char *bench_family_ops(const char *family);

/* ---- bench_time.c ---- */

/* Sorts the times. */
void bench_summary(struct bench_timing *out, double *ms, size_t count);
/* Runs once: the first run of a plan also finishes what the driver left undone. */
bool bench_run_once(fovea_context *context, fovea_plan *plan, double *ms, struct problem *p);
/* Warms up, then times run after run; `seconds` where the options name neither time nor number. */
bool bench_time(fovea_context *context, fovea_plan *plan, const struct bench_options *o,
                double seconds, struct bench_timing *out, struct problem *p);
/* Times step i by itself, samples of at least a millisecond each; the plan has run before. */
bool bench_time_step(fovea_plan *plan, size_t i, const struct bench_options *o, double seconds,
                     struct bench_timing *out, struct problem *p);
/* Whether one more timed run is due. */
bool bench_more(const struct bench_options *o, double seconds, size_t done, double start);
/* Random numbers from -1 to 1; 0 and 1 in types that hold no fractions. */
void bench_random(fovea_array *a, uint64_t seed);
/* Fills every input of the plan with such numbers. */
bool bench_fill(const fovea_plan *plan, const fovea_value_info *inputs, size_t n_inputs,
                uint64_t seed, struct problem *p);
/* Verifies a guarded plan; *verdict becomes "right" or "wrong". Rows of the same node and algorithm
 * get their own verdict. The first wrong layer is named on stderr. */
bool bench_verify(fovea_plan *plan, uint64_t seed, struct bench_rows *rows, const char **verdict,
                  struct problem *p);
/* The most memory this process ever held. */
int64_t bench_peak_bytes(void);

/* ---- bench_read.c ---- */

/* What one line of a file says. Lines of two files with the same key are the same thing. */
struct bench_line {
    char *key;
    double median, q1, q3;
    bool wrong;
};

struct bench_lines {
    struct bench_line *line;
    size_t count;
};

/* Fills zeroed lines from a file that --json wrote; the caller frees them even after a failure. */
bool bench_read(struct bench_lines *lines, const char *path, struct problem *p);

/* ---- The ways; each returns the exit code ---- */

int bench_model(const struct common *common, const struct bench_options *o, const char *path);
/* `lines` as on a command line, then those of the files. */
int bench_problems(const struct common *common, const struct bench_options *o,
                   const struct text_list *lines, const struct text_list *files);
int bench_device(const struct common *common, const struct bench_options *o);
int bench_compare(const struct common *common, const char *path_a, const char *path_b);

#endif
