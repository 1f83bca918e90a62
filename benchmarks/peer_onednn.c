/* oneDNN's convolution with formats of its own choice; weights and pictures are brought into them before
 * the clock starts.  peer_onednn SECONDS < convolutions  (see peer_common.h) */
#include <dnnl.h>

#include "peer_common.h"

#define DO(call)                                                                                   \
    do {                                                                                           \
        dnnl_status_t status = (call);                                                             \
        if (status != dnnl_success) {                                                              \
            fprintf(stderr, "oneDNN: %s gives %d\n", #call, (int)status);                          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static dnnl_engine_t engine;
static dnnl_stream_t stream;

struct job {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[4];
    dnnl_memory_t work[3]; /* source, weights, result, in oneDNN's formats */
    dnnl_memory_t bias;
};

static void run(void *what) {
    struct job *job = what;
    DO(dnnl_primitive_execute(job->primitive, stream, 4, job->args));
    DO(dnnl_stream_wait(stream));
}

static void reorder(dnnl_memory_t from, dnnl_memory_t to) {
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    DO(dnnl_memory_get_memory_desc(from, &a));
    DO(dnnl_memory_get_memory_desc(to, &b));
    DO(dnnl_reorder_primitive_desc_create(&desc, a, engine, b, engine, NULL));
    DO(dnnl_primitive_create(&primitive, desc));
    DO(dnnl_primitive_execute(primitive, stream, 2, args));
    DO(dnnl_stream_wait(stream));
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(desc);
}

/* Dense, the last dimension fastest, around the caller's data. */
static dnnl_memory_t plain(int rank, const dnnl_dim_t *dims, float *data) {
    dnnl_memory_desc_t desc;
    dnnl_memory_t memory;
    dnnl_dims_t strides;
    for (int i = rank - 1; i >= 0; i--)
        strides[i] = i == rank - 1 ? 1 : strides[i + 1] * dims[i + 1];
    DO(dnnl_memory_desc_init_by_strides(&desc, rank, dims, dnnl_f32, strides));
    DO(dnnl_memory_create(&memory, &desc, engine, data));
    return memory;
}

static void any(dnnl_memory_desc_t *desc, int rank, const dnnl_dim_t *dims) {
    DO(dnnl_memory_desc_init_by_tag(desc, rank, dims, dnnl_f32, dnnl_format_tag_any));
}

static dnnl_primitive_desc_t describe(const struct conv *c, const dnnl_dim_t *x,
                                      const dnnl_dim_t *w, int w_rank, const dnnl_dim_t *y) {
    dnnl_memory_desc_t mx, mw, mb, my;
    dnnl_dims_t oc = {c->oc}, strides = {c->sh, c->sw}, dilates = {c->dh - 1, c->dw - 1};
    dnnl_dims_t before = {c->top, c->left}, after = {c->bottom, c->right};
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t out;
    any(&mx, 4, x);
    any(&mw, w_rank, w);
    any(&mb, 1, oc);
    any(&my, 4, y);
    DO(dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_inference,
                                                  dnnl_convolution_auto, &mx, &mw, &mb, &my,
                                                  strides, dilates, before, after));
    DO(dnnl_primitive_desc_create(&out, &desc, NULL, engine, NULL));
    return out;
}

static void bench(const struct conv *c, double seconds) {
    dnnl_dims_t x_dims = {c->n, c->ic, c->ih, c->iw}, y_dims = {c->n, c->oc, c->oh, c->ow};
    dnnl_dims_t grouped = {c->g, c->oc / c->g, c->ic / c->g, c->kh, c->kw};
    dnnl_dims_t single = {c->oc, c->ic, c->kh, c->kw}, oc = {c->oc};
    const dnnl_dim_t *w_dims = c->g > 1 ? grouped : single;
    int w_rank = c->g > 1 ? 5 : 4;
    size_t nx = (size_t)c->n * (size_t)c->ic * (size_t)c->ih * (size_t)c->iw;
    size_t nw = (size_t)c->oc * (size_t)(c->ic / c->g) * (size_t)c->kh * (size_t)c->kw;
    size_t ny = (size_t)c->n * (size_t)c->oc * (size_t)c->oh * (size_t)c->ow;
    float *x = random_floats(nx, 1), *w = random_floats(nw, 2);
    float *b = random_floats((size_t)c->oc, 3), *y = random_floats(ny, 4);
    dnnl_memory_t from[3] = {plain(4, x_dims, x), plain(w_rank, w_dims, w), plain(4, y_dims, y)};
    dnnl_primitive_desc_t desc = describe(c, x_dims, w_dims, w_rank, y_dims);
    static const dnnl_query_t queries[] = {dnnl_query_src_md, dnnl_query_weights_md,
                                           dnnl_query_dst_md};
    static const int names[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    struct job job;
    DO(dnnl_primitive_create(&job.primitive, desc));
    for (int i = 0; i < 3; i++) {
        DO(dnnl_memory_create(&job.work[i], dnnl_primitive_desc_query_md(desc, queries[i], 0),
                              engine, DNNL_MEMORY_ALLOCATE));
        if (i < 2) reorder(from[i], job.work[i]);
    }
    job.bias = plain(1, oc, b);
    for (int i = 0; i < 4; i++)
        job.args[i] = (dnnl_exec_arg_t){names[i], i < 3 ? job.work[i] : job.bias};
    run(&job);
    reorder(job.work[2], from[2]);
    time_and_print(run, &job, seconds, check_conv(c, x, w, b, y));
    for (int i = 0; i < 3; i++) dnnl_memory_destroy(from[i]), dnnl_memory_destroy(job.work[i]);
    dnnl_memory_destroy(job.bias);
    dnnl_primitive_destroy(job.primitive);
    dnnl_primitive_desc_destroy(desc);
    free(x), free(w), free(b), free(y);
}

int main(int argc, char **argv) {
    struct conv c;
    if (argc != 2) return 2;
    DO(dnnl_engine_create(&engine, dnnl_cpu, 0));
    DO(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    while (read_conv(&c)) bench(&c, atof(argv[1]));
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return 0;
}
