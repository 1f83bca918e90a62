/* The one list of operators: OP(name, shape, reference, device, static_inputs, rule)
 *   name           the ONNX name; the enum is OP_name
 *   shape          shape_<shape>(): checks inputs and attributes, sets the outputs' types and shapes
 *   reference      reference_<reference>(): the CPU truth
 *   device         <device>_algorithms[]: the ordered list of algorithms on an OpenCL device
 *   static_inputs  bit i: the contents of input i must be known when the plan is made
 *   rule           gradient_<rule>(): its gradient (gradient.h); `zero`: piecewise constant, nothing flows
 *                  back; `none`: refused where a gradient would have to flow through it
 * The enum, the names and all tables come from here; a missing implementation is a link error. */

/* lib/graph/shape_conv.c, lib/reference/conv.c, lib/ops/conv.c */
OP(Conv, conv, conv, conv, 0, conv)
OP(ConvTranspose, conv_transpose, conv_transpose, conv_transpose, 0, conv_transpose)
OP(ConvInteger, conv_integer, conv_integer, none, 0, none)
OP(QLinearConv, qlinear_conv, qlinear_conv, none, 0, none)

/* shape_gemm.c, gemm.c */
OP(Gemm, gemm, gemm, gemm, 0, gemm)
OP(MatMul, matmul, matmul, matmul, 0, matmul)
OP(MatMulInteger, matmul_integer, matmul_integer, none, 0, none)
OP(QLinearMatMul, qlinear_matmul, qlinear_matmul, none, 0, none)

/* shape_pool.c, pool.c */
OP(MaxPool, max_pool, max_pool, max_pool, 0, max_pool)
OP(AveragePool, pool, average_pool, average_pool, 0, average_pool)
OP(LpPool, pool, lp_pool, lp_pool, 0, lp_pool)
OP(GlobalAveragePool, global_pool, global_average_pool, global_pool, 0, average_pool)
OP(GlobalMaxPool, global_pool, global_max_pool, global_pool, 0, max_pool)
OP(GlobalLpPool, global_pool, global_lp_pool, global_pool, 0, lp_pool)

/* shape_norm.c, norm.c */
OP(BatchNormalization, batch_norm, batch_norm, batch_norm, 0, batch_norm)
OP(InstanceNormalization, instance_norm, instance_norm, instance_norm, 0, instance_norm)
OP(GroupNormalization, group_norm, group_norm, group_norm, 0, instance_norm)
OP(LayerNormalization, layer_norm, layer_norm, layer_norm, 0, layer_norm)
OP(LRN, lrn, lrn, lrn, 0, lrn)

/* shape_softmax.c, softmax.c: and the losses */
OP(Softmax, softmax, softmax, softmax, 0, softmax)
OP(LogSoftmax, softmax, log_softmax, softmax, 0, log_softmax)
OP(Hardmax, softmax, hardmax, softmax, 0, zero)
OP(SoftmaxCrossEntropyLoss, cross_entropy, cross_entropy, loss, 0, cross_entropy)
OP(NegativeLogLikelihoodLoss, cross_entropy, nll_loss, loss, 0, nll_loss)
OP(Dropout, dropout, dropout, dropout, 1 << 1 | 1 << 2, dropout)

/* shape_elementwise.c, elementwise_unary.c */
OP(Relu, unary, unary, unary, 0, function)
OP(LeakyRelu, unary, unary, unary, 0, function)
OP(Elu, unary, unary, unary, 0, function)
OP(Selu, unary, unary, unary, 0, function)
OP(Celu, unary, unary, unary, 0, function)
OP(Sigmoid, unary, unary, unary, 0, function)
OP(HardSigmoid, unary, unary, unary, 0, function)
OP(HardSwish, unary, unary, unary, 0, function)
OP(Mish, unary, unary, unary, 0, function)
OP(Gelu, unary, unary, unary, 0, function)
OP(Tanh, unary, unary, unary, 0, function)
OP(Softplus, unary, unary, unary, 0, function)
OP(Softsign, unary, unary, unary, 0, function)
OP(ThresholdedRelu, unary, unary, unary, 0, function)
OP(Sqrt, unary, unary, unary, 0, function)
OP(Exp, unary, unary, unary, 0, function)
OP(Log, unary, unary, unary, 0, function)
OP(Abs, unary, unary, unary, 0, function)
OP(Neg, unary, unary, unary, 0, neg)
OP(Reciprocal, unary, unary, unary, 0, function)
OP(Floor, unary, unary, unary, 0, zero)
OP(Ceil, unary, unary, unary, 0, zero)
OP(Round, unary, unary, unary, 0, zero)
OP(Erf, unary, unary, unary, 0, function)
OP(Sign, unary, unary, unary, 0, zero)
OP(Not, unary, unary, unary, 0, zero)
OP(Clip, clip, clip, clip, 0, clip)
OP(PRelu, binary, binary, binary, 0, prelu)
/* elementwise_binary.c */
OP(Add, binary, binary, binary, 0, add)
OP(Sub, binary, binary, binary, 0, sub)
OP(Mul, binary, binary, binary, 0, mul)
OP(Div, binary, binary, binary, 0, div)
OP(Pow, binary, binary, binary, 0, pow)
OP(And, binary, binary, binary, 0, zero)
OP(Or, binary, binary, binary, 0, zero)
OP(Xor, binary, binary, binary, 0, zero)
OP(Equal, compare, binary, binary, 0, zero)
OP(Greater, compare, binary, binary, 0, zero)
OP(GreaterOrEqual, compare, binary, binary, 0, zero)
OP(Less, compare, binary, binary, 0, zero)
OP(LessOrEqual, compare, binary, binary, 0, zero)
OP(Min, variadic, variadic, variadic, 0, extremum)
OP(Max, variadic, variadic, variadic, 0, extremum)
OP(Sum, variadic, variadic, variadic, 0, sum)
OP(Mean, variadic, variadic, variadic, 0, mean)
OP(Where, where, where, where, 0, where)

