#!/usr/bin/env python3
"""Records how PyTorch trains the networks of the zoo: record_training.py PROGRAM [NETWORK...].

Run by hand, not by the test suite, with `pip install torch onnx numpy`; writes training/NETWORK.txt beside
itself, which tests/test_training.c compares with. PROGRAM is fovea: `fovea new` writes the network, whose
initial weights PyTorch then has too. The ONNX graph is computed node by node with PyTorch's functions and
differentiated by PyTorch. Batch normalisation uses the batch's statistics, dropout is left out, and the loss
is the mean cross-entropy of what enters the Softmax, summed over the heads with their weights.

Batches are made by a formula, with random_mix of lib/base/random.c; step t takes batch b = t % batches:
    picture element i   (random_mix(random_mix(seed, 2 b), i) >> 40) * 2^-23 - 1
    class of picture i  random_mix(random_mix(seed, 2 b + 1), i) % classes

A file has one item a line, words separated by blanks:
    network NAME classes size seed pictures
    batches COUNT SEED
    head OUTPUT WEIGHT        its share of the loss
    parameter NAME ELEMENTS W NORM DOT ERROR_NORM ERROR_DOT ERROR_MAX G0 ... G7
        of the gradient of step one, with s(i) = -1 where random_mix(17, i) has its highest bit, else 1:
        W = sum s(i) w(i) of the initial weights; NORM the square root of the sum of squares;
        DOT = sum s(i) g(i); G0 to G7 the elements (2 k + 1) ELEMENTS / 16, rounded down
    optimizer KIND RATE BETA1 BETA2 EPSILON DECAY
        KIND momentum: v = BETA1 v + g + DECAY w, w = w - RATE v, with v = g + DECAY w at step one; KIND adam.
        All parameters decay. RATE is small enough for rounding to stay small over ten steps.
    loss L ERROR              ten lines after each optimizer: the loss before each step
    running NAME ELEMENTS NORM DOT ERROR_NORM ERROR_DOT
        a running mean or variance after the last step of the optimizer above: 0.9 of it and 0.1 of the
        batch's, the variance being the mean of squares (divided by n) as ONNX has it, not by n - 1

Numbers are of float64. Each ERROR is what float32 moved in PyTorch itself, the largest of three ways to
compute: oneDNN, PyTorch's own kernels, the pictures of the batch in reverse order. ERROR_NORM is the norm of
the gradients' difference, ERROR_MAX its largest element. A gradient jumps where a Relu's input crosses 0 or
the two largest of a MaxPool change places, so that rounding alone could make it another one: the seed of the
batches is the first one whose every such place is CLEAR times as far away as float32 moved its layer."""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn import functional as f

STEPS = 10
CLEAR = 4
MOMENTUM_OF_STATISTICS = 0.1
# Each: classes, size, pictures, heads, momentum's rate, further optimizers.
NETWORKS = {
    "lenet5": (10, 28, 8, {"output": 1}, 0.01, [("adam", 0.001, 0.9, 0.999, 1e-3, 0)]),
    "alexnet": (10, 67, 8, {"output": 1}, 0.0005, []),
    "vgg11": (10, 32, 4, {"output": 1}, 0.00003, []),
    "resnet18": (10, 33, 4, {"output": 1}, 0.0001, []),
    "googlenet": (10, 80, 2, {"output": 1, "aux1": 0.3, "aux2": 0.3}, 5e-5, []),
}


# ---- What the C test repeats ----

