#!/usr/bin/env python3
"""The benchmark beside other engines: its table, its lines for the peers, and the peers in C where their
libraries are installed: test_peers.py"""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
import peers  # noqa: E402
import peers_table  # noqa: E402

PROBLEM = "Conv 2x6x9x8 4x3x3x2 4 strides=2,1 pads=1,0,1,0 group=2 dilations=1,2"
LINE = "2 2 6 9 8 4 3 2 2 1 1 0 1 0 1 2"
failures, checks = [], 0


def check(good, what):
    global checks
    checks += 1
    if not good:
        failures.append(what)


def make_rows():
    fast, slow = (peers_table.Row("networks", work, "d") for work in ("vgg16 N=1", "other N=1"))
    for median, best in ((2, 1), (4, 2), (3, 1.5)):
        fast.add("fovea", median, best, 100)
    fast.add("onnxruntime", 6, 5, 200)
    slow.add("fovea", 8, 4)
    slow.add("onnxruntime", 4, 4)
    fast.verdict("fovea", "not verified")
    fast.verdict("fovea", "right")
    fast.verdict("fovea", "not verified")
    slow.mark_absent({"torch": "absent: no module"})
    return fast, slow


def test_table():
    fast, slow = make_rows()
    check(fast.ratio("onnxruntime") == 2 and fast.ratio("onnxruntime", "best") == 5, "ratios")
    check(fast.verdicts["fovea"] == "right" and not fast.is_wrong(), "verdicts")
    check(abs(peers_table.mean([0.5, 2, None]) - 1) < 1e-12, "geometric mean")
    summary = peers_table.summary([fast, slow])
    check("| networks | onnxruntime | 1.00 | 2.24 | 0.50 to 2.00 | 2 |" in summary, f"summary {summary}")
    check("| VGG16 | onnxruntime | 2.00 | 5.00 |" in summary and "PyTorch | absent" in summary, "VGG16")
    check("0.50 to 0.50" in summary.split("Peak memory")[1], "peak memory")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.csv"
        peers_table.write(path, [fast, slow])
        again = peers_table.read(path)
        check(peers_table.summary(again) == summary, "a table comes back from its file")
        slow.verdict("onnxruntime", "DIFFERS")
        check(slow.is_wrong() and "DIFFERS" in peers_table.document([slow]), "a wrong result is shown")
        kept = peers.keep(Path(folder), [fast, slow], [make_rows()[1]], {})
        check([row.work for row in kept] == ["vgg16 N=1", "other N=1"] and not kept[1].is_wrong(),
              "a new row takes the old one's place")


def test_peers_in_c():
    check(peers.peer_conv(PROBLEM) == LINE, f"the peers' line {peers.peer_conv(PROBLEM)}")
    gemm = "3 4 5\n7 1 9\n"
    with tempfile.TemporaryDirectory() as folder:
        for name, libraries in peers.C_PEERS.items():
            program = Path(folder) / name
            built = subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1",
                                    ROOT / "benchmarks" / f"peer_{name}.c", "-o", program, *libraries,
                                    "-lm"], capture_output=True, text=True, check=False)
            if built.returncode:
                print(f"{name} is not installed: {built.stderr.splitlines()[0]}")
                check("No such file" in built.stderr or "cannot find" in built.stderr, built.stderr)
            elif name != "clblast":  # which needs a device
                lines = f"{LINE}\n1 {LINE[2:]}\n" if name == "onednn" else gemm
                done = subprocess.run([program, "0.001"], input=lines, capture_output=True, text=True,
                                      check=False).stdout.split()
                check(len(done) == 6 and done[2::3] == ["right", "right"] and
                      all(float(x) > 0 for x in done[:2] + done[3:5]), f"{name} answers {done}")


for test in [value for name, value in list(globals().items()) if name.startswith("test_")]:
    test()
print("".join(f"wrong: {text}\n" for text in failures) + f"{checks} checks, {len(failures)} wrong")
sys.exit(1 if failures else 0)
