#!/usr/bin/env python3
"""Writes the small ONNX files in tests/data/onnx that test_onnx.c and fuzz_onnx.c read: every encoding of
a tensor, old forms of operators, and files that must be refused. Needs the Python module onnx. The files are
kept, so that the tests do not need it: run this again only to change them."""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

FOLDER = Path(__file__).resolve().parent / "onnx"
RAW = {T.FLOAT: "<f4", T.UINT8: "u1", T.INT8: "i1", T.UINT16: "<u2", T.INT16: "<i2", T.INT32: "<i4",
       T.INT64: "<i8", T.BOOL: "u1", T.FLOAT16: "<f2", T.DOUBLE: "<f8", T.UINT32: "<u4", T.UINT64: "<u8"}
FIELD = {T.FLOAT: "float_data", T.DOUBLE: "double_data", T.INT64: "int64_data", T.UINT32: "uint64_data",
         T.UINT64: "uint64_data"}


def numbers(kind):
    """Five values that every type can hold: 0 to 4, for signed types -2 to 2, for bool 0 and 1."""
    if kind == T.BOOL:
        return [0, 1, 1, 0, 1]
    signed = kind in (T.FLOAT, T.INT8, T.INT16, T.INT32, T.INT64, T.FLOAT16, T.DOUBLE, T.BFLOAT16, T.INT4)
    return [i - 2 * signed for i in range(5)]


def pack(values):
    """4-bit values two in a byte, the first in the low half."""
    nibbles = [v & 15 for v in values] + [0] * (len(values) % 2)
    return [a | b << 4 for a, b in zip(nibbles[::2], nibbles[1::2])]


def words(kind):
    """The bits of the values as the typed field wants them."""
    if kind == T.FLOAT16:
        return [int(b) for b in np.array(numbers(kind), "<f2").view("<u2")]
    if kind == T.BFLOAT16:
        return [int(b) >> 16 for b in np.array(numbers(kind), "<f4").view("<u4")]
    return pack(numbers(kind)) if kind in (T.INT4, T.UINT4) else numbers(kind)


def raw_bytes(kind):
    if kind == T.BFLOAT16:
        return np.array(words(kind), "<u2").tobytes()
    return bytes(words(kind)) if kind in (T.INT4, T.UINT4) else np.array(numbers(kind), RAW[kind]).tobytes()


def tensor(name, kind, raw):
    t = T(name=name, data_type=kind, dims=[5])
    if raw:
        t.raw_data = raw_bytes(kind)
    else:
        getattr(t, FIELD.get(kind, "int32_data")).extend(words(kind))
    return t


def save(name, nodes, inputs=("x",), outputs=("y",), opset=17, shape=(1, 4), constants=(), ir=8, **more):
    graph = onnx.GraphProto(name="g")
    graph.node.extend(nodes)
    graph.input.extend(i if not isinstance(i, str) else h.make_tensor_value_info(i, T.FLOAT, shape)
                       for i in inputs)
    graph.output.extend(h.make_tensor_value_info(o, T.FLOAT, None) for o in outputs)
    graph.initializer.extend(constants)
    imports = [h.make_opsetid(d, v) for d, v in more.get("imports", {"": opset}).items()]
    model = h.make_model(graph, opset_imports=imports, producer_name="make_onnx", ir_version=ir)
    if "change" in more:
        more["change"](model)
    (FOLDER / name).write_bytes(model.SerializeToString(deterministic=True))


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs.split(","), outputs.split(","), **attributes)


def floats(name, *values):
    return h.make_tensor(name, T.FLOAT, [len(values)], values)


