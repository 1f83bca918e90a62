#!/usr/bin/env python3
"""Writes shapes/*.txt: the distinct convolution layers of classic networks at N=1, as problem lines.

    make_shapes.py FOVEA [FOLDER]

The layers are those of `fovea bench --json` of a network that `fovea new` wrote. An activation that is
fused into a layer is left out, since other libraries' convolutions have none, and so are attributes
with their default value. The comment behind a line names its first layer and how many are alike."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORKS = {
    "alexnet": "conv", "vgg16": "conv", "googlenet": "conv", "resnet50": "conv",
    "mobilenet_v2": "depthwise",
}
DEFAULTS = {"strides=1,1", "dilations=1,1", "pads=0,0,0,0", "group=1"}


def layers_of(fovea, network, folder):
    path = folder / f"{network}.onnx"
    subprocess.run([fovea, "new", network, path], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([fovea, "bench", path, "--json", "--no-verify", "--runs", "1"], check=True,
                          stdout=subprocess.PIPE)
    path.unlink()
    return json.loads(done.stdout)["layers"]


def plain(problem):
    words = problem.split()
    return " ".join(w for w in words if w not in DEFAULTS and not w.startswith("activation"))


def is_wanted(problem, kind):
    group = re.search(r" group=(\d+)", problem)
    return problem.startswith("Conv ") and (kind == "conv" or (group and int(group[1]) > 1))


def distinct_lines(layers, kind):
    seen = {}
    for layer in layers:
        line = plain(layer["problem"])
        if is_wanted(line, kind):
            seen.setdefault(line, []).append(layer["node"])
    return [f"{line}  # {nodes[0]}*{len(nodes)}" for line, nodes in seen.items()]


def main():
    fovea = sys.argv[1]
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent / "shapes"
    with tempfile.TemporaryDirectory() as scratch:
        for network, kind in NETWORKS.items():
            lines = distinct_lines(layers_of(fovea, network, Path(scratch)), kind)
            what = "depthwise convolutions" if kind == "depthwise" else "convolutions"
            head = f"# The distinct {what} of {network} at N=1; name*count. By make_shapes.py."
            path = target / f"{network}_{kind}.txt"
            path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
            print(f"{path}: {len(lines)} problems")


if __name__ == "__main__":
    main()
