/* Devices: every platform and device of the ICD loader, and what is known of each. */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "opencl/internal.h"

/* Driver strings come with blanks around them; control characters have no place in a table. */
static void tidy(char *s) {
    size_t n = 0;
    for (const char *p = s; *p; p++) {
        bool blank = isspace((unsigned char)*p) || iscntrl((unsigned char)*p);
        if (!blank) s[n++] = *p;
        else if (n && s[n - 1] != ' ') s[n++] = ' ';
    }
    while (n && s[n - 1] == ' ') n--;
    s[n] = 0;
}

/* A string of any length, cut to `capacity`. Runtimes fail rather than cut. */
static void copy_string(char *out, size_t capacity, char *string) {
    if (string) {
        tidy(string);
        snprintf(out, capacity, "%s", string);
    }
    mem_free(string);
}

static char *platform_string(cl_platform_id platform, cl_platform_info what) {
    size_t bytes = 0;
    if (clGetPlatformInfo(platform, what, 0, NULL, &bytes) != CL_SUCCESS) return NULL;
    char *s = mem_zero(bytes + 1, 1);
    if (s) clGetPlatformInfo(platform, what, bytes, s, NULL);
    return s;
}

static char *device_string(cl_device_id device, cl_device_info what) {
    size_t bytes = 0;
    if (clGetDeviceInfo(device, what, 0, NULL, &bytes) != CL_SUCCESS) return NULL;
    char *s = mem_zero(bytes + 1, 1);
    if (s) clGetDeviceInfo(device, what, bytes, s, NULL);
    return s;
}

/* A number of any width (cl_uint, cl_bool, cl_ulong, size_t); 0 if the device does not say. */
static uint64_t device_number(cl_device_id device, cl_device_info what) {
    unsigned char bytes[8] = {0};
    size_t size = 0;
    if (clGetDeviceInfo(device, what, sizeof bytes, bytes, &size) != CL_SUCCESS) return 0;
    uint32_t narrow;
    uint64_t wide;
    memcpy(&narrow, bytes, sizeof narrow);
    memcpy(&wide, bytes, sizeof wide);
    return size == sizeof narrow ? narrow : wide;
}

bool device_has_extension(cl_device_id device, const char *extension) {
    char *list = device_string(device, CL_DEVICE_EXTENSIONS);
    size_t length = strlen(extension);
    bool found = false;
    for (const char *p = list; p && !found && (p = strstr(p, extension)); p += length)
        found = (p == list || p[-1] == ' ') && (p[length] == ' ' || !p[length]);
    mem_free(list);
    return found;
}

/* "OpenCL 3.0 ..." as 300; 0 if it cannot be read. */
static int version_number(const char *version) {
    int major, minor;
    return sscanf(version, "OpenCL %d.%d", &major, &minor) == 2 ? major * 100 + minor * 10 : 0;
}

static void read_names(fovea_device_info *info, cl_platform_id platform, cl_device_id device) {
    copy_string(info->platform, sizeof info->platform, platform_string(platform, CL_PLATFORM_NAME));
    copy_string(info->name, sizeof info->name, device_string(device, CL_DEVICE_NAME));
    copy_string(info->vendor, sizeof info->vendor, device_string(device, CL_DEVICE_VENDOR));
    copy_string(info->driver, sizeof info->driver, device_string(device, CL_DRIVER_VERSION));
    copy_string(info->version, sizeof info->version, device_string(device, CL_DEVICE_VERSION));
    if (!info->name[0]) snprintf(info->name, sizeof info->name, "unnamed device");
}

