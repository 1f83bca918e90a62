/* The error sentence of this thread, and how functions fail.
 *
 *     return fail(FOVEA_INVALID, "input '%s' has rank %d; Conv wants 3 to 5", name, rank);
 *     TRY(other_call());      passes a failure on
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "fovea.h"

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Stores the sentence and returns `status`. Arguments may point into the previous sentence. */
fovea_status fail(fovea_status status, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts text in front of the sentence stored: "node 'conv1': " + the cause. Returns `status`. */
fovea_status fail_in(fovea_status status, const char *format, ...) PRINTF_LIKE(2, 3);
/* "out of memory: 4096 bytes for WHAT" */
fovea_status fail_memory(size_t bytes, const char *what);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        fovea_status try_status = (call);                                                          \
        if (try_status != FOVEA_OK) return try_status;                                             \
    } while (0)

/* A log line on standard error if FOVEA_LOG names the topic ("select", "store", "build", ... "all"). */
void log_line(const char *topic, const char *format, ...) PRINTF_LIKE(2, 3);
bool log_wants(const char *topic);

#endif
