/* gemm_blocked: matrix product in blocks that stay in the caches of a CPU: a register tile of ROWS rows by
 * two vectors, operands packed so that the inner loop reads both in sequence.
 *
 * Computes:     C = activate(scale * A B + bias_scale * bias), bias broadcast through its strides; batched.
 * Layouts:      A, and B with PACKED_B: packed by gemm_blocked_pack, A in strips of ROWS rows, B in panels of
 *               2 * X columns. Else B: element (k, n) at k * b_row + n * b_column, each panel of 2 * X columns being copied to
 *               local memory. C (m, n) at m * c_row + n * c_column. Batch b = b0 * batch1 + b1 starts
 *               at b0 * a_batch0 + b1 * a_batch1, the same for B; in C at b * c_batch.
 * Launch:       x: chunks of panels_each panels, y: blocks of tiles_each (at most TILES) strips of A, z: batch.
 * Defines:      X vector width; ROWS (2 * ROWS + 3 vectors should fit the registers); KC length of a block of
 *               k; TILES, PANELS size of the block of C whose sums are in local memory; PACKED_B 0, or 1 with
 *               PANEL_SPACE=__global; HAS_BIAS; ACTIVATION.
 * Local memory: TILES * PANELS * ROWS * 2 * X sums, and KC * 2 * X elements of B without PACKED_B.
 * Truth:        lib/reference/gemm.c
 * Source:       Goto and van de Geijn 2008; the block of C in local memory keeps edges out of the tile. */
#ifndef ROWS
#define ROWS 6
#endif
#ifndef KC
#define KC 256
#endif
#ifndef TILES
#define TILES 32
#endif
#ifndef PANELS
#define PANELS 1
#endif
#ifndef PACKED_B
#define PACKED_B 0
#endif
#ifndef PANEL_SPACE
#define PANEL_SPACE __local
#endif
#define WIDE (2 * X) /* columns of a panel */

/* sums[ROWS][WIDE] += (or, at the first block of k, =) strip of A times panel of B. */
void gemm_blocked_tile(int length, bool first, __global const real *a, PANEL_SPACE const real *b,
                       __local real *sums);
void gemm_blocked_tile(int length, bool first, __global const real *a, PANEL_SPACE const real *b,
                       __local real *sums) {
    vec sum[ROWS][2];
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < 2; j++) sum[i][j] = first ? 0 : load_vec(sums + (i * 2 + j) * X);
    for (int t = 0; t < length; t++) {
        vec left = load_vec(b + t * WIDE), right = load_vec(b + t * WIDE + X);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            sum[i][0] += a[t * ROWS + i] * left;
            sum[i][1] += a[t * ROWS + i] * right;
        }
    }
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < 2; j++) store_vec(sum[i][j], sums + (i * 2 + j) * X);
}

/* A panel of B, `columns` of them there, the rest zeros. */
void gemm_blocked_copy(int length, int columns, int b_row, int b_column, __global const real *b,
                       __local real *panel);
void gemm_blocked_copy(int length, int columns, int b_row, int b_column, __global const real *b,
                       __local real *panel) {
    if (columns >= WIDE && b_column == 1) {
        for (int t = 0; t < length; t++, b += b_row, panel += WIDE) {
            store_vec(load_vec(b), panel);
            store_vec(load_vec(b + X), panel + X);
        }
        return;
    }
    for (int t = 0; t < length; t++, b += b_row, panel += WIDE)
        for (int j = 0; j < WIDE; j++) panel[j] = j < columns ? b[(ulong)j * b_column] : 0;
}

/* Rows of a panel of sums, finished into C. */
void gemm_blocked_store(int rows, int columns, int c_row, int c_column, int bias_row,
                        int bias_column, float scale, float bias_scale, __local const real *sums,
                        __global const real *bias, float alpha, float beta, __global real *c);
