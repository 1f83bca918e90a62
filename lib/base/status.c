/* The error sentence of this thread. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for a build log's first screens; longer ones are cut. */
enum { SENTENCE_MAX = 16384 };
static _Thread_local char sentence[SENTENCE_MAX];

const char *fovea_error(void) {
    return sentence;
}

const char *fovea_version(void) {
    return FOVEA_VERSION;
}

const char *fovea_status_name(fovea_status status) {
    static const char *const names[] = {
        "FOVEA_OK",        "FOVEA_INVALID",      "FOVEA_UNSUPPORTED", "FOVEA_NO_MEMORY",
        "FOVEA_NO_DEVICE", "FOVEA_DEVICE_ERROR", "FOVEA_BUILD_ERROR", "FOVEA_BAD_FILE"};
    bool known = status >= 0 && (size_t)status < sizeof names / sizeof *names;
    return known ? names[status] : "FOVEA_UNKNOWN_STATUS";
}

fovea_status fail(fovea_status status, const char *format, ...) {
    char text[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(sentence, text, strlen(text) + 1);
    return status;
}

fovea_status fail_in(fovea_status status, const char *format, ...) {
    char text[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) return status;
    snprintf(text + n, sizeof text - (size_t)n, "%s", sentence);
    memcpy(sentence, text, strlen(text) + 1);
    return status;
}

fovea_status fail_memory(size_t bytes, const char *what) {
    return fail(FOVEA_NO_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

bool log_wants(const char *topic) {
    const char *wanted = getenv("FOVEA_LOG");
    return wanted && *wanted && (strstr(wanted, topic) || strstr(wanted, "all"));
}

void log_line(const char *topic, const char *format, ...) {
    if (!log_wants(topic)) return;
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "fovea %s: %s\n", topic, text);
}
