/* A BLAS for C: c (m x n) = a (m x k) b (k x n), row-major; for n = 1 the faster of sgemm and sgemv.
 * peer_openblas SECONDS < lines "m n k" */
#include <cblas.h>

#include "peer_common.h"

struct job {
    int m, n, k, gemv;
    float *a, *b, *c;
};

static void run(void *what) {
    struct job *j = what;
    if (j->gemv)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, j->m, j->k, 1, j->a, j->k, j->b, 1, 0, j->c, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, j->m, j->n, j->k, 1, j->a, j->k,
                    j->b, j->n, 0, j->c, j->n);
}

static double fastest_of_five(struct job *j, int gemv) {
    double best = INFINITY;
    j->gemv = gemv;
    run(j);
    for (int i = 0; i < 5; i++) {
        double start = now_ms();
        run(j);
        best = fmin(best, now_ms() - start);
    }
    return best;
}

int main(int argc, char **argv) {
    struct job j = {0};
    if (argc != 2) return 2;
    while (scanf("%d %d %d", &j.m, &j.n, &j.k) == 3) {
        j.a = random_floats((size_t)j.m * (size_t)j.k, 1);
        j.b = random_floats((size_t)j.k * (size_t)j.n, 2);
        j.c = random_floats((size_t)j.m * (size_t)j.n, 3);
        j.gemv = j.n == 1 && fastest_of_five(&j, 1) < fastest_of_five(&j, 0);
        run(&j);
        time_and_print(run, &j, atof(argv[1]), check_gemm(j.a, j.b, j.c, j.m, j.n, j.k));
        free(j.a), free(j.b), free(j.c);
    }
    return 0;
}
