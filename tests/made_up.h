/* Devices that are made up, a large GPU and a small CPU, and what the estimates prefer on them. */
#ifndef TESTS_MADE_UP_H
#define TESTS_MADE_UP_H

#include "harness.h"

extern const fovea_device_info made_up_gpu, made_up_cpu;
/* The name of the algorithm with the least estimate for a problem line; "none". `plain`: of those that read
 * and write plain arrays. */
const char *made_up_choice(const fovea_device_info *device, bool plain, const char *line);

#endif
