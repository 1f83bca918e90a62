/* What the files of this folder share. Nothing outside includes it. */
#ifndef OPENCL_INTERNAL_H
#define OPENCL_INTERNAL_H

/* clCreateCommandQueue is the one way to make a queue that OpenCL 1.2 devices have too. */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include "opencl/opencl.h"

/* How a runtime differs from what its facts say; see quirks.c. */
struct quirks {
    bool false_times;  /* events do not say when a kernel ran: time each launch from outside */
    bool serial_build; /* clBuildProgram must not, or cannot, run in several threads at once */
    bool slow_binary;  /* asking for a binary compiles: not before the first answer */
    uint32_t lanes;    /* fp32 lanes of a compute unit; 0: not known */
};

struct team;

/* A launch that is timed. */
struct timed {
    size_t slot;
    cl_event event; /* NULL: timed from outside from the first */
    double ms;      /* measured from outside; negative: ask the event */
};

struct opencl {
    fovea_device_info info;
    struct quirks quirks;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    struct team *team;   /* runs the launches; NULL: the queue does */
    cl_device_id target; /* what kernels are built for: `device`, or the team's */
    bool profile;
    struct store *store; /* borrowed; NULL: none */
    char *key;           /* of this device and driver, in front of every key of the store */
    struct opencl_program **programs;
    size_t n_programs, programs_capacity;
    struct bundle **bundles;
    size_t n_bundles, bundles_capacity;
    bool launched;    /* something, since the queue was last waited for */
    double waited_ms; /* how long the last wait for a launch took */
    struct timed *timed;
    double begun_ms; /* clock at the last timed launch */
    size_t n_timed, timed_capacity;
    enum { GEMM_UNKNOWN, GEMM_WORKS, GEMM_FAILS } gemm;
};

struct opencl_buffer {
    struct opencl *cl;
    cl_mem mem;
    size_t bytes; /* as asked for */
};

/* Kernels built together as one program. */
struct bundle {
    cl_program program;
    char *key;   /* in the store */
    bool stored; /* nothing to remember: the store has it or is about to get it, or there is none */
    bool due;    /* its kernels ran; its binary is still to be put into the store */
};

/* A kernel file with its options (and one of its kernels, or all): a member of a bundle. */
struct opencl_program {
    struct opencl *cl;
    char *stem, *options, *function;
    char *key;       /* in the store, of the row that names the bundle */
    char suffix[24]; /* of the names that it declares, in the bundle */
    bool subgroups;  /* built as the OpenCL C that has their functions */
    struct bundle *bundle;
    bool from_store;
};

struct opencl_kernel {
    struct opencl *cl;
    cl_kernel kernel;
    char *function;
    double thread_ms; /* what a launch takes a team, all threads summed; 0: not known */
};

/* error.c */
const char *opencl_error_name(cl_int code); /* "CL_OUT_OF_RESOURCES"; "an unknown error" */
/* "clFinish failed with CL_OUT_OF_RESOURCES (-5) on device 'name'", with the status that fits. */
fovea_status opencl_fail(const struct opencl *, cl_int code, const char *call);
#define TRY_CL(cl, call, name)                                                                     \
    do {                                                                                           \
        cl_int try_code = (call);                                                                  \
        if (try_code != CL_SUCCESS) return opencl_fail(cl, try_code, name);                        \
    } while (0)

/* device.c: the facts of one device. `platform` may be NULL: asked of the device. */
void device_read(fovea_device_info *, struct quirks *, cl_platform_id platform,
                 cl_device_id device);
/* Whether a list of extensions has this one, as a whole word. */
bool device_has_extension(cl_device_id, const char *extension);
/* Writes the "opencl:P:D" of a device; "opencl:given" if the loader does not list it (a sub-device). */
void device_name_id(char *id, size_t capacity, cl_device_id device);
/* Finds "opencl:P:D". */
fovea_status device_find(const char *id, cl_platform_id *platform, cl_device_id *device);

/* quirks.c: what a runtime must be told before it starts; the first call counts. */
void quirks_prepare(void);
/* quirks.c: whether a device is no choice of its own, but there for a team. */
bool quirks_hides(cl_device_id);
/* quirks.c: a device of the same platform that computes in the thread that enqueues, for a team in place of
 * this one; NULL: none. */
cl_device_id quirks_team_device(cl_platform_id platform, cl_device_id);
/* quirks.c: fills *quirks, and mends facts that are known to be wrong. */
void quirks_apply(fovea_device_info *, struct quirks *, cl_device_id);

/* queue.c */
/* Makes a struct around a context and a queue that the caller made; retains both. */
fovea_status opencl_adopt(struct opencl **out, cl_context, cl_device_id, cl_command_queue,
                          struct store *store);
/* Before each launch. Under a slot: true if it needs an event, which queue_end then takes over to time the
 * slot (`event` may be NULL). Where events do not tell the time, both wait and a clock does. */
bool queue_begin(struct opencl *, size_t slot);
void queue_end(struct opencl *, size_t slot, cl_event event);
/* A launch under a slot that somebody else timed. */
void queue_timed(struct opencl *, size_t slot, double ms);

/* program.c */
void programs_free(struct opencl *);
/* remember.c: puts the binaries that are due into the store. */
void programs_store(struct opencl *);
/* member.c: a kernel file's text, rewritten so that it can stand with others in one program: its names
 * end in `suffix`, and of its kernels only `function` is left (NULL: all). *out is NULL if it must be
 * built alone, as it is. */
fovea_status member_write(char **out, const char *text, const char *options, const char *function,
                          const char *suffix);
/* source.c: common.h and the kernel file, in one string from mem_alloc. */
fovea_status source_read(char **out, const char *stem);

/* gemm.c */
void gemm_forget(struct opencl *); /* before the context goes */

#endif
