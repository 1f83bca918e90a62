#!/usr/bin/env python3
"""Trains the bundled model host/models/lenet5-fashion.onnx: LeNet-5 on Fashion-MNIST.

    apt install dataset-fashion-mnist
    pip install numpy onnx
    OPENBLAS_NUM_THREADS=1 python3 benchmarks/train_lenet5.py host/models/lenet5-fashion.onnx

Pure numpy, one fixed seed, about five minutes on one core. The network is that of LeCun et al. 1998
with 61,706 parameters: convolution 6@5x5 (padding 2), pool, convolution 16@5x5, pool, dense 120, 84,
10; here with ReLU, max pooling and a softmax at the end. Pictures are (N, 1, 28, 28), pixels divided
by 255 (mean 0, standard deviation 255 of the raw bytes); classes are in the order of the data set.
Activations are stored channels last while training, so that a convolution is one matrix product.
"""
import argparse
import gzip
import sys
import time
from pathlib import Path

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper


def read_idx(path):
    """The array of a gzipped idx file: magic 0 0 8 rank, big-endian sizes, bytes."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder, split):
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz").astype(np.float32) / 255
    return images[..., None], read_idx(folder / f"{split}-labels-idx1-ubyte.gz").astype(np.int64)


class Conv:
    def __init__(self, rng, ic, oc, k, pad):
        self.k, self.pad = k, pad
        self.w = rng.normal(0, np.sqrt(2 / (ic * k * k)), (ic * k * k, oc)).astype(np.float32)
        self.b = np.zeros(oc, np.float32)

    def forward(self, x):
        p, k = self.pad, self.k
        self.padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))) if p else x
        windows = sliding_window_view(self.padded, (k, k), (1, 2))  # n, oh, ow, ic, kh, kw
        self.columns = windows.reshape(-1, self.w.shape[0])
        return (self.columns @ self.w + self.b).reshape(*windows.shape[:3], -1)

    def backward(self, grad, wants_input):
        flat = grad.reshape(-1, grad.shape[3])
        self.gw, self.gb = self.columns.T @ flat, flat.sum(0)
        if not wants_input:
            return None
        n, oh, ow, _ = grad.shape
        parts = (flat @ self.w.T).reshape(n, oh, ow, -1, self.k, self.k)
        out = np.zeros_like(self.padded)
        for i in range(self.k):
            for j in range(self.k):
                out[:, i:i + oh, j:j + ow] += parts[..., i, j]
        return out


class Dense:
    def __init__(self, rng, k, m, gain):
        self.w = rng.normal(0, np.sqrt(gain / k), (k, m)).astype(np.float32)
        self.b = np.zeros(m, np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.gw, self.gb = self.x.T @ grad, grad.sum(0)
        return grad @ self.w.T


def pool(x):
    """Max over 2x2; also the mask that sends the gradient back to the largest (first of equals)."""
    n, h, w, c = x.shape
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4)
    best = blocks.argmax(1)
    return np.take_along_axis(blocks, best[:, None], 1).reshape(n, h // 2, w // 2, c), best


def unpool(grad, best):
    n, h, w, c = grad.shape
    blocks = np.zeros((grad.size, 4), np.float32)
    blocks[np.arange(grad.size), best] = grad.ravel()
    blocks = blocks.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, h * 2, w * 2, c)


class LeNet5:
    def __init__(self, rng):
        self.c1, self.c2 = Conv(rng, 1, 6, 5, 2), Conv(rng, 6, 16, 5, 0)
        self.d1, self.d2 = Dense(rng, 400, 120, 2), Dense(rng, 120, 84, 2)
        self.d3 = Dense(rng, 84, 10, 1)
        self.layers = [self.c1, self.c2, self.d1, self.d2, self.d3]

    def forward(self, x):
        self.a1, self.best1 = pool(np.maximum(self.c1.forward(x), 0))
        self.a2, self.best2 = pool(np.maximum(self.c2.forward(self.a1), 0))
        flat = self.a2.transpose(0, 3, 1, 2).reshape(len(x), 400)  # channels first, as in the file
        self.a3 = np.maximum(self.d1.forward(flat), 0)
        self.a4 = np.maximum(self.d2.forward(self.a3), 0)
        return self.d3.forward(self.a4)

    def backward(self, grad):
        grad = self.d3.backward(grad) * (self.a4 > 0)
        grad = self.d2.backward(grad) * (self.a3 > 0)
        grad = self.d1.backward(grad).reshape(-1, 16, 5, 5).transpose(0, 2, 3, 1) * (self.a2 > 0)
        grad = self.c2.backward(unpool(grad, self.best2), True) * (self.a1 > 0)
        self.c1.backward(unpool(grad, self.best1), False)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Adam:
    """Kingma and Ba 2014, with decoupled weight decay (Loshchilov and Hutter 2017)."""

    def __init__(self, layers, decay):
        self.layers, self.decay, self.t = layers, decay, 0
        self.m = [np.zeros_like(p) for layer in layers for p in (layer.w, layer.b)]
        self.v = [np.zeros_like(p) for p in self.m]

    def step(self, rate):
        self.t += 1
        pairs = [pair for l in self.layers for pair in ((l.w, l.gw), (l.b, l.gb))]
        for (p, g), m, v in zip(pairs, self.m, self.v):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            m_hat, v_hat = m / (1 - 0.9 ** self.t), v / (1 - 0.999 ** self.t)
            p -= np.float32(rate) * (m_hat / (np.sqrt(v_hat) + 1e-8) + self.decay * p)


def accuracy(net, images, labels):
    right = sum((net.forward(images[i:i + 500]).argmax(1) == labels[i:i + 500]).sum()
                for i in range(0, len(images), 500))
    return right / len(images)


def train(folder, epochs, batch):
    rng = np.random.default_rng(1998)
    images, labels = load(folder, "train")
    test_images, test_labels = load(folder, "t10k")
    net = LeNet5(rng)
    adam = Adam(net.layers, 0.01)
    steps = len(images) // batch
    start = time.time()
    for epoch in range(epochs):
        order, losses = rng.permutation(len(images)), []
        for s in range(steps):
            pick = order[s * batch:(s + 1) * batch]
            x, y = images[pick], labels[pick]
            flip = rng.random(batch) < 0.5  # left and right mean nothing in this data set
            x = np.where(flip[:, None, None, None], x[:, :, ::-1], x)
            p = softmax(net.forward(x))
            losses.append(-np.log(p[np.arange(batch), y] + 1e-12).mean())
            p[np.arange(batch), y] -= 1
            net.backward(p / batch)
            done = (epoch + s / steps) / epochs
            adam.step(2e-3 * 0.5 * (1 + np.cos(np.pi * done)))  # cosine down to 0
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, test accuracy "
              f"{accuracy(net, test_images, test_labels):.4f}, {time.time() - start:.0f} s", flush=True)
    return net


def export(net, path):
    """Writes the network with ONNX's axis order: filters (oc, ic, kh, kw), dense weights (m, k)."""
    def conv(layer, ic):
        return layer.w.reshape(ic, 5, 5, -1).transpose(3, 0, 1, 2)

    weights = {"conv1.weight": conv(net.c1, 1), "conv1.bias": net.c1.b,
               "conv2.weight": conv(net.c2, 6), "conv2.bias": net.c2.b}
    for i, layer in enumerate((net.d1, net.d2, net.d3), 1):
        weights[f"dense{i}.weight"], weights[f"dense{i}.bias"] = layer.w.T, layer.b
    node = helper.make_node
    pool2 = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        node("Conv", ["input", "conv1.weight", "conv1.bias"], ["c1"], "conv1",
             kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        node("Relu", ["c1"], ["r1"], "relu1"),
        node("MaxPool", ["r1"], ["p1"], "pool1", **pool2),
        node("Conv", ["p1", "conv2.weight", "conv2.bias"], ["c2"], "conv2", kernel_shape=[5, 5]),
        node("Relu", ["c2"], ["r2"], "relu2"),
        node("MaxPool", ["r2"], ["p2"], "pool2", **pool2),
        node("Flatten", ["p2"], ["f"], "flatten", axis=1),
        node("Gemm", ["f", "dense1.weight", "dense1.bias"], ["d1"], "dense1", transB=1),
        node("Relu", ["d1"], ["r3"], "relu3"),
        node("Gemm", ["r3", "dense2.weight", "dense2.bias"], ["d2"], "dense2", transB=1),
        node("Relu", ["d2"], ["r4"], "relu4"),
        node("Gemm", ["r4", "dense3.weight", "dense3.bias"], ["d3"], "dense3", transB=1),
        node("Softmax", ["d3"], ["output"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "lenet5-fashion",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(w), name) for name, w in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                              producer_name="fovea train_lenet5.py", ir_version=7,
                              doc_string="LeNet-5 on Fashion-MNIST; pixels divided by 255.")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    print(f"{path}: {sum(w.size for w in weights.values())} parameters, "
          f"{Path(path).stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description="Trains LeNet-5 on Fashion-MNIST.")
    parser.add_argument("output")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    export(train(options.data, options.epochs, options.batch), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