/* shape_reduce.c, reduce.c */
OP(ReduceSum, reduce, reduce, reduce, 1 << 1, reduce_sum)
OP(ReduceMean, reduce, reduce, reduce, 1 << 1, reduce_mean)
OP(ReduceMax, reduce, reduce, reduce, 1 << 1, reduce_extremum)
OP(ReduceMin, reduce, reduce, reduce, 1 << 1, reduce_extremum)
OP(ReduceProd, reduce, reduce, reduce, 1 << 1, reduce_prod)
OP(ReduceSumSquare, reduce, reduce, reduce, 1 << 1, reduce_sum_square)
OP(ReduceL1, reduce, reduce, reduce, 1 << 1, reduce_l1)
OP(ReduceL2, reduce, reduce, reduce, 1 << 1, reduce_l2)
OP(ReduceLogSum, reduce, reduce, reduce, 1 << 1, reduce_log_sum)
OP(ReduceLogSumExp, reduce, reduce, reduce, 1 << 1, reduce_log_sum_exp)
OP(ArgMax, arg_reduce, arg_reduce, arg_reduce, 0, zero)
OP(ArgMin, arg_reduce, arg_reduce, arg_reduce, 0, zero)
OP(TopK, top_k, top_k, top_k, 1 << 1, top_k)

/* shape_cast.c, cast.c: types and quantisation */
OP(Cast, cast, cast, cast, 0, cast)
OP(CastLike, cast_like, cast, cast, 0, cast)
OP(QuantizeLinear, quantize, quantize, none, 0, none)
OP(DequantizeLinear, dequantize, dequantize, none, 0, none)
OP(DynamicQuantizeLinear, dynamic_quantize, dynamic_quantize, none, 0, none)

/* shape_move.c, move.c: elements change place, not value */
OP(Concat, concat, concat, concat, 0, concat)
OP(Split, split, split, split, 1 << 1, split)
OP(Slice, slice, slice, slice, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, slice)
OP(Pad, pad, pad, pad, 1 << 1 | 1 << 3, pad)
OP(Reshape, reshape, copy, copy, 1 << 1, reshape)
OP(Flatten, flatten, copy, copy, 0, reshape)
OP(Squeeze, squeeze, copy, copy, 1 << 1, reshape)
OP(Unsqueeze, unsqueeze, copy, copy, 1 << 1, reshape)
OP(Identity, identity, copy, copy, 0, reshape)
OP(Transpose, transpose, transpose, transpose, 0, transpose)
OP(Expand, expand, expand, expand, 1 << 1, expand)
OP(Tile, tile, tile, tile, 1 << 1, tile)
OP(Gather, gather, gather, gather, 0, gather)
OP(DepthToSpace, depth_to_space, depth_to_space, depth_to_space, 0, depth_to_space)
OP(SpaceToDepth, space_to_depth, space_to_depth, space_to_depth, 0, space_to_depth)

/* shape_resize.c, resize.c. Inputs as in Resize: x, roi, scales, sizes */
OP(Resize, resize, resize, resize, 1 << 1 | 1 << 2 | 1 << 3, resize)

/* shape_shape.c, shape.c: shape arithmetic, folded when the plan is made */
OP(Shape, shape, shape, none, 0, zero)
OP(Size, size, size, none, 0, zero)
OP(ConstantOfShape, constant_of_shape, constant_of_shape, none, 1 << 0, zero)
OP(Range, range, range, none, 1 << 0 | 1 << 1 | 1 << 2, zero)

/* shape_update.c, update.c: ONNX's optimizers, of the domain ai.onnx.preview.training */
OP(Adagrad, optimizer, optimizer, optimizer, 0, none)
OP(Adam, optimizer, optimizer, optimizer, 0, none)
OP(Momentum, optimizer, optimizer, optimizer, 0, none)

/* From here on, operators of our own, which no file has (op_is_ours).
 *
 * A copy in another layout of memory: put in by the planner; lib/ops/reorder.c */
OP(Reorder, identity, copy, reorder, 0, none)

/* gradients: made by lib/graph/gradient.c, in no file */
OP(ConvGradWeights, conv_grad_weights, conv_grad_weights, conv_grad_weights, 0, none)
OP(MaxPoolGrad, max_pool_grad, max_pool_grad, max_pool_grad, 0, none)
OP(AveragePoolGrad, average_pool_grad, average_pool_grad, average_pool_grad, 0, none)
OP(BatchNormalizationGrad, batch_norm_grad, batch_norm_grad, batch_norm_grad, 0, none)
OP(LRNGrad, lrn_grad, lrn_grad, lrn_grad, 0, none)
OP(UnaryGrad, unary_grad, unary_grad, unary_grad, 0, none)
OP(SoftmaxCrossEntropyLossGrad, loss_grad, loss_grad, loss_grad, 0, none)
OP(NegativeLogLikelihoodLossGrad, loss_grad, loss_grad, loss_grad, 0, none)
OP(GatherGrad, gather_grad, gather_grad, gather_grad, 0, none)

/* updates: made by lib/train, in no file. See update.h; shape_update.c, update.c */
OP(Update, update, update, update, 0, none)
