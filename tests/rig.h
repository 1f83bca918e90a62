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
 * False: the program is to end with *result, since there is no device, or it is a child. */
bool rig_prepare(int argc, char **argv, int *result);
extern bool rig_has_team; /* the device has */

/* What this program prints in a process of its own, with these assignments in front of the command; from
 * mem_alloc. Arguments: "devices": a line for each device, "id name [team]"; "devices-of-child": what a child of
 * such a process prints; "compiled PATH": how many programs the store at PATH does not have for the device. */
char *rig_child(const char *environment, const char *arguments);

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
