#!/usr/bin/env python3
"""PyTorch's training step, in a process of its own; started by peers.py.

    peer_training.py MODEL X.npy THREADS SECONDS    prints one JSON object

MODEL is an ONNX file of `fovea new --training`, computed node by node by peer_python.py and differentiated by
PyTorch; parameters are its constants. A step is forward (batch normalisation of the batch, dropout, mean
cross-entropy of what enters the Softmax, auxiliary heads with 0.3), backward, and SGD with momentum in
PyTorch's fused form. Labels are 0, 1, 2, ... of the classes. Of PyTorch's two orders of a picture's elements
the one that is faster here is timed."""
import json
import sys
import time

import peer_python

AUXILIARY = 0.3
ORDERS = ("contiguous_format", "channels_last")


def apply(torch, op, a, i):
    f = torch.nn.functional
    if op == "BatchNormalization":
        return f.batch_norm(i[0], i[3], i[4], i[1], i[2], True, 0.1, a.get("epsilon", 1e-5))
    if op == "Dropout":
        return f.dropout(i[0], float(i[1]) if len(i) > 1 else 0.5, True)
    return peer_python.apply(torch, op, a, i)


class Network:
    def __init__(self, torch, model):
        import onnx
        graph = onnx.load(model).graph
        self.torch, self.nodes, self.heads = torch, [], []
        outputs = [value.name for value in graph.output]
        self.values = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()).to(peer_python.DEVICE)
                       for t in graph.initializer}
        learned = set()
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            inputs = [name for name in node.input if name]
            if node.op_type == "Constant":
                self.values[node.output[0]] = torch.from_numpy(
                    onnx.numpy_helper.to_array(attributes["value"]).copy())
            elif node.op_type == "Softmax" and node.output[0] in outputs:
                self.heads.append(inputs[0])
            else:
                self.nodes.append((node.op_type, attributes, inputs, node.output[0]))
                learned.update(inputs[1:3] if node.op_type in ("Conv", "Gemm", "BatchNormalization") else [])
        self.input = next(i.name for i in graph.input if i.name not in self.values)
        self.parameters = [self.values[name].requires_grad_() for name in self.values if name in learned]

    def loss(self, x, labels):
        live = {self.input: x}
        for op, attributes, names, output in self.nodes:
            live[output] = apply(self.torch, op, attributes,
                                 [live[name] if name in live else self.values[name] for name in names])
        losses = [self.torch.nn.functional.cross_entropy(live[head], labels) for head in self.heads]
        return losses[0] + AUXILIARY * sum(losses[1:])


def steps(torch, network, pictures):
    """A function that takes one step, with the pictures as they lie."""
    head = next(names for _, _, names, output in network.nodes if output == network.heads[0])
    labels = torch.arange(pictures.shape[0], device=pictures.device) % network.values[head[2]].numel()
    optimizer = torch.optim.SGD(network.parameters, 1e-3, 0.9, fused=True)

    def step():
        optimizer.zero_grad()
        loss = network.loss(pictures, labels)
        loss.backward()
        optimizer.step()
        peer_python.wait(torch)
        return loss.item()
    return step


def ordered(torch, network, x, name):
    """The step with pictures and filters in one of PyTorch's two orders of elements."""
    order = getattr(torch, name)
    for p in network.parameters:
        p.data = p.data.contiguous(memory_format=order) if p.dim() == 4 else p.data
        p.grad = None
    return steps(torch, network, x.contiguous(memory_format=order))


def trial(step):
    """Seconds of the faster of two steps, after one that prepares."""
    step()
    took = []
    for _ in range(2):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return min(took)


def main():
    model, x_path, threads, seconds = sys.argv[1:]
    import numpy
    torch = peer_python.import_torch(int(threads))
    torch.set_grad_enabled(True)
    network = Network(torch, model)
    x = torch.from_numpy(numpy.load(x_path)).to(peer_python.DEVICE)
    order = min(ORDERS, key=lambda name: trial(ordered(torch, network, x, name)))
    done = peer_python.steady(ordered(torch, network, x, order), float(seconds))
    print(json.dumps(done | {"order": order, "peak_bytes": peer_python.peak_bytes()}))


if __name__ == "__main__":
    main()
