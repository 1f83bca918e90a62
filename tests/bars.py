#!/usr/bin/env python3
"""Writes a small data set of idx files: class k is a bright bar at row 2k + 4 on noise, which is easy, but not
without learning. usage: bars.py FOLDER [TRAINING TEST], the numbers of pictures"""
import random
import struct
import sys
from pathlib import Path


def write_idx(path, dims, body):
    path.write_bytes(struct.pack(f">HBB{len(dims)}I", 0, 8, len(dims), *dims) + bytes(body))


def write_split(folder, split, count, seed):
    noise = random.Random(seed)
    pixels, labels = bytearray(), bytearray()
    for i in range(count):
        label = i % 10
        picture = bytearray(noise.randrange(90) for _ in range(28 * 28))
        for x in range(4, 24):
            picture[(2 * label + 4) * 28 + x] = 255 - noise.randrange(60)
        pixels += picture
        labels.append(label)
    write_idx(folder / f"{split}-images-idx3-ubyte", [count, 28, 28], pixels)
    write_idx(folder / f"{split}-labels-idx1-ubyte", [count], labels)


def write(folder, training=400, test=100):
    folder.mkdir()
    write_split(folder, "train", training, 1)
    write_split(folder, "t10k", test, 2)


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:]))
