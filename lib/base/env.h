/* Numbers in the environment. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdint.h>

/* Lowers a limit (0: there is none) to the number of bytes that the variable says, if it says one. */
void env_lower(const char *name, uint64_t *limit);

#endif
