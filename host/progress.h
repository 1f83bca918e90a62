/* A line of progress on a terminal's stderr; nothing in a pipe or with --json. */
#ifndef HOST_PROGRESS_H
#define HOST_PROGRESS_H

#include <stddef.h>

/* "verify 12/57 conv1"; redrawn at most ten times a second. */
void progress_show(const char *what, size_t done, size_t total, const char *detail);
/* Wipes the line. */
void progress_end(void);

#endif
