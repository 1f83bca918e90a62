/* What `fovea verify` shares between its two ways: a model's layers, and the self-test. */
#ifndef HOST_VERIFY_H
#define HOST_VERIFY_H

#include "host.h"
#include "table.h"

/* Where verdicts go as they come. */
struct verify_sink {
    const struct common *common;
    struct table table;  /* of the device at hand */
    fovea_verdict first; /* the first wrong one; its strings are copies */
    size_t checked, wrong;
    double worst, probable; /* largest ratio to the bound; to the bound with sqrt(K) */
    size_t total;           /* for progress: problems in all; 0: of the plan */
    const char *shown;      /* for progress */
};

void sink_begin(struct verify_sink *s, const struct common *common);
/* Counts the verdict, prints it as JSON or remembers it for the table; keeps the first wrong one. */
void sink_take(struct verify_sink *s, const fovea_verdict *v);
/* Prints the first wrong one in full: values, place, build options, the line that repeats it. */
void sink_print_wrong(const struct verify_sink *s, const char *device);
void sink_end(struct verify_sink *s);

/* The plan must guard. Verdicts go to the sink. */
bool verify_plan(fovea_plan *plan, bool exact, bool fill, uint64_t seed, struct verify_sink *sink,
                 struct problem *p);
/* Every problem of the library's self-test with every algorithm that accepts it. */
bool verify_self_test(fovea_context *context, bool exact, uint64_t seed, struct verify_sink *sink,
                      struct problem *p);
/* One problem line, with the chosen algorithm (`algorithm` NULL) or that one; *others, if not NULL,
 * names the other algorithms that would do; the caller frees it. */
bool verify_problem(fovea_context *context, const char *line, const char *algorithm, bool exact,
                    uint64_t seed, struct verify_sink *sink, char **others, struct problem *p);

#endif
