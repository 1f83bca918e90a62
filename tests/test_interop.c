/* Fovea inside a program that uses OpenCL itself. */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "fovea_opencl.h"

#include <string.h>

#include "harness.h"

/* What the program has of its own; all NULL where no platform has a device. */
static cl_device_id device;
static cl_context context, other_context;
static cl_command_queue queue;

static const fovea_context_options no_store = {.no_store = true};
static const fovea_desc twelve = {FOVEA_FLOAT32, 2, {3, 4}};

static void setup(void) {
    cl_platform_id platforms[16];
    cl_uint n = 0;
    cl_int code;
    if (clGetPlatformIDs(16, platforms, &n) != CL_SUCCESS) n = 0;
    for (cl_uint i = 0; i < n && i < 16 && !device; i++)
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
            device = NULL;
    if (!device) return;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    other_context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    queue = clCreateCommandQueue(context, device, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
}

static void teardown(void) {
    if (!device) return;
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    clReleaseContext(other_context);
}

static fovea_context *wrap(void) {
    fovea_context *c;
    ck_assert_msg(fovea_opencl_context_create(&c, context, device, queue, &no_store) == FOVEA_OK,
                  "%s", fovea_error());
    return c;
}

static cl_mem memory(cl_context where, cl_mem_flags flags, size_t bytes) {
    cl_int code;
    cl_mem mem = clCreateBuffer(where, flags, bytes, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return mem;
}

START_TEST(the_program_gets_back_what_it_gave) {
    if (!device) return;
    fovea_context *c = wrap();
    cl_context its_context;
    cl_device_id its_device;
    cl_command_queue its_queue;
    ck_assert_int_eq(fovea_opencl_context_get(c, &its_context, &its_device, &its_queue), FOVEA_OK);
    ck_assert(its_context == context && its_device == device && its_queue == queue);
    ck_assert(!strncmp(fovea_context_device(c)->id, "opencl:", 7));
    fovea_context_destroy(c);
    /* The queue is still the program's. */
    ck_assert_int_eq(clFinish(queue), CL_SUCCESS);
    ck_assert_int_eq(fovea_opencl_context_create(&c, context, device, NULL, &no_store), FOVEA_OK);
    ck_assert_int_eq(fovea_opencl_context_get(c, NULL, NULL, &its_queue), FOVEA_OK);
    ck_assert(its_queue && its_queue != queue);
    fovea_context_destroy(c);
}
END_TEST

START_TEST(a_tensor_lies_in_the_programs_memory) {
    if (!device) return;
    fovea_context *c = wrap();
    cl_mem mem = memory(context, CL_MEM_READ_WRITE, 100), its_memory;
    float in[12], out[25];
    size_t offset = 0;
    for (int i = 0; i < 12; i++) in[i] = (float)i;
    for (int i = 0; i < 25; i++) out[i] = -1;
    ck_assert_int_eq(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 100, out, 0, NULL, NULL), 0);
    fovea_tensor *t;
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, mem, 8), FOVEA_OK);
    ck_assert_int_eq(fovea_opencl_tensor_get(t, &its_memory, &offset), FOVEA_OK);
    ck_assert(its_memory == mem && offset == 8);
    ck_assert_int_eq(fovea_tensor_write(t, in, sizeof in), FOVEA_OK);
    fovea_tensor_destroy(t);
    fovea_context_destroy(c);
    ck_assert_int_eq(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 100, out, 0, NULL, NULL), 0);
    for (int i = 0; i < 25; i++) ck_assert(out[i] == (i < 2 || i > 13 ? -1 : in[i - 2]));
    clReleaseMemObject(mem);
}
END_TEST

START_TEST(wrong_objects_are_refused) {
    if (!device) return;
    fovea_context *c;
    cl_int code;
    ck_assert_int_eq(fovea_opencl_context_create(&c, NULL, device, queue, &no_store),
                     FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_context_create(&c, context, NULL, queue, &no_store),
                     FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_context_create(&c, other_context, device, queue, &no_store),
                     FOVEA_INVALID);
    ck_assert_ptr_null(c);
    cl_command_queue wild =
        clCreateCommandQueue(context, device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code == CL_SUCCESS) { /* not every device has such queues */
        ck_assert_int_eq(fovea_opencl_context_create(&c, context, device, wild, &no_store),
                         FOVEA_INVALID);
        ck_assert(strstr(fovea_error(), "out of order"));
        clReleaseCommandQueue(wild);
    }
}
END_TEST