static void read_numbers(fovea_device_info *info, cl_device_id device) {
    uint64_t type = device_number(device, CL_DEVICE_TYPE);
    info->type = type & CL_DEVICE_TYPE_GPU   ? FOVEA_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_CPU ? FOVEA_DEVICE_CPU
                                             : FOVEA_DEVICE_ACCELERATOR;
    info->compute_units = (uint32_t)device_number(device, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = (uint32_t)device_number(device, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->memory_bytes = device_number(device, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_allocation_bytes = device_number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    env_lower("FOVEA_MEMORY", &info->memory_bytes); /* to try what another device has room for */
    env_lower("FOVEA_MAX_ALLOCATION", &info->max_allocation_bytes);
    info->local_memory_bytes = device_number(device, CL_DEVICE_LOCAL_MEM_SIZE);
    info->max_work_group_size = device_number(device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    info->vector_width = (uint32_t)device_number(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->address_bits = (uint32_t)device_number(device, CL_DEVICE_ADDRESS_BITS);
    /* A CPU that says its local memory is a memory of its own means its cache. */
    info->local_memory_is_real = info->type != FOVEA_DEVICE_CPU &&
                                 device_number(device, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    info->has_fp16 = device_has_extension(device, "cl_khr_fp16");
    info->has_fp64 = device_has_extension(device, "cl_khr_fp64");
    info->unified_memory = device_number(device, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    if (info->vector_width < 1) info->vector_width = 1;
    const char *width =
        getenv("FOVEA_VECTOR_WIDTH"); /* to try kernels at the width of another device */
    int number = width ? atoi(width) : 0;
    if (number >= 1 && number <= 16) info->vector_width = (uint32_t)number;
}

/* Whether OpenCL C 3.0 has an optional feature on the device. */
static bool has_feature(cl_device_id device, const char *name) {
    size_t bytes = 0;
    if (clGetDeviceInfo(device, CL_DEVICE_OPENCL_C_FEATURES, 0, NULL, &bytes) != CL_SUCCESS)
        return false;
    cl_name_version *list = mem_zero(bytes + 1, 1);
    bool found = false;
    if (list &&
        clGetDeviceInfo(device, CL_DEVICE_OPENCL_C_FEATURES, bytes, list, NULL) == CL_SUCCESS)
        for (size_t i = 0; i < bytes / sizeof *list; i++)
            found = found || strcmp(list[i].name, name) == 0;
    mem_free(list);
    return found;
}

/* Their functions came with OpenCL C 2.0. Devices of OpenCL 3.0 say their size as the work-group size they
 * prefer. */
static void read_subgroups(fovea_device_info *info, cl_device_id device) {
    int version = version_number(info->version);
    info->has_subgroups = version >= 200 && device_has_extension(device, "cl_khr_subgroups");
    if (version < 300) return;
    info->has_subgroups = info->has_subgroups || has_feature(device, "__opencl_c_subgroups");
    if (device_number(device, CL_DEVICE_MAX_NUM_SUB_GROUPS) == 0) return;
    info->subgroup_size =
        (uint32_t)device_number(device, CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE);
}

static double clamp(double x, double low, double high) {
    return fmin(fmax(x, low), high);
}

/* Rough figures, so that algorithms can be ranked before anything was measured. A CPU core does two
 * vector FMAs a cycle and moves some 8 GB/s until the memory channels are busy; a GPU's memory feeds
 * about one float for every 25 operations of its peak (between 14 and 35 for cards since 2016). */
static void estimate(fovea_device_info *info, const struct quirks *quirks) {
    double units = info->compute_units ? info->compute_units : 1;
    double hertz = 1e6 * (info->clock_mhz ? info->clock_mhz : 1000);
    if (info->type == FOVEA_DEVICE_CPU) {
        info->flops_peak = units * hertz * info->vector_width * 2 * 2;
        info->bytes_per_second = clamp(8e9 * units, 8e9, 200e9);
        info->launch_overhead_us = 4;
        return;
    }
    info->flops_peak = units * hertz * (quirks->lanes ? quirks->lanes : 64) * 2;
    double widest = info->unified_memory ? 100e9 : 5e12;
    info->bytes_per_second = clamp(info->flops_peak / 25, 10e9, widest);
    info->launch_overhead_us = 8;
}

static void find_problem(fovea_device_info *info, cl_device_id device) {
    const char *problem = NULL;
    if (!device_number(device, CL_DEVICE_AVAILABLE))
        problem = "the driver says that the device is not available";
    else if (!device_number(device, CL_DEVICE_COMPILER_AVAILABLE))
        problem = "the driver has no compiler for OpenCL C";
    else if (!info->version[0]) problem = "the driver does not say its version, or memory ran out";
    else if (version_number(info->version) < 120) problem = "the device is older than OpenCL 1.2";
    else if (!device_number(device, CL_DEVICE_ENDIAN_LITTLE)) problem = "the device is big-endian";
    if (problem)
        snprintf(info->problem, sizeof info->problem, "%s (%.120s)", problem,
                 info->version[0] ? info->version : "no version");
}

void device_read(fovea_device_info *info, struct quirks *quirks, cl_platform_id platform,
                 cl_device_id device) {
    if (!platform)
        clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof platform, (void *)&platform, NULL);
    read_names(info, platform, device);
    read_numbers(info, device);
    read_subgroups(info, device);
    *quirks = (struct quirks){0};
    quirks_apply(info, quirks, device);
    estimate(info, quirks);
    find_problem(info, device);
}

/* ---- The list ---- */

/* A runtime starts when its platform or its devices are first asked for, and not every one can bear to be asked
 * by two threads then: PoCL 3.1 has no device for the second, or crashes. */
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

static cl_int ask_platforms(cl_uint room, cl_platform_id *platforms, cl_uint *count) {
    pthread_mutex_lock(&asking);
    cl_int code = clGetPlatformIDs(room, platforms, count);
    pthread_mutex_unlock(&asking);
    return code;
}

static cl_int ask_devices(cl_platform_id platform, cl_uint room, cl_device_id *devices,
                          cl_uint *count) {
    pthread_mutex_lock(&asking);
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, room, devices, count);
    pthread_mutex_unlock(&asking);
    return code;
}

/* Platforms of the loader. None is no failure: *code is then CL_SUCCESS and *count 0. */
static fovea_status platforms_get(cl_platform_id **out, cl_uint *count, cl_int *code) {
    *out = NULL;
    *count = 0;
    quirks_prepare();
    *code = ask_platforms(0, NULL, count);
    if (*code == -1001) *code = CL_SUCCESS, *count = 0; /* CL_PLATFORM_NOT_FOUND_KHR */
    if (*code != CL_SUCCESS) *count = 0;
    if (!*count) return FOVEA_OK;
    *out = mem_zero(*count, sizeof **out);
    if (!*out) return fail_memory(*count * sizeof **out, "the list of OpenCL platforms");
    *code = ask_platforms(*count, *out, NULL);
    if (*code != CL_SUCCESS) *count = 0;
    return FOVEA_OK;
}

static fovea_status devices_get(cl_platform_id platform, cl_device_id **out, cl_uint *count,
                                cl_int *code) {
    *out = NULL;
    *count = 0;
    *code = ask_devices(platform, 0, NULL, count);
    if (*code == CL_DEVICE_NOT_FOUND) *code = CL_SUCCESS, *count = 0;
    if (*code != CL_SUCCESS) *count = 0;
    if (!*count) return FOVEA_OK;
    *out = mem_zero(*count, sizeof **out);
    if (!*out) return fail_memory(*count * sizeof **out, "a list of OpenCL devices");
    *code = ask_devices(platform, *count, *out, NULL);
    cl_uint n = *code == CL_SUCCESS ? *count : 0;
    *count = 0;
    for (cl_uint i = 0; i < n; i++)
        if (!quirks_hides((*out)[i])) (*out)[(*count)++] = (*out)[i];
    return FOVEA_OK;
}

struct list {
    fovea_device_info *infos;
    size_t count, capacity;
};

static fovea_device_info *list_add(struct list *list) {
    return mem_push(&list->infos, &list->count, &list->capacity, sizeof *list->infos);
}

/* A platform that has no device stands in the list too, so that its problem is told. */
static fovea_status list_no_device(struct list *list, cl_platform_id platform, unsigned p,
                                   cl_int code) {
    fovea_device_info *info = list_add(list);
    if (!info) return fail_memory(sizeof *info, "the list of devices");
    snprintf(info->id, sizeof info->id, "opencl:%u:-", p);
    snprintf(info->name, sizeof info->name, "no device");
    info->type = FOVEA_DEVICE_CPU; /* it answers last, when no device is wanted by name */
    copy_string(info->platform, sizeof info->platform, platform_string(platform, CL_PLATFORM_NAME));
    copy_string(info->version, sizeof info->version,
                platform_string(platform, CL_PLATFORM_VERSION));
    if (code == CL_SUCCESS)
        snprintf(info->problem, sizeof info->problem, "the platform has no device");
    else
        snprintf(info->problem, sizeof info->problem,
                 "the platform failed to list its devices with %s (%d)", opencl_error_name(code),
                 (int)code);
    return FOVEA_OK;
}

static fovea_status list_platform(struct list *list, cl_platform_id platform, unsigned p) {
    cl_device_id *devices;
    cl_uint count;
    cl_int code;
    TRY(devices_get(platform, &devices, &count, &code));
    fovea_status status = count ? FOVEA_OK : list_no_device(list, platform, p, code);
    for (unsigned d = 0; d < count && status == FOVEA_OK; d++) {
        fovea_device_info *info = list_add(list);
        struct quirks quirks;
        if (!info) status = fail_memory(sizeof *info, "the list of devices");
        if (!info) break;
        snprintf(info->id, sizeof info->id, "opencl:%u:%u", p, d);
        device_read(info, &quirks, platform, devices[d]);
    }
    mem_free(devices);
    return status;
}

fovea_status opencl_list(fovea_device_info **out, size_t *count,
                         void (*warn)(void *user, const char *sentence), void *user) {
    *out = NULL;
    *count = 0;
    cl_platform_id *platforms;
    cl_uint n;
    cl_int code;
    TRY(platforms_get(&platforms, &n, &code));
    if (!n && warn) {
        char sentence[160];
        snprintf(sentence, sizeof sentence, "no OpenCL platform: %s",
                 code == CL_SUCCESS ? "the ICD loader finds no driver; install one for the device"
                                    : opencl_error_name(code));
        warn(user, sentence);
    }
    struct list list = {0};
    fovea_status status = FOVEA_OK;
    for (unsigned p = 0; p < n && status == FOVEA_OK; p++)
        status = list_platform(&list, platforms[p], p);
    mem_free(platforms);
    if (status != FOVEA_OK) {
        mem_free(list.infos);
        return status;
    }
    *out = list.infos;
    *count = list.count;
    return FOVEA_OK;
}

fovea_status device_find(const char *id, cl_platform_id *platform, cl_device_id *device) {
    unsigned p, d;
    int end = 0;
    if (sscanf(id, "opencl:%9u:%9u%n", &p, &d, &end) != 2 || id[end])
        return fail(FOVEA_NO_DEVICE, "'%s' is no OpenCL device; they are named opencl:P:D", id);
    cl_platform_id *platforms;
    cl_device_id *devices;
    cl_uint n_platforms, n_devices;
    cl_int code;
    TRY(platforms_get(&platforms, &n_platforms, &code));
    *platform = p < n_platforms ? platforms[p] : NULL;
    mem_free(platforms);
    if (p >= n_platforms)
        return fail(FOVEA_NO_DEVICE, "no device '%s': there are %u OpenCL platforms", id,
                    (unsigned)n_platforms);
    TRY(devices_get(*platform, &devices, &n_devices, &code));
    *device = d < n_devices ? devices[d] : NULL;
    mem_free(devices);
    if (d >= n_devices)
        return fail(FOVEA_NO_DEVICE, "no device '%s': OpenCL platform %u has %u devices", id, p,
                    (unsigned)n_devices);
    return FOVEA_OK;
}

/* The place of `wanted` among the platform's devices; UINT_MAX if it is not there. */
static unsigned place_of(cl_platform_id platform, cl_device_id wanted) {
    cl_device_id *devices;
    cl_uint n;
    cl_int code;
    unsigned place = UINT_MAX;
    if (devices_get(platform, &devices, &n, &code) != FOVEA_OK) return place;
    for (unsigned d = 0; d < n; d++)
        if (devices[d] == wanted) place = d;
    mem_free(devices);
    return place;
}

void device_name_id(char *id, size_t capacity, cl_device_id device) {
    cl_platform_id *platforms;
    cl_uint n;
    cl_int code;
    snprintf(id, capacity, "opencl:given");
    if (platforms_get(&platforms, &n, &code) != FOVEA_OK) return;
    for (unsigned p = 0; p < n; p++) {
        unsigned d = place_of(platforms[p], device);
        if (d != UINT_MAX) snprintf(id, capacity, "opencl:%u:%u", p, d);
    }
    mem_free(platforms);
}
