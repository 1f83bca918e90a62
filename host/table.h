/* Tables on stdout: columns as wide as their widest cell. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include "host.h"

struct table {
    struct text_list cells;
    size_t columns;
};

/* `titles` separated by '|'; a title that starts with '>' aligns its column to the right. */
void table_begin(struct table *t, const char *titles);
void table_cell(struct table *t, const char *format, ...) HOST_PRINTF(2, 3);
/* Prints the table and frees it. */
void table_print(struct table *t);

#endif
