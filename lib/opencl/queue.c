/* A device opened: its context and its in-order queue, and the time its launches take. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "opencl/internal.h"
#include "opencl/team.h"

static void CL_CALLBACK on_error(const char *message, const void *data, size_t bytes, void *user) {
    (void)data;
    (void)bytes;
    (void)user;
    log_line("opencl", "%s", message);
}

enum { UUID_BYTES = 16, DEVICE_UUID = 0x106A }; /* CL_DEVICE_UUID_KHR of cl_khr_device_uuid */

/* What a stored binary depends on, beside the program. */
static char *make_key(const fovea_device_info *info, cl_device_id device) {
    unsigned char uuid[UUID_BYTES];
    char text[2 * UUID_BYTES + 1] = "";
    if (device_has_extension(device, "cl_khr_device_uuid") &&
        clGetDeviceInfo(device, DEVICE_UUID, sizeof uuid, uuid, NULL) == CL_SUCCESS)
        for (size_t i = 0; i < UUID_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", uuid[i]);
    return mem_format("%s|%s|%s|%s|%s|fovea %s", info->platform, info->name, info->driver,
                      info->version, text, fovea_version());
}

fovea_status opencl_adopt(struct opencl **out, cl_context context, cl_device_id device,
                          cl_command_queue queue, struct store *store) {
    *out = NULL;
    struct opencl *cl = mem_zero(1, sizeof *cl);
    if (!cl) return fail_memory(sizeof *cl, "an OpenCL context");
    device_read(&cl->info, &cl->quirks, NULL, device);
    cl->device = cl->target = device;
    cl->store = store;
    cl_command_queue_properties properties = 0;
    clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
    cl->profile = (properties & CL_QUEUE_PROFILING_ENABLE) != 0;
    cl->key = make_key(&cl->info, device);
    if (!cl->key) {
        mem_free(cl);
        return fail_memory(1024, "the key of a device");
    }
    clRetainContext(context);
    clRetainCommandQueue(queue);
    cl->context = context;
    cl->queue = queue;
    *out = cl;
    return FOVEA_OK;
}

/* Makes the context (with the team's device, or NULL) and the queue; the device's own refusal is the
 * sentence. */
static fovea_status make_queue(const char *id, bool profile, cl_platform_id platform,
                               cl_device_id device, cl_device_id team, cl_context *context,
                               cl_command_queue *queue) {
    struct opencl named = {0}; /* for the sentence alone */
    struct quirks quirks;
    device_read(&named.info, &quirks, platform, device);
    if (named.info.problem[0])
        return fail(FOVEA_NO_DEVICE, "device %s '%s' cannot be used: %s", id, named.info.name,
                    named.info.problem);
    cl_int code = CL_SUCCESS;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)platform, 0};
    const cl_device_id devices[] = {device, team};
    *context = clCreateContext(properties, team ? 2 : 1, devices, on_error, NULL, &code);
    TRY_CL(&named, code, "clCreateContext");
    *queue = clCreateCommandQueue(*context, device, profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code == CL_SUCCESS) return FOVEA_OK;
    clReleaseContext(*context);
    return opencl_fail(&named, code, "clCreateCommandQueue");
}

fovea_status opencl_open(struct opencl **out, const char *id, bool profile, struct store *store) {
    *out = NULL;
    cl_platform_id platform;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    TRY(device_find(id, &platform, &device));
    cl_device_id team = quirks_team_device(platform, device);
    TRY(make_queue(id, profile, platform, device, team, &context, &queue));
    fovea_status status = opencl_adopt(out, context, device, queue, store);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    if (status == FOVEA_OK) snprintf((*out)->info.id, sizeof(*out)->info.id, "%s", id);
    if (status == FOVEA_OK && team) status = team_create(*out, team);
    if (status == FOVEA_OK) return FOVEA_OK;
    opencl_close(*out);
    *out = NULL;
    return status;
}

void opencl_forget_times(struct opencl *cl) {
    for (size_t i = 0; i < cl->n_timed; i++)
        if (cl->timed[i].event) clReleaseEvent(cl->timed[i].event);
    cl->n_timed = 0;
}