def finalize(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return z ^ (z >> np.uint64(31))


def random_mix(seed, i):
    with np.errstate(over="ignore"):
        i = np.asarray(i, np.uint64)
        return finalize(np.uint64(seed) + (i + np.uint64(1)) * np.uint64(0x9e3779b97f4a7c15))


def batch(seed, b, shape, classes):
    pictures = random_mix(random_mix(seed, 2 * b), np.arange(np.prod(shape)))
    labels = random_mix(random_mix(seed, 2 * b + 1), np.arange(shape[0])) % np.uint64(classes)
    x = (pictures >> np.uint64(40)).astype(np.float64) * 2.0 ** -23 - 1
    return torch.from_numpy(x.reshape(shape)), torch.from_numpy(labels.astype(np.int64))


def signs(n):
    return torch.from_numpy(1.0 - 2.0 * (random_mix(17, np.arange(n)) >> np.uint64(63)).astype(np.float64))


def elements(n):
    return [(2 * k + 1) * n // 16 for k in range(8)]


# ---- The network in PyTorch ----

class Network:
    def __init__(self, path, dtype):
        graph = onnx.load(path).graph
        self.heads, self.nodes, self.kinks = {}, [], []
        self.values = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()).to(dtype)
                       for t in graph.initializer}
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Softmax" and node.output[0] in [o.name for o in graph.output]:
                self.heads[node.output[0]] = node.input[0]
            else:
                self.nodes.append((node.op_type, attributes, list(node.input), node.output[0]))
        self.input = next(i.name for i in graph.input if i.name not in self.values)
        self.statistics = [name for op, _, names, _ in self.nodes if op == "BatchNormalization"
                           for name in names[3:5]]
        used = {name for op, _, names, _ in self.nodes for name in names if op != "Dropout"}
        self.parameters = [name for name in self.values if name in used and name not in self.statistics]
        for name in self.parameters:
            self.values[name].requires_grad_()

    def leaves(self):
        return [self.values[name] for name in self.parameters]

    def loss(self, x, labels, heads):
        """The loss; self.kinks become the inputs of each Relu and MaxPool."""
        live, self.kinks = {self.input: x}, []
        for op, attributes, names, output in self.nodes:
            given = [live.get(name, self.values.get(name)) for name in names]
            if op in ("Relu", "MaxPool"):
                self.kinks.append((op, attributes, given[0].detach()))
            live[output] = self.node(op, attributes, given)
        return sum(share * f.cross_entropy(live[self.heads[head]], labels) for head, share in heads.items())

    def node(self, op, a, i):
        table = {
            "Conv": lambda: convolve(a, *i), "Gemm": lambda: dense(a, *i),
            "MaxPool": lambda: f.max_pool2d(i[0], **window(a)),
            "AveragePool": lambda: average(a, i[0]), "Relu": lambda: f.relu(i[0]),
            "GlobalAveragePool": lambda: i[0].mean((2, 3), keepdim=True),
            "BatchNormalization": lambda: self.normalize(a, *i), "Dropout": lambda: i[0],
            "LRN": lambda: f.local_response_norm(i[0], a["size"], a["alpha"], a["beta"], a["bias"]),
            "Concat": lambda: torch.cat(i, a["axis"]), "Add": lambda: i[0] + i[1],
            "Flatten": lambda: torch.flatten(i[0], a["axis"]),
        }
        return table[op]()

    def normalize(self, a, x, scale, shift, mean, variance):
        n, kept = x.numel() // x.shape[1], (1 - MOMENTUM_OF_STATISTICS) * variance
        means, variances = mean.clone(), variance.clone()
        y = f.batch_norm(x, means, variances, scale, shift, True, MOMENTUM_OF_STATISTICS, a["epsilon"])
        mean.copy_(means)
        variance.copy_(kept + (variances - kept) * (n - 1) / n)  # PyTorch divides by n - 1 here
        return y


def even(pads):
    if pads[:2] != pads[2:]:
        raise SystemExit("padding that differs by side is not translated")
    return tuple(pads[:2])


def convolve(a, x, w, b=None):
    return f.conv2d(x, w, b, tuple(a["strides"]), even(a["pads"]), tuple(a["dilations"]), a["group"])


def dense(a, x, w, b=None):
    return f.linear(x, w if a.get("transB") else w.T, b)


def window(a):
    return {"kernel_size": a["kernel_shape"], "stride": a["strides"], "padding": even(a["pads"]),
            "ceil_mode": bool(a.get("ceil_mode", 0))}


def average(a, x):
    return f.avg_pool2d(x, count_include_pad=bool(a.get("count_include_pad", 0)), **window(a))


# ---- Training ----

class Training:
    """One way to compute: a type, whose kernels, and the order of the pictures."""
    WAYS = [(torch.float64, True, False), (torch.float32, True, False), (torch.float32, False, False),
            (torch.float32, True, True)]

    def __init__(self, path, heads, way):
        self.dtype, self.onednn, self.reverse = way
        self.heads = heads
        self.net = Network(path, self.dtype)

    def forward(self, pictures, labels):
        x, labels = (t.flip(0) if self.reverse else t for t in (pictures.to(self.dtype), labels))
        with torch.backends.mkldnn.flags(enabled=self.onednn):
            return self.net.loss(x, labels, self.heads)

    def backward(self, pictures, labels):
        loss = self.forward(pictures, labels)
        with torch.backends.mkldnn.flags(enabled=self.onednn):
            loss.backward()
        return loss.item()

    def run(self, batches, kind, rate, beta1, beta2, epsilon, decay):
        """The losses, and the gradients of step one."""
        if kind == "adam":
            o = torch.optim.Adam(self.net.leaves(), rate, (beta1, beta2), epsilon, decay)
        else:
            o = torch.optim.SGD(self.net.leaves(), rate, beta1, weight_decay=decay)
        losses, first = [], None
        for step in range(STEPS):
            o.zero_grad()
            losses.append(self.backward(*batches[step % len(batches)]))
            if step == 0:
                first = [leaf.grad.double().clone() for leaf in self.net.leaves()]
            o.step()
        return losses, first


