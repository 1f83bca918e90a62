/* gemm_clblast: what is left to do after CLBlast has written C = alpha * op(A) op(B).
 *
 * Computes:     C = activate(C + beta * bias), in place; bias broadcast through its strides.
 * Layouts:      C (m, n) at m * c_row + n; bias element (m, n) at m * bias_row + n * bias_column.
 * Launch:       x: runs of RUN columns, y: m.
 * Defines:      RUN columns of a work-item (1 where neighbours share a memory transaction, more where they
 *               do not); HAS_BIAS 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/gemm.c
 * Source:       the ONNX standard, operator Gemm. */
__kernel void gemm_clblast_finish(int n, int c_row, int bias_row, int bias_column, float bias_scale,
                                  __global const real *bias, ulong bias_offset, float alpha,
                                  float beta, __global real *c, ulong c_offset) {
    int j = (int)get_global_id(0) * RUN, end = min(j + RUN, n), i = (int)get_global_id(1);
    c += c_offset + (ulong)i * c_row;
    for (; j < end; j++) {
        acc y = c[j];
        if (HAS_BIAS) y += bias_scale * bias[bias_offset + i * bias_row + j * bias_column];
        c[j] = activate(y, alpha, beta);
    }
}
