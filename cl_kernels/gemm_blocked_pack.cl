/* gemm_blocked_pack: an operand of gemm_blocked in the order in which its inner loop reads it.
 *
 * Computes:     strips of `width` rows (or columns), zeros past `count`.
 * Layouts:      x element (i, t) at i * row + t * column, i below count, t below k; strips
 *               [k / KC][count / width][KC or the rest][width]. Batch b = b0 * batch1 + b1 starts at b0 *
 *               batch0_step + b1 * batch1_step; packed batches lie one after the other.
 * Launch:       x: strips, y: blocks of KC, z: batch.
 * Defines:      KC length of a block of k, as in gemm_blocked.
 * Local memory: none.
 * Truth:        lib/reference/gemm.c
 * Source:       Goto and van de Geijn 2008. */
#ifndef KC
#define KC 256
#endif

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
gemm_blocked_pack(int count, int k, int width, int row, int column, int batch1, int batch0_step,
                  int batch1_step, __global const real *x, ulong x_offset, __global real *strips,
                  ulong strips_offset) {
    int strip = (int)get_global_id(0), first = (int)get_global_id(1) * KC;
    int batch = (int)get_global_id(2), n_strips = (count - 1) / width + 1;
    int length = min(KC, k - first), there = min(width, count - strip * width);
    x += x_offset + (ulong)(batch / batch1) * batch0_step + (ulong)(batch % batch1) * batch1_step;
    x += (ulong)first * column + (ulong)strip * width * row;
    strips += strips_offset + (ulong)n_strips * width * ((ulong)batch * k + first);
    strips += (ulong)strip * length * width;
    for (int t = 0; t < length; t++, x += column, strips += width) {
        for (int i = 0; i < there; i++) strips[i] = x[(ulong)i * row];
        for (int i = there; i < width; i++) strips[i] = 0;
    }
}