def distance(op, attributes, x):
    """The least change of x that makes the operator choose otherwise. Equal numbers in a window do not count:
    they are zeros of a Relu, which passes no gradient on, or one number that a MaxPool before gave twice."""
    if op == "Relu":
        return x[x != 0].abs().min().item()
    h, w = attributes["kernel_shape"]
    ph, pw = even(attributes["pads"])
    x = f.pad(x, (pw, pw + w, ph, ph + h), value=-np.inf)  # more at the end, for ceil_mode
    cut = x.unfold(2, h, attributes["strides"][0]).unfold(3, w, attributes["strides"][1])
    two = cut.reshape(*cut.shape[:4], h * w).topk(2)[0]
    gap = two[..., 0] - two[..., 1]
    return gap[(gap > 0) & torch.isfinite(gap)].min().item() / 2


def clearness(path, heads, batches):
    """How many times as far away as float32 moved its layer (the root of the mean square) the nearest jump of
    the gradient is."""
    kinks = []
    for way in Training.WAYS:
        training = Training(path, heads, way)
        with torch.no_grad():
            training.forward(*batches[0])
        kinks.append([k[2].flip(0) if training.reverse else k[2] for k in training.net.kinks])
    exact, rounded = kinks[0], kinks[1:]
    moved = [max((r[i].double() - x).square().mean().sqrt().item() for r in rounded)
             for i, x in enumerate(exact)]
    return min(distance(op, attributes, exact[i]) / max(moved[i], 1e-300)
               for i, (op, attributes, _) in enumerate(training.net.kinks))


# ---- Writing ----

def words(*items):
    return " ".join(f"{item:.12g}" if isinstance(item, float) else str(item) for item in items) + "\n"


def norm_and_dot(exact, rounded):
    """Norm, dot, and what float32 moved of the whole and of dot."""
    s = signs(exact.numel())
    moved = [(r - exact).flatten() for r in rounded]
    return ([exact.norm().item(), (s * exact.flatten()).sum().item()],
            [max(m.norm().item() for m in moved), max(abs((s * m).sum().item()) for m in moved)])


def describe(name, weights, exact, rounded):
    n = exact.numel()
    numbers, errors = norm_and_dot(exact, rounded)
    errors.append(max((r - exact).abs().max().item() for r in rounded))
    initial = (signs(n) * weights.double().flatten()).sum().item()
    chosen = [exact.flatten()[i].item() for i in elements(n)]
    return words("parameter", name, n, initial, *numbers, *(float(f"{e:.3g}") for e in errors), *chosen)


def describe_running(name, exact, rounded):
    numbers, errors = norm_and_dot(exact, rounded)
    return words("running", name, exact.numel(), *numbers, *(float(f"{e:.3g}") for e in errors))


def optimized(path, heads, batches, optimizer):
    """The text of one optimizer, and the gradients of step one for each way."""
    ways = [Training(path, heads, way) for way in Training.WAYS]
    done = [way.run(batches, *optimizer) for way in ways]
    text = words("optimizer", *optimizer)
    for step in range(STEPS):
        exact, *rounded = [losses[step] for losses, _ in done]
        text += words("loss", exact, float(f"{max(abs(r - exact) for r in rounded):.3g}"))
    for name in ways[0].net.statistics:
        exact, *rounded = [way.net.values[name].double() for way in ways]
        text += describe_running(name, exact, rounded)
    return text, [first for _, first in done]


def record(program, name, path):
    classes, size, pictures, heads, rate, further = NETWORKS[name]
    command = [program, "new", name, path, "--classes", classes, "--size", size, "--seed", 1, "--training"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    channels = 1 if name == "lenet5" else 3
    for seed in range(1, 1000):
        batches = [batch(seed, b, (pictures, channels, size, size), classes) for b in range(2)]
        clear = clearness(path, heads, batches)
        print(f"{name}: seed {seed}: {clear:.2g} times as far as float32 moved", flush=True)
        if clear >= CLEAR:
            break
    else:
        raise SystemExit(f"{name}: no seed is clear of jumps")
    text = f"# {name} trained by PyTorch {torch.__version__}: see record_training.py.\n"
    text += words("network", name, classes, size, 1, pictures) + words("batches", len(batches), seed)
    text += "".join(words("head", head, share) for head, share in heads.items())
    first, (exact, *rounded) = optimized(path, heads, batches, ("momentum", rate, 0.9, 0, 0, 5e-4))
    net = Network(path, torch.float64)
    for i, parameter in enumerate(net.parameters):
        text += describe(parameter, net.values[parameter].detach(), exact[i], [r[i] for r in rounded])
    text += first + "".join(optimized(path, heads, batches, more)[0] for more in further)
    (Path(__file__).parent / "training" / f"{name}.txt").write_text(text, encoding="ascii")


def main():
    torch.set_num_threads(1)  # one core is always there; two wait for each other on a busy machine
    program, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for name in names or NETWORKS:
            record(program, name, Path(folder) / f"{name}.onnx")


if __name__ == "__main__":
    main()
