#!/usr/bin/env python3
"""Photographs through trained networks: the five best classes must be those that another engine gave.

    top5.py FOVEA DATA DEVICE"""
import csv
import json
import pathlib
import subprocess
import sys

PRESETS = {"squeezenet1.0-dc": "squeezenet", "mobilenet_v2_1.0_224": "mobilenet"}
DECIMALS = 1e-4  # the table's probabilities are rounded to four decimals


def table(path):
    rows = {}
    with open(path) as file:
        for row in csv.DictReader(file, delimiter="\t"):
            best = [part.split(":")[:2] for part in row["top5 (index0-999:prob:label)"].split("; ")]
            rows.setdefault(row["model"], {})[row["file"]] = [(int(c), float(p)) for c, p in best]
    return rows


def run(fovea, device, model, preset, pictures):
    done = subprocess.run([fovea, "run", "--json", "--device", device, "--preset", preset, str(model)]
                          + [str(p) for p in pictures], capture_output=True, text=True, timeout=1200)
    if done.returncode:
        sys.exit(f"fovea run {model}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["results"]


def main(fovea, data, device):
    data = pathlib.Path(data)
    if not (data / "images" / "top5.tsv").is_file():
        print(f"skipped: {data}/images/top5.tsv is not here")
        return 77
    wrong = total = 0
    for model, wanted in table(data / "images" / "top5.tsv").items():
        results = run(fovea, device, data / "models" / model / "model.onnx", PRESETS[model],
                      [data / "images" / name for name in wanted])
        for result, (name, best) in zip(results, wanted.items(), strict=True):
            total += 1
            got = [(t["class"], t["score"]) for t in result["top"]]
            if [c for c, _ in got] != [c for c, _ in best] or \
                    any(abs(p - q) > DECIMALS for (_, p), (_, q) in zip(got, best)):
                wrong += 1
                print(f"{model} {name}: {got}, expected {best}")
    print(f"{total - wrong} of {total} pictures have the expected five best classes")
    return 1 if wrong or not total else 0


sys.exit(main(*sys.argv[1:]))
