/* Numbers in the environment. */
#include "base/env.h"

#include <stdlib.h>

void env_lower(const char *name, uint64_t *limit) {
    const char *text = getenv(name);
    unsigned long long bytes = text && *text != '-' ? strtoull(text, NULL, 10) : 0;
    if (bytes && (*limit == 0 || bytes < *limit)) *limit = bytes;
}