START_TEST(wrong_memory_is_refused) {
    if (!device) return;
    fovea_context *c = wrap();
    fovea_tensor *t;
    cl_mem mem = memory(context, CL_MEM_READ_WRITE, 50), foreign = memory(other_context, 0, 64);
    cl_mem constant = memory(context, CL_MEM_READ_ONLY, 64);
    fovea_desc unknown = {FOVEA_FLOAT32, 1, {-1}};
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, mem, 4), FOVEA_INVALID);
    ck_assert(strstr(fovea_error(), "50 bytes"));
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, mem, 2), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, mem, SIZE_MAX - 3), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, NULL, 0), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, foreign, 0), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &twelve, constant, 0), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&t, c, &unknown, mem, 0), FOVEA_INVALID);
    ck_assert_ptr_null(t);
    clReleaseMemObject(mem);
    clReleaseMemObject(foreign);
    clReleaseMemObject(constant);
    fovea_context_destroy(c);
}
END_TEST

/* Runs a transposition with both tensors in the program's memory, at odd offsets. */
START_TEST(a_plan_runs_on_the_programs_memory) {
    if (!device) return;
    fovea_context *c = wrap();
    fovea_graph *g;
    fovea_plan *plan;
    fovea_tensor *x, *y;
    cl_mem mem = memory(context, CL_MEM_READ_WRITE, 200);
    float in[12], out[12];
    for (int i = 0; i < 12; i++) in[i] = (float)(i - 6);
    ck_assert_int_eq(fovea_graph_from_problem(&g, "Transpose 3x4 perm=1,0"), FOVEA_OK);
    ck_assert_msg(fovea_plan_create(&plan, c, g, NULL) == FOVEA_OK, "%s", fovea_error());
    fovea_desc flipped = {FOVEA_FLOAT32, 2, {4, 3}};
    ck_assert_int_eq(fovea_opencl_tensor_create(&x, c, &twelve, mem, 12), FOVEA_OK);
    ck_assert_int_eq(fovea_opencl_tensor_create(&y, c, &flipped, mem, 100), FOVEA_OK);
    ck_assert_int_eq(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 12, sizeof in, in, 0, NULL, NULL),
                     0);
    ck_assert_int_eq(fovea_plan_bind(plan, "x0", x), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_bind(plan, "y0", y), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_run(plan), FOVEA_OK);
    ck_assert_int_eq(clEnqueueReadBuffer(queue, mem, CL_TRUE, 100, sizeof out, out, 0, NULL, NULL),
                     0);
    for (int i = 0; i < 12; i++) ck_assert(out[i] == in[i % 3 * 4 + i / 3]);
    fovea_plan_destroy(plan);
    fovea_graph_destroy(g);
    fovea_tensor_destroy(x);
    fovea_tensor_destroy(y);
    fovea_context_destroy(c);
    clReleaseMemObject(mem);
}
END_TEST

START_TEST(the_reference_has_nothing_of_opencl) {
    fovea_context *c;
    fovea_tensor *t, *none;
    cl_mem mem;
    ck_assert_int_eq(fovea_context_create(&c, "reference", &no_store), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_create(&t, c, &twelve), FOVEA_OK);
    ck_assert_int_eq(fovea_opencl_context_get(c, NULL, NULL, NULL), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_get(t, &mem, NULL), FOVEA_INVALID);
    ck_assert_int_eq(fovea_opencl_tensor_create(&none, c, &twelve, NULL, 0), FOVEA_INVALID);
    fovea_tensor_destroy(t);
    fovea_context_destroy(c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("interop");
    TCase *tests = tcase_create("interop");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_program_gets_back_what_it_gave);
    tcase_add_test(tests, a_tensor_lies_in_the_programs_memory);
    tcase_add_test(tests, wrong_objects_are_refused);
    tcase_add_test(tests, wrong_memory_is_refused);
    tcase_add_test(tests, a_plan_runs_on_the_programs_memory);
    tcase_add_test(tests, the_reference_has_nothing_of_opencl);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
