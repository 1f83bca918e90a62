/* Computes       dx[r][i][c] = the sum of dy[r][j][c] over all j with indices[j] = i: the gradient of gather.
 *                Negative indices count from the end
 * Layouts        dy (rows, count, inner), indices (count), dx (rows, size, inner), all dense
 * Launch         global (rows * size * pieces): CHUNK elements of one element's `inner` each,
 *                pieces = ceil(inner / CHUNK)
 * Defines        INDEX: type of the indices, int or long. CHUNK: few where neighbours read together, many
 *                where one work-item walks best
 * Local memory   none
 * Truth          lib/reference/gather_grad.c
 * Source         none; every element asks all indices, so that no two work-items write to one place */
#ifndef INDEX
#define INDEX int
#endif
#ifndef CHUNK
#define CHUNK 4
#endif
typedef JOIN(INDEX, 8) index8;

/* dx[c] += dy[c] for c in [0, n). */
void gather_grad_add(int n, __global const real *dy, __global real *dx);
void gather_grad_add(int n, __global const real *dy, __global real *dx) {
    int c = 0;
    for (; c + 8 <= n; c += 8) vstore8(vload8(0, dx + c) + vload8(0, dy + c), 0, dx + c);
    for (; c < n; c++) dx[c] += dy[c];
}

__kernel void gather_grad(int items, int count, int size, int inner, __global const real *dy,
                          ulong dy_offset, __global const INDEX *indices, ulong indices_offset,
                          __global real *dx, ulong dx_offset) {
    int item = get_global_id(0), pieces = (inner + CHUNK - 1) / CHUNK;
    if (item >= items) return;
    int first = item % pieces * CHUNK, i = item / pieces % size, row = item / pieces / size;
    int n = inner - first < CHUNK ? inner - first : CHUNK, j = 0;
    dy += dy_offset + (size_t)row * count * inner + first;
    dx += dx_offset + ((size_t)row * size + i) * inner + first;
    indices += indices_offset;
    for (int c = 0; c < n; c++) dx[c] = 0;
    for (; j + 8 <= count; j += 8) {
        index8 v = vload8(0, indices + j);
        if (!any(v == (index8)(i) || v == (index8)(i - size))) continue;
        for (int k = j; k < j + 8; k++)
            if (indices[k] == i || indices[k] == i - size)
                gather_grad_add(n, dy + (size_t)k * inner, dx);
    }
    for (; j < count; j++)
        if (indices[j] == i || indices[j] == i - size)
            gather_grad_add(n, dy + (size_t)j * inner, dx);
}
