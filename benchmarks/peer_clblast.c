/* CLBlast as it is installed, on one OpenCL device.
 * peer_clblast SECONDS P D gemm|conv < lines "m n k", or convolutions (see peer_common.h) */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clblast_c.h>

#include "peer_common.h"

static cl_context context;
static cl_command_queue queue;

struct job {
    int m, n, k, is_conv;
    struct conv c;
    cl_mem a, b, y; /* left operand or pictures; right operand or weights; result */
};

static void run(void *what) {
    struct job *j = what;
    const struct conv *c = &j->c;
    size_t m = (size_t)j->m, n = (size_t)j->n, k = (size_t)j->k;
    CLBlastStatusCode code =
        j->is_conv ? CLBlastSconvgemm(CLBlastKernelModeCrossCorrelation, (size_t)c->ic,
                                      (size_t)c->ih, (size_t)c->iw, (size_t)c->kh, (size_t)c->kw,
                                      (size_t)c->top, (size_t)c->left, (size_t)c->sh, (size_t)c->sw,
                                      (size_t)c->dh, (size_t)c->dw, (size_t)c->oc, (size_t)c->n,
                                      j->a, 0, j->b, 0, j->y, 0, &queue, NULL)
                   : CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m,
                                  n, k, 1, j->a, 0, k, j->b, 0, n, 0, j->y, 0, n, &queue, NULL);
    if (code != CLBlastSuccess) {
        fprintf(stderr, "CLBlast gives %d\n", (int)code);
        exit(1);
    }
    clFinish(queue);
}

static cl_mem upload(float *data, size_t n) {
    return need(
        clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, 4 * n, data, NULL),
        "clCreateBuffer");
}

static void bench(struct job *j, size_t na, size_t nb, size_t ny, double seconds) {
    float *a = random_floats(na, 1), *b = random_floats(nb, 2), *y = random_floats(ny, 3);
    j->a = upload(a, na);
    j->b = upload(b, nb);
    j->y = upload(y, ny);
    run(j);
    clEnqueueReadBuffer(queue, j->y, CL_TRUE, 0, 4 * ny, y, 0, NULL, NULL);
    int right =
        j->is_conv ? check_conv(&j->c, a, b, NULL, y) : check_gemm(a, b, y, j->m, j->n, j->k);
    time_and_print(run, j, seconds, right);
    clReleaseMemObject(j->a), clReleaseMemObject(j->b), clReleaseMemObject(j->y);
    free(a), free(b), free(y);
}

static void bench_conv(struct job *j, double seconds) {
    const struct conv *c = &j->c;
    /* Sconvgemm has no groups and the same padding on both sides. */
    if (c->g > 1 || c->top != c->bottom || c->left != c->right) {
        printf("- - unsupported\n");
        return;
    }
    bench(j, (size_t)c->n * (size_t)c->ic * (size_t)c->ih * (size_t)c->iw,
          (size_t)c->oc * (size_t)c->ic * (size_t)c->kh * (size_t)c->kw,
          (size_t)c->n * (size_t)c->oc * (size_t)c->oh * (size_t)c->ow, seconds);
}

static void open_device(unsigned p, unsigned d) {
    cl_platform_id platforms[16];
    cl_device_id devices[16];
    cl_uint n = 0;
    clGetPlatformIDs(16, platforms, &n);
    if (p >= n) exit(3);
    clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 16, devices, &n);
    if (d >= n) exit(3);
    context = need(clCreateContext(NULL, 1, &devices[d], NULL, NULL, NULL), "clCreateContext");
    queue = need(clCreateCommandQueue(context, devices[d], 0, NULL), "clCreateCommandQueue");
}

int main(int argc, char **argv) {
    struct job j = {0};
    if (argc != 5) return 2;
    double seconds = atof(argv[1]);
    open_device((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
    j.is_conv = strcmp(argv[4], "conv") == 0;
    while (j.is_conv ? read_conv(&j.c) : scanf("%d %d %d", &j.m, &j.n, &j.k) == 3)
        if (j.is_conv) bench_conv(&j, seconds);
        else
            bench(&j, (size_t)j.m * (size_t)j.k, (size_t)j.k * (size_t)j.n,
                  (size_t)j.m * (size_t)j.n, seconds);
    return 0;
}
