#!/usr/bin/env python3
"""Judges what fovea_graph_store_onnx writes: onnx_export.py PROGRAM. The program writes models with inputs and
the outputs of the CPU reference; onnx's checker must accept each model and onnxruntime must compute the same.
Exits 77 with the reason where these Python modules are not installed."""
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator
except ImportError as reason:
    print(f"skipped: {reason}; 'pip install onnx onnxruntime' makes this check possible")
    sys.exit(77)

# The question is whether the written model means the same, not how well either engine rounds: the reference
# checks itself against its bounds elsewhere. A wrong form is off by far more than this.
TOLERANCE = 1e-4


def load(path):
    return numpy_helper.to_array(onnx.load_tensor(str(path)))


def make(path):
    """onnxruntime has no operators of training: the module onnx itself computes those."""
    domains = {node.domain for node in onnx.load(str(path)).graph.node}
    if domains - {"", "ai.onnx"}:
        return ReferenceEvaluator(str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(folder):
    session = make(folder / "model.onnx")
    data = folder / "test_data_set_0"
    inputs = onnx.load(str(folder / "model.onnx")).graph.input
    feeds = {v.name: load(data / f"input_{i}.pb") for i, v in enumerate(inputs)}
    for i, got in enumerate(session.run(None, feeds)):
        expected = load(data / f"output_{i}.pb")
        if isinstance(session, ReferenceEvaluator):
            got = got.astype(expected.dtype)  # numpy's scalars make doubles of floats
        if got.dtype != expected.dtype:
            raise AssertionError(f"output {i} has type {got.dtype}, the reference {expected.dtype}")
        np.testing.assert_allclose(got, expected, rtol=TOLERANCE, atol=TOLERANCE)


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        listing = subprocess.run([sys.argv[1], name], check=True, capture_output=True, text=True).stdout
        lines = dict(line.split(" ", 1) for line in listing.splitlines())
        for number, line in lines.items():
            folder = Path(name) / number
            try:
                onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
                run(folder)
            except Exception as error:  # whatever the two engines raise is a finding
                wrong += 1
                print(f"{line}: {error}")
    print(f"{len(lines)} models written, {wrong} of them wrong (onnx {onnx.__version__}, "
          f"onnxruntime {onnxruntime.__version__})")
    return 1 if wrong or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
