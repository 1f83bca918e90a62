/* Tables on stdout. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 16, MAX_CELL = 1000 };

void table_begin(struct table *t, const char *titles) {
    *t = (struct table){{0}, 0};
    for (const char *at = titles; at && t->columns < MAX_COLUMNS; t->columns++) {
        size_t n = strcspn(at, "|");
        table_cell(t, "%.*s", (int)n, at);
        at = at[n] ? at + n + 1 : NULL;
    }
}

/* Control characters of a foreign name must not reach the terminal. */
static void tame(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = '?';
}

void table_cell(struct table *t, const char *format, ...) {
    char *text = host_alloc(MAX_CELL, 1);
    va_list args;
    va_start(args, format);
    vsnprintf(text, MAX_CELL, format, args);
    va_end(args);
    tame(text);
    text_list_add(&t->cells, text);
}

/* Characters, not bytes, of UTF-8 text. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text; text++) width += (*text & 0xC0) != 0x80;
    return width;
}

static void print_row(const struct table *t, size_t row, const int *width, const bool *right) {
    for (size_t c = 0; c < t->columns; c++) {
        const char *text = t->cells.text[row * t->columns + c];
        if (row == 0 && *text == '>') text++;
        int gap = width[c] - width_of(text);
        bool last = c + 1 == t->columns;
        if (right[c]) printf("%*s%s%s", gap, "", text, last ? "\n" : "  ");
        else if (last) printf("%s\n", text);
        else printf("%s%*s", text, gap + 2, "");
    }
}

void table_print(struct table *t) {
    int width[MAX_COLUMNS] = {0};
    bool right[MAX_COLUMNS] = {false};
    size_t rows = t->columns ? t->cells.count / t->columns : 0;
    for (size_t i = 0; i < rows * t->columns; i++) {
        const char *text = t->cells.text[i];
        size_t c = i % t->columns;
        if (i < t->columns && *text == '>') {
            right[c] = true;
            text++;
        }
        int w = width_of(text);
        if (w > width[c]) width[c] = w;
    }
    for (size_t row = 0; row < rows; row++) print_row(t, row, width, right);
    for (size_t i = 0; i < t->cells.count; i++) free((void *)(uintptr_t)t->cells.text[i]);
    text_list_free(&t->cells);
}
