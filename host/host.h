/* What the commands of the program share: exit codes, problems, common options, the library's use. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "args.h"
#include "fovea.h"

#if defined(__GNUC__)
#define HOST_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define HOST_PRINTF(text, first)
#endif

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_WRONG = 1, /* a result is wrong */
    EXIT_USAGE = 2, /* the command line is */
    EXIT_FILE = 3, /* a file is missing, damaged, of the wrong shape, not supported, not writable */
    EXIT_DEVICE = 4, /* no device, or it failed, or memory ran out */
};

/* What went wrong, in one sentence, with the exit code that goes with it. A zeroed one is "nothing". */
struct problem {
    int code;
    fovea_status status; /* where the library said it, else FOVEA_OK */
    char text[4096];
};

/* Fills the problem and returns false, so that a function can say `return problem_set(...)`. */
bool problem_set(struct problem *p, int code, const char *format, ...) HOST_PRINTF(3, 4);
/* True for FOVEA_OK; else fills the problem with the library's sentence and returns false. */
bool problem_check(struct problem *p, fovea_status status);
/* Puts "WHERE: " in front of the sentence and returns false. */
bool problem_in(struct problem *p, const char *where);
/* Prints "fovea: SENTENCE" on stderr and returns the exit code. */
int problem_report(const struct problem *p);

/* Options that every command takes. */
struct common {
    const char *device; /* NULL: the library chooses */
    bool json, verbose, help, version;
};

struct command {
    const char *name;
    const char *summary;  /* one line */
    const char *usage;    /* what follows the name: "MODEL INPUT..." */
    const char *text;     /* paragraphs */
    const char *examples; /* one a line */
    const struct arg *args;
    size_t min_operands, max_operands;
    int (*run)(const struct common *common, const struct text_list *operands);
};

extern const struct command devices_command, info_command, run_command, verify_command,
    check_command, bench_command, tune_command, new_command, show_command, train_command,
    eval_command;

/* Opens a device; warnings of the library go to stderr, each sentence once. */
bool host_context(fovea_context **out, const char *device, bool profile, struct problem *p);
/* malloc that ends the program with a sentence when memory runs out: for small things whose size no
 * file decides. */
void *host_alloc(size_t count, size_t size);
char *host_format(const char *format, ...) HOST_PRINTF(1, 2);
/* Flushes stdout; false once a reader has gone or the disk is full. */
bool host_flush(void);
/* Seconds of a monotonic clock. */
double host_seconds(void);
/* "1x3x224x224", "scalar"; a symbolic dimension shows as <name> or "?". */
void host_shape(char *out, size_t size, const fovea_desc *desc, const char *const *names);
/* "1.5 GiB"; "12.3 G" for 1e9 steps. */
void host_bytes(char *out, size_t size, double bytes);
void host_count(char *out, size_t size, double count);

#endif
