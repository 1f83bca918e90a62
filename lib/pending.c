/* Weak stand-ins until the operator families land; deleted then. */
#include "ops/algorithm.h"
#include "reference/reference.h"
#define WEAK __attribute__((weak))
WEAK fovea_status shape_conv(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape conv"); }
WEAK fovea_status shape_conv_transpose(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape conv_transpose"); }
WEAK fovea_status shape_conv_integer(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape conv_integer"); }
WEAK fovea_status shape_qlinear_conv(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape qlinear_conv"); }
WEAK fovea_status shape_gemm(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape gemm"); }
WEAK fovea_status shape_matmul(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape matmul"); }
WEAK fovea_status shape_matmul_integer(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape matmul_integer"); }
WEAK fovea_status shape_qlinear_matmul(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape qlinear_matmul"); }
WEAK fovea_status shape_max_pool(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape max_pool"); }
WEAK fovea_status shape_pool(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape pool"); }
WEAK fovea_status shape_global_pool(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape global_pool"); }
WEAK fovea_status shape_batch_norm(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape batch_norm"); }
WEAK fovea_status shape_instance_norm(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape instance_norm"); }
WEAK fovea_status shape_group_norm(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape group_norm"); }
WEAK fovea_status shape_layer_norm(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape layer_norm"); }
WEAK fovea_status shape_lrn(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape lrn"); }
WEAK fovea_status shape_softmax(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape softmax"); }
WEAK fovea_status shape_cross_entropy(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape cross_entropy"); }
WEAK fovea_status shape_dropout(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape dropout"); }
WEAK fovea_status shape_unary(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape unary"); }
WEAK fovea_status shape_clip(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape clip"); }
WEAK fovea_status shape_binary(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape binary"); }
WEAK fovea_status shape_compare(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape compare"); }
WEAK fovea_status shape_variadic(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape variadic"); }
WEAK fovea_status shape_where(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape where"); }
WEAK fovea_status shape_reduce(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape reduce"); }
WEAK fovea_status shape_arg_reduce(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape arg_reduce"); }
WEAK fovea_status shape_top_k(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape top_k"); }
WEAK fovea_status shape_cast(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape cast"); }
WEAK fovea_status shape_cast_like(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape cast_like"); }
WEAK fovea_status shape_quantize(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape quantize"); }
WEAK fovea_status shape_dequantize(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape dequantize"); }
WEAK fovea_status shape_dynamic_quantize(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape dynamic_quantize"); }
WEAK fovea_status shape_concat(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape concat"); }
WEAK fovea_status shape_split(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape split"); }
WEAK fovea_status shape_slice(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape slice"); }
WEAK fovea_status shape_pad(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape pad"); }
WEAK fovea_status shape_reshape(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape reshape"); }
WEAK fovea_status shape_flatten(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape flatten"); }
WEAK fovea_status shape_squeeze(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape squeeze"); }
WEAK fovea_status shape_unsqueeze(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape unsqueeze"); }
WEAK fovea_status shape_identity(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape identity"); }
WEAK fovea_status shape_transpose(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape transpose"); }
WEAK fovea_status shape_expand(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape expand"); }
WEAK fovea_status shape_tile(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape tile"); }
WEAK fovea_status shape_gather(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape gather"); }
WEAK fovea_status shape_depth_to_space(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape depth_to_space"); }
WEAK fovea_status shape_space_to_depth(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape space_to_depth"); }
WEAK fovea_status shape_resize(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape resize"); }
WEAK fovea_status shape_shape(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape shape"); }
WEAK fovea_status shape_size(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape size"); }
WEAK fovea_status shape_constant_of_shape(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape constant_of_shape"); }
WEAK fovea_status shape_range(fovea_graph *g, struct node *n) { (void)g; (void)n; return fail(FOVEA_UNSUPPORTED, "pending shape range"); }
WEAK fovea_status reference_conv(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference conv"); }
WEAK fovea_status reference_conv_transpose(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference conv_transpose"); }
WEAK fovea_status reference_conv_integer(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference conv_integer"); }
WEAK fovea_status reference_qlinear_conv(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference qlinear_conv"); }
WEAK fovea_status reference_gemm(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference gemm"); }
WEAK fovea_status reference_matmul(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference matmul"); }
WEAK fovea_status reference_matmul_integer(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference matmul_integer"); }
WEAK fovea_status reference_qlinear_matmul(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference qlinear_matmul"); }
WEAK fovea_status reference_max_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference max_pool"); }
WEAK fovea_status reference_average_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference average_pool"); }
WEAK fovea_status reference_lp_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference lp_pool"); }
WEAK fovea_status reference_global_average_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference global_average_pool"); }
WEAK fovea_status reference_global_max_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference global_max_pool"); }
WEAK fovea_status reference_global_lp_pool(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference global_lp_pool"); }
WEAK fovea_status reference_batch_norm(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference batch_norm"); }
WEAK fovea_status reference_instance_norm(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference instance_norm"); }
WEAK fovea_status reference_group_norm(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference group_norm"); }
WEAK fovea_status reference_layer_norm(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference layer_norm"); }
WEAK fovea_status reference_lrn(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference lrn"); }
WEAK fovea_status reference_softmax(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference softmax"); }
WEAK fovea_status reference_log_softmax(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference log_softmax"); }
WEAK fovea_status reference_hardmax(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference hardmax"); }
WEAK fovea_status reference_cross_entropy(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference cross_entropy"); }
WEAK fovea_status reference_nll_loss(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference nll_loss"); }
WEAK fovea_status reference_dropout(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference dropout"); }
WEAK fovea_status reference_unary(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference unary"); }
WEAK fovea_status reference_clip(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference clip"); }
WEAK fovea_status reference_binary(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference binary"); }
WEAK fovea_status reference_variadic(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference variadic"); }
WEAK fovea_status reference_where(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference where"); }
WEAK fovea_status reference_reduce(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference reduce"); }
WEAK fovea_status reference_arg_reduce(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference arg_reduce"); }
WEAK fovea_status reference_top_k(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference top_k"); }
WEAK fovea_status reference_cast(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference cast"); }
WEAK fovea_status reference_quantize(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference quantize"); }
WEAK fovea_status reference_dequantize(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference dequantize"); }
WEAK fovea_status reference_dynamic_quantize(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference dynamic_quantize"); }
WEAK fovea_status reference_concat(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference concat"); }
WEAK fovea_status reference_split(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference split"); }
WEAK fovea_status reference_slice(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference slice"); }
WEAK fovea_status reference_pad(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference pad"); }
WEAK fovea_status reference_copy(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference copy"); }
WEAK fovea_status reference_transpose(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference transpose"); }
WEAK fovea_status reference_expand(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference expand"); }
WEAK fovea_status reference_tile(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference tile"); }
WEAK fovea_status reference_gather(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference gather"); }
WEAK fovea_status reference_depth_to_space(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference depth_to_space"); }
WEAK fovea_status reference_space_to_depth(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference space_to_depth"); }
WEAK fovea_status reference_resize(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference resize"); }
WEAK fovea_status reference_shape(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference shape"); }
WEAK fovea_status reference_size(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference size"); }
WEAK fovea_status reference_constant_of_shape(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference constant_of_shape"); }
WEAK fovea_status reference_range(struct reference_call *c) { (void)c; return fail(FOVEA_UNSUPPORTED, "pending reference range"); }
WEAK const struct algorithm *const conv_algorithms[] = {NULL};
WEAK const struct algorithm *const conv_transpose_algorithms[] = {NULL};
WEAK const struct algorithm *const gemm_algorithms[] = {NULL};
WEAK const struct algorithm *const matmul_algorithms[] = {NULL};
WEAK const struct algorithm *const max_pool_algorithms[] = {NULL};
WEAK const struct algorithm *const average_pool_algorithms[] = {NULL};
WEAK const struct algorithm *const lp_pool_algorithms[] = {NULL};
WEAK const struct algorithm *const global_pool_algorithms[] = {NULL};
WEAK const struct algorithm *const batch_norm_algorithms[] = {NULL};
WEAK const struct algorithm *const instance_norm_algorithms[] = {NULL};
WEAK const struct algorithm *const group_norm_algorithms[] = {NULL};
WEAK const struct algorithm *const layer_norm_algorithms[] = {NULL};
WEAK const struct algorithm *const lrn_algorithms[] = {NULL};
WEAK const struct algorithm *const softmax_algorithms[] = {NULL};
WEAK const struct algorithm *const loss_algorithms[] = {NULL};
WEAK const struct algorithm *const dropout_algorithms[] = {NULL};
WEAK const struct algorithm *const unary_algorithms[] = {NULL};
WEAK const struct algorithm *const clip_algorithms[] = {NULL};
WEAK const struct algorithm *const binary_algorithms[] = {NULL};
WEAK const struct algorithm *const variadic_algorithms[] = {NULL};
WEAK const struct algorithm *const where_algorithms[] = {NULL};
WEAK const struct algorithm *const reduce_algorithms[] = {NULL};
WEAK const struct algorithm *const arg_reduce_algorithms[] = {NULL};
WEAK const struct algorithm *const top_k_algorithms[] = {NULL};
WEAK const struct algorithm *const cast_algorithms[] = {NULL};
WEAK const struct algorithm *const concat_algorithms[] = {NULL};
WEAK const struct algorithm *const split_algorithms[] = {NULL};
WEAK const struct algorithm *const slice_algorithms[] = {NULL};
WEAK const struct algorithm *const pad_algorithms[] = {NULL};
WEAK const struct algorithm *const copy_algorithms[] = {NULL};
WEAK const struct algorithm *const transpose_algorithms[] = {NULL};
WEAK const struct algorithm *const expand_algorithms[] = {NULL};
WEAK const struct algorithm *const tile_algorithms[] = {NULL};
WEAK const struct algorithm *const gather_algorithms[] = {NULL};
WEAK const struct algorithm *const depth_to_space_algorithms[] = {NULL};
WEAK const struct algorithm *const space_to_depth_algorithms[] = {NULL};
WEAK const struct algorithm *const resize_algorithms[] = {NULL};
#include "opencl/opencl.h"
#include "opencl/kernel_table.h"
#include "store/store.h"
WEAK void opencl_close(struct opencl *c) { (void)c; }
WEAK void opencl_remember(struct opencl *c) { (void)c; }
WEAK fovea_status opencl_finish(struct opencl *c) { (void)c; return FOVEA_OK; }
WEAK fovea_status opencl_list(fovea_device_info **out, size_t *count, void (*warn)(void *, const char *), void *user) { (void)warn; (void)user; *out = 0; *count = 0; return FOVEA_OK; }
WEAK fovea_status opencl_open(struct opencl **out, const char *id, bool p, struct store *s) { (void)out; (void)id; (void)p; (void)s; return fail(FOVEA_NO_DEVICE, "pending"); }
WEAK const fovea_device_info *opencl_info(const struct opencl *c) { (void)c; return 0; }
WEAK fovea_status opencl_buffer_create(struct opencl_buffer **out, struct opencl *c, size_t b) { (void)out; (void)c; (void)b; return FOVEA_OK; }
WEAK void opencl_buffer_destroy(struct opencl_buffer *b) { (void)b; }
WEAK fovea_status opencl_buffer_write(struct opencl_buffer *b, size_t o, const void *d, size_t n) { (void)b; (void)o; (void)d; (void)n; return FOVEA_OK; }
WEAK fovea_status opencl_buffer_read(struct opencl_buffer *b, size_t o, void *d, size_t n) { (void)b; (void)o; (void)d; (void)n; return FOVEA_OK; }
WEAK fovea_status opencl_buffer_fill(struct opencl_buffer *b, size_t o, uint32_t d, size_t n) { (void)b; (void)o; (void)d; (void)n; return FOVEA_OK; }
WEAK fovea_status opencl_build(struct opencl *c, const struct opencl_source *s, size_t n, struct opencl_program **o, fovea_status *st, char **l, size_t *k) { (void)c; (void)s; (void)n; (void)o; (void)st; (void)l; (void)k; return FOVEA_OK; }
WEAK fovea_status opencl_kernel_create(struct opencl_kernel **o, struct opencl_program *p, const char *f) { (void)o; (void)p; (void)f; return FOVEA_OK; }
WEAK void opencl_kernel_destroy(struct opencl_kernel *k) { (void)k; }
WEAK fovea_status opencl_kernel_set(struct opencl_kernel *k, unsigned i, const void *d, size_t n) { (void)k; (void)i; (void)d; (void)n; return FOVEA_OK; }
WEAK fovea_status opencl_kernel_set_buffer(struct opencl_kernel *k, unsigned i, struct opencl_buffer *b) { (void)k; (void)i; (void)b; return FOVEA_OK; }
WEAK fovea_status opencl_launch(struct opencl_kernel *k, int d, const size_t *g, const size_t *l, size_t s) { (void)k; (void)d; (void)g; (void)l; (void)s; return FOVEA_OK; }
WEAK fovea_status opencl_gemm(struct opencl *c, const struct opencl_gemm *g, size_t s) { (void)c; (void)g; (void)s; return FOVEA_OK; }
WEAK fovea_status opencl_times(struct opencl *c, double *m, size_t n) { (void)c; (void)m; (void)n; return FOVEA_OK; }
WEAK struct store *store_open(const char *p, void (*w)(void *, const char *), void *u) { (void)p; (void)w; (void)u; return 0; }
WEAK void store_close(struct store *s) { (void)s; }
WEAK int store_evidence_get(struct store *s, const char *d, const char *a, const char *p) { (void)s; (void)d; (void)a; (void)p; return -1; }
WEAK void store_evidence_put(struct store *s, const char *d, const char *a, const char *p, bool r, double x, const char *z) { (void)s; (void)d; (void)a; (void)p; (void)r; (void)x; (void)z; }
