/* Loops over all cores, for the CPU reference and for building kernels. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

/* Calls body(data, begin, end) over disjoint parts of [0, count), from several threads at once; each
 * part has at least `grain` items (but the last). Returns when all are done. The parts do not depend
 * on timing: the result of a body that writes only its own items is deterministic. Calls from within
 * a body run in the calling thread. */
void parallel_for(size_t count, size_t grain, void (*body)(void *data, size_t begin, size_t end),
                  void *data);
size_t parallel_width(void); /* threads used: FOVEA_THREADS, else the cores available */

#endif