void opencl_close(struct opencl *cl) {
    if (!cl) return;
    if (team_run(cl) == FOVEA_OK) clFinish(cl->queue);
    team_destroy(cl->team);
    programs_store(cl);
    gemm_forget(cl);
    opencl_forget_times(cl);
    programs_free(cl);
    clReleaseCommandQueue(cl->queue);
    clReleaseContext(cl->context);
    mem_free(cl->timed);
    mem_free(cl->key);
    mem_free(cl);
}

bool opencl_has_team(const struct opencl *cl) {
    return cl->team != NULL;
}

fovea_status opencl_submit(struct opencl *cl) {
    return team_run(cl);
}

const fovea_device_info *opencl_info(const struct opencl *cl) {
    return &cl->info;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static const double moment_ms = 0.2;

/* Asks for a moment whether the queue is done: a thread that sleeps is woken tens of microseconds late,
 * which small networks would feel. */
static void wait_awake(struct opencl *cl) {
    cl_event marker;
    if (clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &marker) != CL_SUCCESS) return;
    clFlush(cl->queue);
    cl_int status = CL_QUEUED;
    for (double start = now_ms(); status > CL_COMPLETE && now_ms() - start < moment_ms;)
        if (clGetEventInfo(marker, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                           NULL) != CL_SUCCESS)
            break;
    clReleaseEvent(marker);
}

/* Awake only where the wait before was short: else whoever waits takes a core from a runtime that
 * computes on the CPU. */
fovea_status opencl_finish(struct opencl *cl) {
    TRY(team_run(cl));
    double start = now_ms();
    if (cl->launched && cl->waited_ms < moment_ms) wait_awake(cl);
    TRY_CL(cl, clFinish(cl->queue), "clFinish");
    if (cl->launched) cl->waited_ms = now_ms() - start;
    cl->launched = false;
    return FOVEA_OK;
}

bool queue_begin(struct opencl *cl, size_t slot) {
    cl->launched = true;
    if (!cl->profile || slot == SIZE_MAX) return false;
    if (cl->quirks.false_times) clFinish(cl->queue);
    cl->begun_ms = now_ms();
    return true;
}

void queue_timed(struct opencl *cl, size_t slot, double ms) {
    struct timed *timed = mem_push(&cl->timed, &cl->n_timed, &cl->timed_capacity, sizeof *timed);
    if (timed) *timed = (struct timed){slot, NULL, ms}; /* without memory for it: not timed */
}

void queue_end(struct opencl *cl, size_t slot, cl_event event) {
    if (!event) return;
    struct timed *timed = mem_push(&cl->timed, &cl->n_timed, &cl->timed_capacity, sizeof *timed);
    if (!timed) { /* without memory for it the launch is not timed */
        clReleaseEvent(event);
        return;
    }
    *timed = (struct timed){slot, event, -1};
    if (!cl->quirks.false_times) return;
    clFinish(cl->queue);
    timed->ms = now_ms() - cl->begun_ms;
}

/* Milliseconds of one launch, into *ms. */
static fovea_status read_time(const struct opencl *cl, const struct timed *t, double *ms) {
    cl_ulong begin = 0, end = 0;
    *ms = t->ms;
    if (t->ms >= 0) return FOVEA_OK;
    TRY_CL(
        cl,
        clGetEventProfilingInfo(t->event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL),
        "clGetEventProfilingInfo");
    TRY_CL(cl, clGetEventProfilingInfo(t->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL),
           "clGetEventProfilingInfo");
    *ms = end > begin ? (double)(end - begin) * 1e-6 : 0; /* from nanoseconds */
    return FOVEA_OK;
}

fovea_status opencl_times(struct opencl *cl, double *ms, size_t count) {
    for (size_t i = 0; i < count; i++) ms[i] = 0;
    fovea_status status = opencl_finish(cl);
    for (size_t i = 0; i < cl->n_timed && status == FOVEA_OK; i++) {
        double one = 0;
        status = read_time(cl, &cl->timed[i], &one);
        if (cl->timed[i].slot < count) ms[cl->timed[i].slot] += one;
    }
    opencl_forget_times(cl);
    return status;
}