def external(name, location, offset, length):
    t = T(name=name, data_type=T.FLOAT, dims=[4], data_location=T.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        t.external_data.add(key=key, value=str(value))
    return t


def encodings():
    kinds = [T.FLOAT, T.UINT8, T.INT8, T.UINT16, T.INT16, T.INT32, T.INT64, T.BOOL, T.FLOAT16, T.DOUBLE,
             T.UINT32, T.UINT64, T.BFLOAT16, T.UINT4, T.INT4]
    constants = [tensor(f"{'raw' if raw else 'typed'}_{kind}", kind, raw) for kind in kinds for raw in (1, 0)]
    identity = node("Identity", "x", "y")
    save("encodings.onnx", [identity], constants=constants, opset=21, ir=10)
    values = [node("Constant", "", "f", value_float=1.5), node("Constant", "", "fs", value_floats=[1., 2.]),
              node("Constant", "", "i", value_int=-7), node("Constant", "", "is", value_ints=[3, 4, 5]),
              node("Constant", "", "t", value=floats("t", 8, 9))]
    for v in values:
        del v.input[:]
    save("constants.onnx", values + [identity])
    (FOLDER / "weights.data").write_bytes(bytes(16) + np.arange(4, dtype="<f4").tobytes())
    add = [node("Add", "x,w", "y")]
    save("external.onnx", add, constants=[external("w", "weights.data", 16, 16)])
    save("external_absolute.onnx", add, constants=[external("w", "/etc/hostname", 0, 16)])
    save("external_parent.onnx", add, constants=[external("w", "sub/../../weights.data", 0, 16)])
    save("external_short.onnx", add, constants=[external("w", "weights.data", 20, 16)])
    save("external_length.onnx", add, constants=[external("w", "weights.data", 0, 8)])
    save("external_missing.onnx", add, constants=[external("w", "none.data", 0, 16)])


def old_forms():
    picture = (1, 3, 4, 4)
    bias, one = floats("b", 1, 2, 3), floats("s", .5)
    norm = [floats(n, 1, 2, 3) for n in ("scale", "shift", "mean", "variance")]
    save("opset6.onnx", [
        node("Add", "x,b", "a", axis=1, broadcast=1),
        node("PRelu", "a,b", "p"),
        node("PRelu", "p,s", "q"),
        node("BatchNormalization", "q,scale,shift,mean,variance", "n", is_test=1, epsilon=1e-3),
        node("Dropout", "n", "d,mask", is_test=1, ratio=.25),
        node("Clip", "d", "c", max=6.),
        node("Slice", "c", "l", starts=[1], ends=[3], axes=[2]),
        node("Pad", "l", "e", pads=[0, 0, 1, 0, 0, 0, 1, 0], value=2.),
        node("ReduceMean", "e", "r", axes=[2, 3], keepdims=0),
        node("Unsqueeze", "r", "u", axes=[2, 3]),
        node("Squeeze", "u", "v", axes=[2, 3]),
        node("TopK", "v", "k,i", k=2, axis=1),
        node("Softmax", "e", "z"),
        node("Softmax", "v", "y"),
    ], outputs=("y", "z", "k"), opset=6, ir=3, shape=picture, constants=[bias, one] + norm,
        inputs=("x", "b", "s"))
    save("opset8.onnx", [
        node("BatchNormalization", "x,m,m,m,m", "b", spatial=0),
        node("Upsample", "b", "u", mode="nearest", scales=[1., 1., 2., 2.]),
        node("Split", "u", "s,t", axis=2),
        node("Concat", "s,t", "y", axis=2),
    ], opset=8, ir=3, shape=(1, 1, 2, 2), constants=[h.make_tensor("m", T.FLOAT, [1, 2, 2], [1, 2, 3, 4])])
    save("opset10.onnx", [
        node("Resize", "x,scales", "r", mode="nearest"),
        node("ConstantOfShape", "shape", "c", value=floats("v", 7)),
        node("Add", "r,c", "y"),
    ], opset=10, ir=4, shape=(1, 1, 4, 4), constants=[
        floats("scales", 1, 1, .5, .5), h.make_tensor("shape", T.INT64, [4], [1, 1, 2, 2])])
    save("opset18.onnx", [node("GroupNormalization", "x,s,b", "y", num_groups=2)], opset=18,
         shape=(1, 4, 2, 2), constants=[floats("s", 1, 2), floats("b", 3, 4)])
    save("symbolic.onnx", [node("MaxPool", "x", "y,", kernel_shape=[2, 2]), node("Relu", "y", "z")],
         shape=("N", 3, None, 8), outputs=("z",))
    save("no_shape.onnx", [node("Relu", "x", "y")], shape=None)
    save("unsorted.onnx", [node("Relu", "b", "y"), node("Neg", "a", "b"), node("Abs", "x", "a")])


def gradient(inputs, outputs, y="y", **names):
    return h.make_node("Gradient", inputs.split(","), outputs.split(","), name="gradient", y=y,
                       domain="ai.onnx.preview.training", **names)


def gradients():
    """y = x x + z; u is no part of it. The node stands in front of what it differentiates."""
    imports = {"": 17, "ai.onnx.preview.training": 1}
    nodes = [node("Mul", "x,x", "square"), node("Add", "square,z", "y")]
    save("gradient.onnx", [gradient("x,u,z", "dx,du,dz", xs=["x", "u", "z"])] + nodes, inputs=("x", "u", "z"),
         outputs=("y", "dx", "du", "dz"), imports=imports)
    save("gradient_open.onnx", [gradient("x,z", "dx,dz", xs=["x", "z"])] + nodes, inputs=("x", "z"),
         outputs=("y", "dx"), shape=("N", 4), imports=imports)
    save("gradient_elsewhere.onnx", [gradient("z,x", "dx,dz", xs=["x", "z"])] + nodes, inputs=("x", "z"),
         outputs=("y", "dx"), imports=imports)
    save("gradient_cycle.onnx", [gradient("x,z", "dx,y", y="square", xs=["x", "z"]),
                                 node("Mul", "x,y", "square")], inputs=("x", "z"), imports=imports)
    save("gradient_double.onnx", [gradient("x", "dx", xs=["x"]), node("Cast", "x", "y", to=T.DOUBLE)],
         outputs=("dx",), imports=imports)


def refused():
    relu = node("Relu", "x", "y")
    strings = h.make_tensor("s", T.STRING, [1], [b"text"])
    long_raw = T(name="w", data_type=T.FLOAT, dims=[1 << 40, 1 << 10], raw_data=b"1234")
    huge = T(name="w", data_type=T.FLOAT, dims=[1 << 62, 1 << 62, 1 << 62], raw_data=b"1234")
    negative = T(name="w", data_type=T.FLOAT, dims=[-1], raw_data=b"1234")
    short_typed = T(name="w", data_type=T.INT64, dims=[3], int64_data=[1, 2])
    add = [node("Add", "x,w", "y")]
    save("unknown.onnx", [node("Frobnicate", "x", "a", name="first"), node("NonZero", "a", "b", name="second"),
                          h.make_node("Gelu", ["b"], ["y"], name="third", domain="com.example")],
         imports={"": 17, "com.example": 3})
    inner = h.make_graph([node("Relu", "x", "z")], "inner", [], [h.make_tensor_value_info("z", T.FLOAT, None)])
    save("if.onnx", [h.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)])
    save("no_opset.onnx", [relu], imports={})
    save("opset5.onnx", [relu], opset=5)
    save("opset99.onnx", [relu], opset=99)
    save("ir2.onnx", [relu], ir=2)
    save("cycle.onnx", [node("Add", "x,c", "y"), node("Relu", "y", "c")])
    save("made_twice.onnx", [relu, node("Abs", "x", "y")])
    save("input_missing.onnx", [node("Add", "x,nothing", "y")])
    save("output_missing.onnx", [relu], outputs=("z",))
    save("output_twice.onnx", [relu], outputs=("y", "y"))
    save("no_outputs.onnx", [relu], outputs=())
    save("sequence.onnx", [relu], inputs=(h.make_tensor_sequence_value_info("x", T.FLOAT, None),))
    save("string.onnx", [relu], constants=[strings])
    save("raw_length.onnx", add, constants=[long_raw])
    save("too_many_elements.onnx", add, constants=[huge])
    save("negative_dimension.onnx", add, constants=[negative])
    save("typed_length.onnx", add, constants=[short_typed])
    save("conv_residual.onnx", [node("Conv", "x,w,w,x", "y", name="four")], shape=(1, 1, 1, 1),
         constants=[h.make_tensor("w", T.FLOAT, [1, 1, 1, 1], [1.0])])
    save("batch_norm_statistics.onnx",
         [node("BatchNormalization", "x,w,w,w,w", "y,a,b,c,d", name="five", training_mode=1)], shape=(1, 1, 1, 1),
         constants=[h.make_tensor("w", T.FLOAT, [1], [1.0])])
    save("rank9.onnx", [relu], shape=(1,) * 9)
    save("attribute_unknown.onnx", [node("Relu", "x", "y", slope=2)])
    save("attribute_type.onnx", [node("Flatten", "x", "y", axis=1.5)])
    save("attribute_twice.onnx", [node("Flatten", "x", "y", axis=1)],
         change=lambda m: m.graph.node[0].attribute.append(h.make_attribute("axis", 0)))
    save("attribute_old.onnx", [node("Squeeze", "x", "y", axes=[0])], opset=17)
    save("training_output.onnx", [node("BatchNormalization", "x,s,s,s,s", "a,b"), node("Add", "a,b", "y")],
         opset=9, constants=[floats("s", 1, 1, 1, 1)])
    save("sparse.onnx", [relu], change=lambda m: m.graph.sparse_initializer.add(dims=[4]))
    (FOLDER / "empty.onnx").write_bytes(b"")
    (FOLDER / "no_graph.onnx").write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
    (FOLDER / "garbage.onnx").write_bytes(b"GIF89a not an ONNX file at all")
    whole = (FOLDER / "opset6.onnx").read_bytes()
    (FOLDER / "truncated.onnx").write_bytes(whole[:len(whole) // 2])


def main():
    FOLDER.mkdir(exist_ok=True)
    encodings()
    old_forms()
    gradients()
    refused()
    print(len(list(FOLDER.iterdir())), "files in", FOLDER)


if __name__ == "__main__":
    sys.exit(main())
