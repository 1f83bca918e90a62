/* A small parser of command lines: `--name value`, `--name=value`, `-x value`, flags, operands. */
#ifndef HOST_ARGS_H
#define HOST_ARGS_H

#include <stdbool.h>
#include <stddef.h>

struct text_list {
    const char **text;
    size_t count, capacity;
};
void text_list_add(struct text_list *list, const char *text);
void text_list_free(struct text_list *list);

enum arg_kind {
    ARG_END = 0,
    ARG_FLAG,   /* bool */
    ARG_TEXT,   /* const char * */
    ARG_COUNT,  /* int64_t, 1 or more */
    ARG_NUMBER, /* int64_t, 0 or more */
    ARG_LIST,   /* struct text_list: may be given several times */
    ARG_FLOATS, /* struct arg_floats: numbers separated by commas */
};

enum { ARG_FLOATS_MAX = 16 };
struct arg_floats {
    double value[ARG_FLOATS_MAX];
    size_t count;
};

/* One option; a table of them ends with a zeroed entry. */
struct arg {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum arg_kind kind;
    void *target;
    const char *value; /* what the help calls the value: "FILE" */
    const char *help;
};

struct problem;
/* Parses words[0..count) after the tables; the first word that is no option and is not the value of
 * one is an operand. `--` ends the options. False with a problem of kind usage. */
bool args_parse(const struct arg *const *tables, size_t n_tables, int count, char **words,
                struct text_list *operands, struct problem *p);
/* "a,b,c" of at most ARG_FLOATS_MAX finite numbers. */
bool args_floats(struct arg_floats *out, const char *text);
/* Prints the table, one option a line. */
void args_help(const struct arg *table);

#endif
