/* A device opened with a test's own kernels, for tests of how launches run: one that has a team where there
 * is one. Everything but rig_try fails the test that calls it. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include "harness.h"
#include "opencl/opencl.h"

enum { RIG_DIMS = 3, RIG_UNUSABLE = 77 /* the exit status that meson counts as skipped */ };

struct rig {
    struct opencl *cl;
    struct opencl_program *program;
    size_t compiled; /* programs that the store did not have */
};

#define WELL(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

/* To be called first in main. Finds the device, in a process of its own, since OpenCL does not outlive a fork.
 * False: the program is to end with *result, since there is no device, or it was called for its list. */
bool rig_prepare(int argc, char **argv, int *result);
extern bool rig_has_team; /* the device has */

/* What "PROGRAM devices" prints, with these assignments in front of the command: a line for each device, "id
 * name [team]". `times` 2: what a child of such a process prints. From mem_alloc. */
char *rig_devices(const char *environment, int times);

/* The folder of the kernels; rig_setup writes `source` into it as the kernel file that rig_open builds. */
extern char rig_folder[64];
void rig_setup(const char *source);
void rig_teardown(void);

struct store;
struct rig rig_open(bool profile, struct store *);
/* May fail, and then leaves nothing. */
fovea_status rig_try(struct rig *, bool profile, struct store *);
struct opencl_kernel *rig_kernel(const struct rig *, const char *function);
struct opencl_buffer *rig_buffer(const struct rig *, size_t bytes);

void set_number(struct opencl_kernel *, unsigned index, size_t value); /* 32 bits */
/* One dimension; local 0: the driver chooses. */
void launch(struct opencl_kernel *, size_t global, size_t local, size_t slot);

#endif
