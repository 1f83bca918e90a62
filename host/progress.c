/* A line of progress on a terminal's stderr. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "host.h"

static bool shown;
static double last_time;

void progress_show(const char *what, size_t done, size_t total, const char *detail) {
    if (!isatty(STDERR_FILENO)) return;
    double now = host_seconds();
    if (shown && now - last_time < 0.1) return;
    fprintf(stderr, "\r\033[K%s %zu/%zu %.50s", what, done, total, detail ? detail : "");
    fflush(stderr);
    last_time = now;
    shown = true;
}

void progress_end(void) {
    if (shown) fputs("\r\033[K", stderr);
    shown = false;
}
