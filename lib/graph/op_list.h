/* The one list of operators: OP(name, shape, reference, device, static_inputs)
 *   name           the ONNX name; the enum is OP_name
 *   shape          shape_<shape>(): checks inputs and attributes, sets the outputs' types and shapes
 *   reference      reference_<reference>(): the CPU truth
 *   device         <device>_algorithms[]: the ordered list of algorithms on an OpenCL device
 *   static_inputs  bit i: the contents of input i must be known when the plan is made
 * The enum, the names and all tables come from here; a missing implementation is a link error. */

/* lib/graph/shape_conv.c, lib/reference/conv.c, lib/ops/conv.c */
OP(Conv, conv, conv, conv, 0)
OP(ConvTranspose, conv_transpose, conv_transpose, conv_transpose, 0)
OP(ConvInteger, conv_integer, conv_integer, none, 0)
OP(QLinearConv, qlinear_conv, qlinear_conv, none, 0)

/* shape_gemm.c, gemm.c */
OP(Gemm, gemm, gemm, gemm, 0)
OP(MatMul, matmul, matmul, matmul, 0)
OP(MatMulInteger, matmul_integer, matmul_integer, none, 0)
OP(QLinearMatMul, qlinear_matmul, qlinear_matmul, none, 0)

/* shape_pool.c, pool.c */
OP(MaxPool, max_pool, max_pool, max_pool, 0)
OP(AveragePool, pool, average_pool, average_pool, 0)
OP(LpPool, pool, lp_pool, lp_pool, 0)
OP(GlobalAveragePool, global_pool, global_average_pool, global_pool, 0)
OP(GlobalMaxPool, global_pool, global_max_pool, global_pool, 0)
OP(GlobalLpPool, global_pool, global_lp_pool, global_pool, 0)

/* shape_norm.c, norm.c */
OP(BatchNormalization, batch_norm, batch_norm, batch_norm, 0)
OP(InstanceNormalization, instance_norm, instance_norm, instance_norm, 0)
OP(GroupNormalization, group_norm, group_norm, group_norm, 0)
OP(LayerNormalization, layer_norm, layer_norm, layer_norm, 0)
OP(LRN, lrn, lrn, lrn, 0)

/* shape_softmax.c, softmax.c: and the losses */
OP(Softmax, softmax, softmax, softmax, 0)
OP(LogSoftmax, softmax, log_softmax, softmax, 0)
OP(Hardmax, softmax, hardmax, softmax, 0)
OP(SoftmaxCrossEntropyLoss, cross_entropy, cross_entropy, loss, 0)
OP(NegativeLogLikelihoodLoss, cross_entropy, nll_loss, loss, 0)
OP(Dropout, dropout, dropout, dropout, 1 << 1 | 1 << 2)

/* shape_elementwise.c, elementwise_unary.c */
OP(Relu, unary, unary, unary, 0)
OP(LeakyRelu, unary, unary, unary, 0)
OP(Elu, unary, unary, unary, 0)
OP(Selu, unary, unary, unary, 0)
OP(Celu, unary, unary, unary, 0)
OP(Sigmoid, unary, unary, unary, 0)
OP(HardSigmoid, unary, unary, unary, 0)
OP(HardSwish, unary, unary, unary, 0)
OP(Mish, unary, unary, unary, 0)
OP(Gelu, unary, unary, unary, 0)
OP(Tanh, unary, unary, unary, 0)
OP(Softplus, unary, unary, unary, 0)
OP(Softsign, unary, unary, unary, 0)
OP(ThresholdedRelu, unary, unary, unary, 0)
OP(Sqrt, unary, unary, unary, 0)
OP(Exp, unary, unary, unary, 0)
OP(Log, unary, unary, unary, 0)
OP(Abs, unary, unary, unary, 0)
OP(Neg, unary, unary, unary, 0)
OP(Reciprocal, unary, unary, unary, 0)
OP(Floor, unary, unary, unary, 0)
OP(Ceil, unary, unary, unary, 0)
OP(Round, unary, unary, unary, 0)
OP(Erf, unary, unary, unary, 0)
OP(Sign, unary, unary, unary, 0)
OP(Not, unary, unary, unary, 0)
OP(Clip, clip, clip, clip, 0)
OP(PRelu, binary, binary, binary, 0)
/* elementwise_binary.c */
OP(Add, binary, binary, binary, 0)
OP(Sub, binary, binary, binary, 0)
OP(Mul, binary, binary, binary, 0)
OP(Div, binary, binary, binary, 0)
OP(Pow, binary, binary, binary, 0)
OP(And, binary, binary, binary, 0)
OP(Or, binary, binary, binary, 0)
OP(Xor, binary, binary, binary, 0)
OP(Equal, compare, binary, binary, 0)
OP(Greater, compare, binary, binary, 0)
OP(GreaterOrEqual, compare, binary, binary, 0)
OP(Less, compare, binary, binary, 0)
OP(LessOrEqual, compare, binary, binary, 0)
OP(Min, variadic, variadic, variadic, 0)
OP(Max, variadic, variadic, variadic, 0)
OP(Sum, variadic, variadic, variadic, 0)
OP(Mean, variadic, variadic, variadic, 0)
OP(Where, where, where, where, 0)

