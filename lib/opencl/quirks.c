/* The only file in which a vendor name may stand: where a runtime differs from what its facts say,
 * and facts that can only be asked for in a vendor's own way. Everybody else reads capabilities.
 *
 * Every entry states its reason: what was observed, or the public document it is from. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "opencl/internal.h"

/* The Portable Computing Language has a second device for CPUs, which computes in the thread that enqueues,
 * and shows it only to who asks (its documentation: "environment variables", POCL_DEVICES). A team of
 * threads on it runs MobileNet v2's depthwise layers 1.5 times as fast as the runtime's own threads, since
 * those are woken for every launch. The user's choice stays, and then there is no team. The second space is
 * by which a process that inherits the environment of one with a team knows that no user chose. */
static const char devices_variable[] = "POCL_DEVICES", both_devices[] = "pthread  basic";
static const char team_device[] = "basic-"; /* how its name begins */
static bool asked;                          /* for that device */

/* The Portable Computing Language compiles up to three versions of a kernel, for global offsets and grid
 * sizes that need shorter arithmetic, and unrolls the loop over a group's work-items. The kernels here gain
 * nothing from either (ResNet-50 and each family of kernels within the noise): on a CPU most groups are one
 * work-item, which is unrolled enough itself. A first run takes half as long without the versions, and a sixth
 * less again without the unrolling. It is to be said before the runtime starts. */
static void set_environment(void) {
    setenv(devices_variable, both_devices, 0);
    const char *devices = getenv(devices_variable);
    asked = devices && strcmp(devices, both_devices) == 0;
    setenv("POCL_WORK_GROUP_SPECIALIZATION", "0", 0); /* 0: the user's own choice stays */
    setenv("POCL_WILOOPS_MAX_UNROLL_COUNT", "1", 0);
}

void quirks_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_environment);
}

bool quirks_hides(cl_device_id device) {
    char name[sizeof team_device] = "";
    size_t bytes = 0;
    if (!asked || clGetDeviceInfo(device, CL_DEVICE_NAME, 0, NULL, &bytes) != CL_SUCCESS)
        return false;
    char *whole = mem_zero(bytes + 1, 1);
    if (whole && clGetDeviceInfo(device, CL_DEVICE_NAME, bytes, whole, NULL) == CL_SUCCESS)
        snprintf(name, sizeof name, "%s", whole);
    mem_free(whole);
    return strcmp(name, team_device) == 0;
}

cl_device_id quirks_team_device(cl_platform_id platform, cl_device_id device) {
    enum { MOST = 16 };
    cl_device_id devices[MOST];
    cl_uint n = 0, units = 0;
    if (!asked || clGetDeviceIDs(platform, CL_DEVICE_TYPE_CPU, MOST, devices, &n) != CL_SUCCESS)
        return NULL;
    clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    for (cl_uint i = 0; i < n && i < MOST && units; i++)
        if (quirks_hides(devices[i])) return devices[i];
    return NULL;
}

struct rule {
    /* Each a piece of the string, or NULL for any. All must match. */
    const char *platform, *vendor, *name;
    int type; /* fovea_device_type, or -1 for any */
    struct quirks quirks;
    const char *reason; /* for the log */
};

/* A later rule adds to the earlier ones. */
static const struct rule rules[] = {
    {"Oclgrind",
     NULL,
     NULL,
     -1,
     {.serial_build = true},
     "building in several threads ends in a segmentation fault (seen with 21.10)"},
    {"Portable Computing Language",
     NULL,
     NULL,
     -1,
     {.serial_build = true, .slow_binary = true},
     "its compiler runs in one thread at a time, and a binary asked for is made with a version of "
     "every kernel for any local size, compiled then (seen with 3.1)"},
    {"rusticl",
     NULL,
     "llvmpipe",
     -1,
     {.false_times = true},
     "events give the instants of the command, nanoseconds apart, while the kernel runs later "
     "(seen "
     "with Mesa 22.3)"},
    {"Intel(R) OpenCL",
     NULL,
     NULL,
     -1,
     {.serial_build = true},
     "its compiler is not safe in several threads for some LLVM versions (github.com/intel/"
     "opencl-clang, pull requests 427 and 449)"},
    {"AMD Accelerated Parallel Processing",
     NULL,
     NULL,
     -1,
     {.serial_build = true},
     "its compiler was not safe in several threads in ROCm 3.3 (github.com/ROCm/"
     "ROCm-CompilerSupport, issue 27)"},
    {"NVIDIA",
     NULL,
     NULL,
     FOVEA_DEVICE_GPU,
     {.lanes = 128},
     "a streaming multiprocessor has 128 fp32 lanes (CUDA C Programming Guide, table of arithmetic "
     "throughput; 64 on 7.x, 6.0 and 8.0)"},
    {NULL,
     "Intel",
     NULL,
     FOVEA_DEVICE_GPU,
     {.lanes = 8},
     "a compute unit is one execution unit with 8 fp32 lanes (Gen9 compute architecture)"},
    {NULL,
     "ARM",
     NULL,
     FOVEA_DEVICE_GPU,
     {.lanes = 32},
     "a Valhall shader core does 32 fp32 FMA a cycle; older ones 8 to 24"},
};

static bool has(const char *string, const char *piece) {
    return !piece || strstr(string, piece);
}

static void merge(struct quirks *to, const struct quirks *from) {
    to->false_times |= from->false_times;
    to->serial_build |= from->serial_build;
    to->slow_binary |= from->slow_binary;
    if (from->lanes) to->lanes = from->lanes;
}

/* The size of a subgroup in a vendor's own words, which are surer than the work-group size that is preferred
 * (128 with Intel's runtime for CPUs of 2026, whose subgroups have 4 to 64 work-items). */
static const struct {
    const char *extension;
    cl_device_info query; /* answers with cl_uint; or with a list of size_t, whose largest counts */
    bool is_list;
} widths[] = {
    {"cl_nv_device_attribute_query", 0x4003, false},   /* CL_DEVICE_WARP_SIZE_NV */
    {"cl_amd_device_attribute_query", 0x4043, false},  /* CL_DEVICE_WAVEFRONT_WIDTH_AMD */
    {"cl_intel_required_subgroup_size", 0x4108, true}, /* CL_DEVICE_SUB_GROUP_SIZES_INTEL */
};

static uint32_t largest_width(cl_device_id device, cl_device_info query) {
    size_t list[32], bytes = 0, most = 0;
    if (clGetDeviceInfo(device, query, sizeof list, list, &bytes) != CL_SUCCESS) return 0;
    for (size_t i = 0; i < bytes / sizeof *list; i++) most = list[i] > most ? list[i] : most;
    return (uint32_t)most;
}

static void read_width(fovea_device_info *info, cl_device_id device) {
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        cl_uint width = 0;
        if (!device_has_extension(device, widths[i].extension)) continue;
        if (widths[i].is_list) width = largest_width(device, widths[i].query);
        else clGetDeviceInfo(device, widths[i].query, sizeof width, &width, NULL);
        if (width) info->subgroup_size = width;
    }
}

void quirks_apply(fovea_device_info *info, struct quirks *quirks, cl_device_id device) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        if (r->type >= 0 && r->type != (int)info->type) continue;
        if (!has(info->platform, r->platform) || !has(info->vendor, r->vendor) ||
            !has(info->name, r->name))
            continue;
        merge(quirks, &r->quirks);
        log_line("quirk", "%s '%s': %s", info->id, info->name, r->reason);
    }
    read_width(info, device);
}
