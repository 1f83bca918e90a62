#!/usr/bin/env python3
"""Writes tests/data/optimizers.txt: parameters after each of three steps of PyTorch's optimizers, in double.

    record_optimizers.py > data/optimizers.txt

LARS and LAMB, which PyTorch lacks, are written out here from their papers (You et al. 2017, 2020). A line is
TEXT RATE, then three lines of 12 weights (3, 4), 4 biases and the norm of the moving average of the weights."""
import math

import torch

STEPS, DECAY = 3, 0.9


def start():
    numbers = [((i * 37 + 11) % 64 - 32) / 32 for i in range(16)]
    tensor = torch.tensor(numbers, dtype=torch.float64)
    return [tensor[:12].reshape(3, 4).clone().requires_grad_(), tensor[12:].clone().requires_grad_()]


def gradients(step):
    numbers = [((i * 23 + step * 17 + 5) % 64 - 31) / 64 for i in range(16)]
    tensor = torch.tensor(numbers, dtype=torch.float64)
    return [tensor[:12].reshape(3, 4), tensor[12:]]


class Lars:
    """v = momentum v + rate trust (g + decay w), w -= v; biases have no trust and no decay."""

    def __init__(self, parameters, rate, momentum=0.9, trust=0.001, weight_decay=0.0):
        self.parameters, self.rate, self.momentum = parameters, rate, momentum
        self.trust, self.decay = trust, weight_decay
        self.v = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.parameters, self.v):
            g, trust = p.grad, 1.0
            if p.dim() > 1:
                trust = self.trust * p.norm() / (g.norm() + self.decay * p.norm())
                g = g + self.decay * p
            v.mul_(self.momentum).add_(self.rate * trust * g)
            p.sub_(v)


class Lamb:
    """Algorithm 2 with phi(z) = z and bias correction; biases have neither trust nor decay."""

    def __init__(self, parameters, rate, betas=(0.9, 0.999), epsilon=1e-6, weight_decay=0.0):
        self.parameters, self.rate, self.betas = parameters, rate, betas
        self.epsilon, self.decay, self.t = epsilon, weight_decay, 0
        self.m = [torch.zeros_like(p) for p in parameters]
        self.v = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self):
        self.t += 1
        one, two = self.betas
        for p, m, v in zip(self.parameters, self.m, self.v):
            m.mul_(one).add_((1 - one) * p.grad)
            v.mul_(two).add_((1 - two) * p.grad**2)
            r = m / (1 - one**self.t) / (torch.sqrt(v / (1 - two**self.t)) + self.epsilon)
            trust = 1.0
            if p.dim() > 1:
                r = r + self.decay * p
                trust = p.norm() / r.norm()
            p.sub_(self.rate * trust * r)


def groups(parameters, decay):
    return [{"params": parameters[:1], "weight_decay": decay}, {"params": parameters[1:], "weight_decay": 0}]


CASES = [
    ("sgd", 0.1, lambda p, r: torch.optim.SGD(p, lr=r)),
    ("sgd:weight_decay=0.01", 0.1, lambda p, r: torch.optim.SGD(groups(p, 0.01), lr=r)),
    ("sgd:weight_decay=0.01,decay_all", 0.1, lambda p, r: torch.optim.SGD(p, lr=r, weight_decay=0.01)),
    ("momentum", 0.1, lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9)),
    ("momentum:momentum=0.8,dampening=0.3,weight_decay=0.01", 0.1,
     lambda p, r: torch.optim.SGD(groups(p, 0.01), lr=r, momentum=0.8, dampening=0.3)),
    ("nesterov:weight_decay=0.01", 0.1,
     lambda p, r: torch.optim.SGD(groups(p, 0.01), lr=r, momentum=0.9, nesterov=True)),
    ("adagrad:rate_decay=0.1,weight_decay=0.01", 0.01,
     lambda p, r: torch.optim.Adagrad(groups(p, 0.01), lr=r, lr_decay=0.1)),
    ("rmsprop", 0.01, lambda p, r: torch.optim.RMSprop(p, lr=r)),
    ("rmsprop:momentum=0.9,weight_decay=0.01", 0.01,
     lambda p, r: torch.optim.RMSprop(groups(p, 0.01), lr=r, momentum=0.9)),
    ("rmsprop:centered,rho=0.9,epsilon=0.001", 0.01,
     lambda p, r: torch.optim.RMSprop(p, lr=r, alpha=0.9, centered=True, eps=0.001)),
    ("rmsprop:centered,momentum=0.9,rho=0.9,epsilon=0.001", 0.01,
     lambda p, r: torch.optim.RMSprop(p, lr=r, alpha=0.9, centered=True, eps=0.001, momentum=0.9)),
    ("adadelta:weight_decay=0.01", 1.0, lambda p, r: torch.optim.Adadelta(groups(p, 0.01), lr=r)),
    ("adam", 0.001, lambda p, r: torch.optim.Adam(p, lr=r)),
    ("adam:beta1=0.8,beta2=0.99,epsilon=1e-4,weight_decay=0.01", 0.01,
     lambda p, r: torch.optim.Adam(groups(p, 0.01), lr=r, betas=(0.8, 0.99), eps=1e-4)),
    ("adamw", 0.001, lambda p, r: torch.optim.AdamW(groups(p, 0.01), lr=r)),
    ("nadam:weight_decay=0.01", 0.002, lambda p, r: torch.optim.NAdam(groups(p, 0.01), lr=r)),
    ("lars:weight_decay=0.01,trust=0.1", 0.1, lambda p, r: Lars(p, r, trust=0.1, weight_decay=0.01)),
    ("lamb:weight_decay=0.01", 0.01, lambda p, r: Lamb(p, r, weight_decay=0.01)),
    ("momentum:clip_norm=0.5", 0.1, lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9)),
    ("momentum:clip_norm=50", 0.1, lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9)),
    ("adam:clip_value=0.25", 0.001, lambda p, r: torch.optim.Adam(p, lr=r)),
    ("lars:clip_norm=0.5,trust=0.1", 0.1, lambda p, r: Lars(p, r, trust=0.1)),
]


def setting(text, name):
    for word in text.partition(":")[2].split(","):
        if word.startswith(name + "="):
            return float(word.partition("=")[2])
    return 0.0


def clip(parameters, text):
    if setting(text, "clip_norm"):
        torch.nn.utils.clip_grad_norm_(parameters, setting(text, "clip_norm"))
    if setting(text, "clip_value"):
        torch.nn.utils.clip_grad_value_(parameters, setting(text, "clip_value"))


def record(text, rate, make):
    parameters = start()
    optimizer = make(parameters, rate)
    average = parameters[0].detach().clone()
    print(text, rate)
    for step in range(STEPS):
        for p, g in zip(parameters, gradients(step)):
            p.grad = g.clone()
        clip(parameters, text)
        optimizer.step()
        average = DECAY * average + (1 - DECAY) * parameters[0].detach()
        numbers = [x for p in parameters for x in p.detach().flatten().tolist()] + [average.norm().item()]
        assert all(math.isfinite(x) for x in numbers)
        print(" ".join(f"{x:.12g}" for x in numbers))


if __name__ == "__main__":
    for case in CASES:
        record(*case)
