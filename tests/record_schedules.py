#!/usr/bin/env python3
"""Writes tests/data/schedules.txt: the learning rates of PyTorch's schedulers.

    record_schedules.py > data/schedules.txt

A line is TEXT EPOCHS STEPS_PER_EPOCH COUNT, then COUNT rates, the base rate being 0.1; one of a plateau has
a second list of COUNT numbers, the metrics seen before each rate."""
import torch
from torch.optim import lr_scheduler as s

RATE = 0.1

CASES = [
    ("constant", 3, 2, lambda o: s.ConstantLR(o, factor=1.0, total_iters=0)),
    ("step:3:0.5", 10, 1, lambda o: s.StepLR(o, 3, 0.5)),
    ("step:2:0.1", 4, 3, lambda o: s.StepLR(o, 6, 0.1)),
    ("multistep:2,5,6:0.3", 8, 1, lambda o: s.MultiStepLR(o, [2, 5, 6], 0.3)),
    ("exponential:0.9", 8, 1, lambda o: s.ExponentialLR(o, 0.9)),
    ("cosine", 4, 3, lambda o: s.CosineAnnealingLR(o, 12)),
    ("cosine:floor=0.05", 7, 1, lambda o: s.CosineAnnealingLR(o, 7, eta_min=0.05 * RATE)),
    ("onecycle", 5, 4, lambda o: s.OneCycleLR(o, RATE, total_steps=20)),
    ("onecycle:0.25:10:100", 3, 8,
     lambda o: s.OneCycleLR(o, RATE, total_steps=24, pct_start=0.25, div_factor=10, final_div_factor=100)),
    ("polynomial:2", 6, 2, lambda o: s.PolynomialLR(o, total_iters=12, power=2)),
]

PLATEAUS = [
    ("plateau:1:0.5", dict(patience=1, factor=0.5),
     [1, 0.9, 0.9, 0.91, 0.92, 0.8, 0.8, 0.8, 0.8, 0.8, 0.79999]),
    ("plateau:2:0.1,rising,cooldown=1,threshold=0.01", dict(patience=2, factor=0.1, mode="max", cooldown=1,
                                                            threshold=0.01),
     [0.1, 0.2, 0.201, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3]),
]


def optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)


def show(numbers):
    print(" ".join(f"{x:.15g}" for x in numbers))


def record(text, epochs, steps, make):
    o, rates = optimizer(), []
    schedule = make(o)
    for _ in range(epochs * steps):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if len(rates) < epochs * steps:
            schedule.step()
    print(text, epochs, steps, len(rates))
    show(rates)


def record_plateau(text, options, metrics):
    o, rates = optimizer(), []
    schedule = s.ReduceLROnPlateau(o, **options)
    for metric in metrics:
        o.step()
        schedule.step(metric)
        rates.append(o.param_groups[0]["lr"])
    print(text, len(metrics), 1, len(metrics))
    show(rates)
    show(metrics)


if __name__ == "__main__":
    for case in CASES:
        record(*case)
    for case in PLATEAUS:
        record_plateau(*case)
