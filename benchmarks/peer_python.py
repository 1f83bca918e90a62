#!/usr/bin/env python3
"""onnxruntime and PyTorch, each in a process of its own; started by peers.py.

    peer_python.py version
    peer_python.py clock COMMAND...        runs it, then prints how many milliseconds it took
    peer_python.py onnxruntime|torch MODEL X.npy Y.npy THREADS SECONDS    prints one JSON object
    peer_python.py torch-conv|torch-gemm THREADS SECONDS < problems       as the peers in C do

$PEER_TORCH_DEVICE names PyTorch's device (cpu, cuda); there fp32 stays fp32 (no TF32) and inputs lie on
the device before the clock starts. PyTorch runs an ONNX file by a translation to torch.nn.functional, node by node (eager mode), with
batch normalisation folded into convolutions by the translation, as its users do for inference."""
import json
import os
import statistics
import subprocess
import sys
import time

DEVICE = os.environ.get("PEER_TORCH_DEVICE", "cpu")


def peak_bytes():
    """VmHWM: the most memory that this process ever held."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


def steady(call, seconds):
    for _ in range(2):
        call()
    ms, begin = [], time.perf_counter()
    while len(ms) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        call()
        ms.append(1e3 * (time.perf_counter() - start))
    return {"median_ms": statistics.median(ms), "best_ms": min(ms), "runs": len(ms)}


# ---- Networks ----

def open_onnxruntime(model, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return start, lambda x: session.run(None, {name: x})[0]


def import_torch(threads):
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if DEVICE != "cpu":  # even the usual device, when set, costs time in every call
        torch.set_default_device(DEVICE)
    return torch


def wait(torch):
    if DEVICE != "cpu":
        torch.cuda.synchronize()


def pads_of(attributes):
    pads = attributes.get("pads", [0, 0, 0, 0])
    if pads[:2] != pads[2:]:
        raise SystemExit("padding that differs by side is not translated")
    return tuple(pads[:2])


def pool(torch, x, attributes, kind):
    same = {"kernel_size": attributes["kernel_shape"], "stride": attributes.get("strides", [1, 1]),
            "ceil_mode": bool(attributes.get("ceil_mode", 0))}
    pads = attributes.get("pads", [0, 0, 0, 0])
    if kind == "max":
        if pads[:2] != pads[2:]:  # -inf never wins
            x = torch.nn.functional.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=float("-inf"))
            pads = [0, 0, 0, 0]
        return torch.nn.functional.max_pool2d(x, padding=tuple(pads[:2]), **same)
    return torch.nn.functional.avg_pool2d(
        x, padding=pads_of(attributes), count_include_pad=bool(attributes.get("count_include_pad", 0)),
        **same)


def apply(torch, op, a, i):
    """One ONNX node on tensors `i`."""
    f = torch.nn.functional
    if op == "Conv":
        return f.conv2d(i[0], i[1], i[2] if len(i) > 2 else None, tuple(a.get("strides", (1, 1))),
                        pads_of(a), tuple(a.get("dilations", (1, 1))), a.get("group", 1))
    if op == "Gemm":
        return f.linear(i[0], i[1] if a.get("transB") else i[1].T, i[2] if len(i) > 2 else None)
    if op == "BatchNormalization":
        return f.batch_norm(i[0], i[3], i[4], i[1], i[2], False, 0.0, a.get("epsilon", 1e-5))
    if op == "LRN":
        return f.local_response_norm(i[0], a["size"], a["alpha"], a["beta"], a["bias"])
    simple = {
        "Relu": lambda: f.relu(i[0]), "Add": lambda: i[0] + i[1],
        "Concat": lambda: torch.cat(i, a["axis"]), "Softmax": lambda: f.softmax(i[0], a.get("axis", -1)),
        "Flatten": lambda: torch.flatten(i[0], a.get("axis", 1)), "Dropout": lambda: i[0],
        "Identity": lambda: i[0], "Tanh": lambda: torch.tanh(i[0]),
        "GlobalAveragePool": lambda: f.adaptive_avg_pool2d(i[0], 1),
        "MaxPool": lambda: pool(torch, i[0], a, "max"),
        "AveragePool": lambda: pool(torch, i[0], a, "average"),
        "Clip": lambda: torch.clamp(i[0], *(float(x) for x in i[1:3])),
        "Reshape": lambda: i[0].reshape([int(n) or i[0].shape[k] for k, n in enumerate(i[1])]),
    }
    if op not in simple:
        raise SystemExit(f"operator {op} is not translated")
    return simple[op]()


def fold(nodes, values, uses):
    """Folds a BatchNormalization into the Conv before it, whose only reader it is."""
    made = {node[3]: node for node in nodes if node[0] == "Conv"}
    kept, renamed = [], {}
    for op, a, inputs, output in nodes:
        inputs = [renamed.get(name, name) for name in inputs]
        conv = made.get(inputs[0]) if op == "BatchNormalization" else None
        if not conv or uses[inputs[0]] > 1:
            kept.append((op, a, inputs, output))
            continue
        scale, shift, mean, variance = (values[name] for name in inputs[1:])
        factor = scale / (variance + a.get("epsilon", 1e-5)).sqrt()
        weights, names = conv[2][1], conv[2]
        bias = values[names[2]] if len(names) > 2 else 0
        values[output + ".w"] = values[weights] * factor.reshape(-1, 1, 1, 1)
        values[output + ".b"] = shift + (bias - mean) * factor
        conv[2][1:] = [output + ".w", output + ".b"]
        renamed[output] = inputs[0]
    return kept, renamed


def open_torch(model, threads):
    import onnx
    torch = import_torch(threads)
    start = time.perf_counter()
    graph = onnx.load(model).graph
    array = lambda t: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()).to(DEVICE)
    values = {t.name: array(t) for t in graph.initializer}
    nodes, uses = [], {}
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        inputs = [name for name in node.input if name]
        for name in inputs:
            uses[name] = uses.get(name, 0) + 1
        if node.op_type == "Constant":
            values[node.output[0]] = array(attributes["value"])
        else:
            nodes.append((node.op_type, attributes, inputs, node.output[0]))
    nodes, renamed = fold(nodes, values, uses)
    first = next(i.name for i in graph.input if i.name not in values)
    last = renamed.get(graph.output[0].name, graph.output[0].name)

    held = []

    def run(x):
        if not held:
            held.append(torch.from_numpy(x).to(DEVICE))
        live = {first: held[0]}
        for op, attributes, names, output in nodes:
            live[output] = apply(torch, op, attributes,
                                 [live[name] if name in live else values[name] for name in names])
        wait(torch)
        return live[last]
    return start, run


def network(opener, model, x_path, y_path, threads, seconds):
    import numpy
    x = numpy.load(x_path)
    start, run = opener(model, int(threads))
    created = time.perf_counter()
    y = run(x)
    done = {"create_ms": 1e3 * (created - start), "first_ms": 1e3 * (time.perf_counter() - created)}
    numpy.save(y_path, y.cpu().numpy() if hasattr(y, "cpu") else y)
    if float(seconds) > 0:
        done |= steady(lambda: run(x), float(seconds))
    print(json.dumps(done | {"peak_bytes": peak_bytes()}))


# ---- Layers ----

def layers(kind, threads, seconds):
    torch = import_torch(int(threads))
    for line in sys.stdin:
        n = [int(word) for word in line.split()]
        if kind == "conv":
            g, batch, ic, ih, iw, oc, kh, kw, sh, sw, top, left, bottom, right, dh, dw = n
            if (top, left) != (bottom, right):
                print("- - unsupported", flush=True)
                continue
            x, w = torch.randn(batch, ic, ih, iw), torch.randn(oc, ic // g, kh, kw)
            b = torch.randn(oc)
            call = lambda: torch.nn.functional.conv2d(x, w, b, (sh, sw), (top, left), (dh, dw), g)
            want = torch.nn.functional.conv2d(x[:1].double(), w[:1].double() if g == 1 else w.double(),
                                              b[:1].double() if g == 1 else b.double(), (sh, sw),
                                              (top, left), (dh, dw), g)
            got = call()[:1, :want.shape[1]]
        else:
            m, width, k = n
            x, w = torch.randn(m, k), torch.randn(k, width)
            call = lambda: torch.matmul(x, w)
            want, got = x[:1].double() @ w.double(), call()[:1]
        right = bool((got - want).abs().max() <= 1e-4 * want.abs().max())
        done = steady(lambda: (call(), wait(torch)), float(seconds))
        print(f"{done['median_ms']:.6g} {done['best_ms']:.6g} {'right' if right else 'WRONG'}", flush=True)


def version():
    found = {}
    for name in ("onnxruntime", "torch"):
        try:
            found[name] = __import__(name).__version__
        except ImportError as error:
            found[name] = f"absent: {error}"
    print(json.dumps(found))


def clock(command):
    start = time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    print(1e3 * (time.perf_counter() - start))
    return code


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "version":
        version()
    elif what == "clock":
        sys.exit(clock(rest))
    elif what.startswith("torch-"):
        layers(what[6:], *rest)
    else:
        network({"onnxruntime": open_onnxruntime, "torch": open_torch}[what], *rest)


if __name__ == "__main__":
    main()