void gemm_blocked_store(int rows, int columns, int c_row, int c_column, int bias_row,
                        int bias_column, float scale, float bias_scale, __local const real *sums,
                        __global const real *bias, float alpha, float beta, __global real *c) {
    bool one_bias = !HAS_BIAS || bias_column == 0; /* for the whole row */
    if (columns >= WIDE && c_column == 1 && one_bias) {
        for (int i = 0; i < rows; i++, sums += WIDE, c += c_row) {
            acc add = HAS_BIAS ? bias_scale * bias[i * bias_row] : 0;
            store_vec(activate_vec(scale * load_vec(sums) + add, alpha, beta), c);
            store_vec(activate_vec(scale * load_vec(sums + X) + add, alpha, beta), c + X);
        }
    } else if (c_row == 1) {
        for (int j = 0; j < columns; j++)
            for (int i = 0; i < rows; i++) {
                acc y = scale * sums[i * WIDE + j];
                if (HAS_BIAS) y += bias_scale * bias[i * bias_row + j * bias_column];
                c[(ulong)j * c_column + i] = activate(y, alpha, beta);
            }
    } else {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) {
                acc y = scale * sums[i * WIDE + j];
                if (HAS_BIAS) y += bias_scale * bias[i * bias_row + j * bias_column];
                c[(ulong)i * c_row + j * c_column] = activate(y, alpha, beta);
            }
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
gemm_blocked(int m, int n, int k, int tiles_each, int panels_each, int b_row, int b_column,
             int c_row, int c_column, int batch1, int a_batch0, int a_batch1, int b_batch0,
             int b_batch1, int c_batch, int bias_row, int bias_column, float scale,
             float bias_scale, __global const real *a, ulong a_offset, __global const real *b,
             ulong b_offset, __global const real *bias, ulong bias_offset, float alpha, float beta,
             __global real *c, ulong c_offset) {
    __local real sums[TILES * PANELS * ROWS * WIDE];
    __local real copy[PACKED_B ? 1 : KC * WIDE];
    int n_tiles = (m + ROWS - 1) / ROWS, n_panels = (n + WIDE - 1) / WIDE;
    int tile = (int)get_global_id(1) * tiles_each, tiles = min(tiles_each, n_tiles - tile);
    int begin = (int)get_global_id(0) * panels_each, end = min(begin + panels_each, n_panels);
    int batch = (int)get_global_id(2), rows = min(tiles * ROWS, m - tile * ROWS);
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    bias += bias_offset + tile * ROWS * bias_row;
    c += c_offset + (ulong)batch * c_batch + (ulong)tile * ROWS * c_row;

    for (int p = begin; p < end; p += PANELS) {
        int panels = min(PANELS, end - p);
        for (int first = 0; first < k; first += KC) {
            int length = min(KC, k - first);
            __global const real *strips =
                a + (ulong)n_tiles * ROWS * first + (ulong)tile * ROWS * length;
            for (int q = 0; q < panels; q++) {
#if PACKED_B
                __global const real *panel =
                    b + (ulong)n_panels * WIDE * first + (ulong)(p + q) * WIDE * length;
#else
                __local const real *panel = copy;
                gemm_blocked_copy(length, n - (p + q) * WIDE, b_row, b_column,
                                  b + (ulong)first * b_row + (ulong)(p + q) * WIDE * b_column,
                                  copy);
#endif
                for (int t = 0; t < tiles; t++)
                    gemm_blocked_tile(length, first == 0, strips + t * ROWS * length, panel,
                                      sums + (q * TILES + t) * ROWS * WIDE);
            }
        }
        for (int q = 0; q < panels; q++) {
            int column = (p + q) * WIDE;
            gemm_blocked_store(rows, min(WIDE, n - column), c_row, c_column, bias_row, bias_column,
                               scale, bias_scale, sums + q * TILES * ROWS * WIDE,
                               bias + column * bias_column, alpha, beta,
                               c + (ulong)column * c_column);
        }
    }
}
