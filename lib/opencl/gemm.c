/* Dense matrix products by CLBlast (https://github.com/CNugteren/CLBlast), where it is built in. */
#include <math.h>

#include "opencl/internal.h"
#include "opencl/team.h"

#if HAVE_CLBLAST
#include <clblast_c.h>

#define CODE(name)                                                                                 \
    { CLBlast##name, "CLBlast" #name }
static const struct {
    int code;
    const char *name;
} codes[] = {
    CODE(NotImplemented),       CODE(InvalidMatrixA),
    CODE(InvalidMatrixB),       CODE(InvalidMatrixC),
    CODE(InvalidDimension),     CODE(InvalidLeadDimA),
    CODE(InvalidLeadDimB),      CODE(InvalidLeadDimC),
    CODE(InsufficientMemoryA),  CODE(InsufficientMemoryB),
    CODE(InsufficientMemoryC),  CODE(InsufficientMemoryTemp),
    CODE(InvalidBatchCount),    CODE(MissingOverrideParameter),
    CODE(InvalidLocalMemUsage), CODE(DatabaseError),
    CODE(UnknownError),         CODE(UnexpectedError),
};
#undef CODE

/* Codes below -100 are CLBlast's own; the others are those of OpenCL. */
static fovea_status fail_clblast(struct opencl *cl, CLBlastStatusCode code) {
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == (int)code)
            return fail(FOVEA_DEVICE_ERROR, "CLBlastSgemm failed with %s (%d) on device '%s'",
                        codes[i].name, (int)code, cl->info.name);
    return opencl_fail(cl, (cl_int)code, "CLBlastSgemm");
}

static CLBlastTranspose transpose(bool yes) {
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

fovea_status opencl_gemm(struct opencl *cl, const struct opencl_gemm *g, size_t slot) {
    TRY(team_run(cl));
    cl_event event = NULL, *timed = queue_begin(cl, slot) ? &event : NULL;
    cl_mem a = g->a->mem, b = g->b->mem, c = g->c->mem;
    CLBlastStatusCode code;
    if (g->batch > 1)
        code = CLBlastSgemmStridedBatched(
            CLBlastLayoutRowMajor, transpose(g->trans_a), transpose(g->trans_b), g->m, g->n, g->k,
            g->alpha, a, g->offset_a, g->lda, g->stride_a, b, g->offset_b, g->ldb, g->stride_b,
            g->beta, c, g->offset_c, g->ldc, g->stride_c, g->batch, &cl->queue, timed);
    else
        code = CLBlastSgemm(CLBlastLayoutRowMajor, transpose(g->trans_a), transpose(g->trans_b),
                            g->m, g->n, g->k, g->alpha, a, g->offset_a, g->lda, b, g->offset_b,
                            g->ldb, g->beta, c, g->offset_c, g->ldc, &cl->queue, timed);
    if (code != CLBlastSuccess) return fail_clblast(cl, code);
    queue_end(cl, slot, event);
    cl->gemm = GEMM_WORKS;
    return FOVEA_OK;
}

enum { PROBE = 4 }; /* rows and columns */

/* One small product whose result is known: ones times ones, each element is PROBE. */
static fovea_status probe(struct opencl *cl, struct opencl_buffer *buffer) {
    const size_t elements = PROBE * PROBE;
    float one = 1, result[PROBE * PROBE];
    uint32_t pattern;
    __builtin_memcpy(&pattern, &one, sizeof pattern);
    struct opencl_gemm g = {.m = PROBE,
                            .n = PROBE,
                            .k = PROBE,
                            .lda = PROBE,
                            .ldb = PROBE,
                            .ldc = PROBE,
                            .alpha = 1,
                            .a = buffer,
                            .b = buffer,
                            .c = buffer,
                            .offset_b = elements,
                            .offset_c = 2 * elements,
                            .batch = 1};
    TRY(opencl_buffer_fill(buffer, 0, pattern, 3 * sizeof result));
    TRY(opencl_gemm(cl, &g, SIZE_MAX));
    TRY(opencl_buffer_read(buffer, 2 * sizeof result, result, sizeof result));
    for (size_t i = 0; i < elements; i++)
        if (result[i] != PROBE) return fail(FOVEA_DEVICE_ERROR, "a small product is wrong");
    return FOVEA_OK;
}

bool opencl_has_gemm(const struct opencl *constant) {
    struct opencl *cl = (struct opencl *)constant; /* only remembers what it found */
    if (cl->gemm == GEMM_UNKNOWN) {
        struct opencl_buffer *buffer = NULL;
        fovea_status status = opencl_buffer_create(&buffer, cl, 3 * PROBE * PROBE * sizeof(float));
        if (status == FOVEA_OK) status = probe(cl, buffer);
        opencl_buffer_destroy(buffer);
        cl->gemm = status == FOVEA_OK ? GEMM_WORKS : GEMM_FAILS;
        if (status != FOVEA_OK) log_line("opencl", "no CLBlast: %s", fovea_error());
    }
    return cl->gemm == GEMM_WORKS;
}

void gemm_forget(struct opencl *cl) {
    /* CLBlast keeps its programs, and with them the context, until it is told not to. */
    if (cl->gemm == GEMM_WORKS) CLBlastClearCache();
}

#else

fovea_status opencl_gemm(struct opencl *cl, const struct opencl_gemm *g, size_t slot) {
    (void)cl;
    (void)g;
    (void)slot;
    return fail(FOVEA_UNSUPPORTED, "this library was built without CLBlast");
}

bool opencl_has_gemm(const struct opencl *cl) {
    (void)cl;
    return false;
}

void gemm_forget(struct opencl *cl) {
    (void)cl;
}
#endif