/* shape_reduce.c, reduce.c */
OP(ReduceSum, reduce, reduce, reduce, 1 << 1)
OP(ReduceMean, reduce, reduce, reduce, 1 << 1)
OP(ReduceMax, reduce, reduce, reduce, 1 << 1)
OP(ReduceMin, reduce, reduce, reduce, 1 << 1)
OP(ReduceProd, reduce, reduce, reduce, 1 << 1)
OP(ReduceSumSquare, reduce, reduce, reduce, 1 << 1)
OP(ReduceL1, reduce, reduce, reduce, 1 << 1)
OP(ReduceL2, reduce, reduce, reduce, 1 << 1)
OP(ReduceLogSum, reduce, reduce, reduce, 1 << 1)
OP(ReduceLogSumExp, reduce, reduce, reduce, 1 << 1)
OP(ArgMax, arg_reduce, arg_reduce, arg_reduce, 0)
OP(ArgMin, arg_reduce, arg_reduce, arg_reduce, 0)
OP(TopK, top_k, top_k, top_k, 1 << 1)

/* shape_cast.c, cast.c: types and quantisation */
OP(Cast, cast, cast, cast, 0)
OP(CastLike, cast_like, cast, cast, 0)
OP(QuantizeLinear, quantize, quantize, none, 0)
OP(DequantizeLinear, dequantize, dequantize, none, 0)
OP(DynamicQuantizeLinear, dynamic_quantize, dynamic_quantize, none, 0)

/* shape_move.c, move.c: elements change place, not value */
OP(Concat, concat, concat, concat, 0)
OP(Split, split, split, split, 1 << 1)
OP(Slice, slice, slice, slice, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4)
OP(Pad, pad, pad, pad, 1 << 1 | 1 << 3)
OP(Reshape, reshape, copy, copy, 1 << 1)
OP(Flatten, flatten, copy, copy, 0)
OP(Squeeze, squeeze, copy, copy, 1 << 1)
OP(Unsqueeze, unsqueeze, copy, copy, 1 << 1)
OP(Identity, identity, copy, copy, 0)
OP(Transpose, transpose, transpose, transpose, 0)
OP(Expand, expand, expand, expand, 1 << 1)
OP(Tile, tile, tile, tile, 1 << 1)
OP(Gather, gather, gather, gather, 0)
OP(DepthToSpace, depth_to_space, depth_to_space, depth_to_space, 0)
OP(SpaceToDepth, space_to_depth, space_to_depth, space_to_depth, 0)

/* shape_resize.c, resize.c. Inputs as in Resize: x, roi, scales, sizes */
OP(Resize, resize, resize, resize, 1 << 1 | 1 << 2 | 1 << 3)

/* shape_shape.c, shape.c: shape arithmetic, folded when the plan is made */
OP(Shape, shape, shape, none, 0)
OP(Size, size, size, none, 0)
OP(ConstantOfShape, constant_of_shape, constant_of_shape, none, 1 << 0)
OP(Range, range, range, none, 1 << 0 | 1 << 1 | 1 << 2)

/* A copy in another layout of memory: put in by the planner, in no file; lib/ops/reorder.c */
OP(Reorder, identity, copy, reorder, 0)
