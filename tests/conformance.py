#!/usr/bin/env python3
"""ONNX vectors and models that nobody here wrote, through `fovea check`.

    conformance.py FOVEA DATA DEVICE FOLDER...

Everything passes or is unsupported with a sentence; the vectors below are the only exceptions, each with
the reason why it cannot pass. One of them passing is a failure too: the list must stay true."""
import json
import pathlib
import subprocess
import sys

RANDOM = "its expected output holds numpy's random numbers"
NO_MODE = "the model lacks the nearest_mode that its name and its expected output need (mended in v1.8.1)"
CANNOT_PASS = {
    "onnx-conformance/node/test_training_dropout": RANDOM,
    "onnx-conformance/node/test_training_dropout_default": RANDOM,
    "onnx-conformance/node/test_training_dropout_mask": RANDOM,
    "onnx-conformance/node-old/v1.6.0/test_resize_upsample_sizes_nearest_ceil_half_pixel": NO_MODE,
    "onnx-conformance/node-old/v1.6.0/test_resize_upsample_sizes_nearest_floor_align_corners": NO_MODE,
}


def check(fovea, device, folder):
    done = subprocess.run([fovea, "check", "--json", "--device", device, str(folder)],
                          capture_output=True, text=True, timeout=1500)
    if done.returncode not in (0, 1):
        sys.exit(f"fovea check {folder}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def main(fovea, data, device, *folders):
    data = pathlib.Path(data).resolve()
    if not data.is_dir():
        print(f"skipped: {data} is not here")
        return 77
    wrong = 0
    for folder in folders:
        report = check(fovea, device, data / folder)
        counts = {k: report[k] for k in ("passed", "failed", "unsupported", "errors")}
        print(f"{folder} on {report['device']}: {counts}")
        for result in report["results"]:
            name = str(pathlib.Path(result["dir"]).resolve().relative_to(data))
            good = result["status"] in ("pass", "unsupported")
            reason = CANNOT_PASS.get(name)
            if good == (reason is not None) or (result["status"] == "unsupported" and not result["detail"]):
                print(f"  {name}: {result['status']}: {result['detail']}")
                wrong += 1
            elif reason:
                print(f"  {name} cannot pass: {reason}")
        wrong += not report["passed"]
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
