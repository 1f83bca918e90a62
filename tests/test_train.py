#!/usr/bin/env python3
"""fovea train and fovea eval from outside: learning, the same bits twice, interruption and going on, kills at
random instants (FOVEA_KILLS, default 12), reports, refusals. usage: test_train.py FOVEA"""
import json
import os
import random
import signal
import struct
import subprocess
import time

import bars
import program
from program import check, environment, expect, folder, fovea

KILLS = int(os.environ.get("FOVEA_KILLS", "12"))
data = folder / "digits"
first = folder / "digits.onnx"


def train(*words, code=0):
    return expect(code, "train", "lenet5", "--data", data, "--batch", 20, "--seed", 7, *words)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def read_checkpoint(path):
    """The header of a safetensors file; everything in it must lie inside of the file."""
    blob = path.read_bytes()
    length = struct.unpack_from("<Q", blob)[0]
    header = json.loads(blob[8:8 + length])
    for name, entry in header.items():
        if name != "__metadata__":
            check(8 + length + entry["data_offsets"][1] <= len(blob), f"{path.name}: {name} is cut off")
    return header


def test_learning():
    text = train("--epochs", 3, "--out", first, "--report", folder / "report.html", "--json")
    rows = lines(text)
    check(len(rows) == 4, f"3 epochs and an end are {len(rows)} lines")
    check(rows[2]["test_accuracy"] > 0.95, f"bars are learned to {rows[2]['test_accuracy']}")
    check(rows[2]["loss"] < rows[0]["loss"], "the loss goes down")
    got = json.loads(expect(0, "eval", first, "--data", data, "--json"))
    check(abs(got["accuracy"] - rows[2]["test_accuracy"]) < 1e-9,
          f"eval says {got['accuracy']}, training said {rows[2]['test_accuracy']}")
    check(sum(c["pictures"] for c in got["classes"]) == 100, "eval counts each class")
    names = folder / "names.txt"
    names.write_text("top bar\nsecond bar\n")
    text = expect(0, "eval", first, "--data", data, "--per-class", "--labels", names)
    check(text.startswith("top bar ") and "\nsecond bar " in text and "\n2 " in text,
          f"names of classes in {text!r}")
    html = (folder / "report.html").read_text()
    check(html.count("<svg") == 5 and html.count("<polyline") == 6, "the report has its plots")
    check("http" not in html, "the report needs no other file")
    csv = (folder / "report.csv").read_text().splitlines()
    check(len(csv) == 4 and csv[3].startswith("3,"), "the CSV has a line for each epoch")


def test_bits():
    again = folder / "again.onnx"
    train("--epochs", 3, "--out", again)
    check(again.read_bytes() == first.read_bytes(), "the same seed gives other bits")
    other = folder / "other.onnx"
    train("--epochs", 3, "--seed", 8, "--out", other)
    check(other.read_bytes() != first.read_bytes(), "another seed gives the same bits")
    one = folder / "one.onnx"
    train("--epochs", 3, "--threads", 3, "--out", one)
    check(one.read_bytes() == first.read_bytes(), "the number of reading threads changes bits")


def start(*words):
    return subprocess.Popen([fovea, "train", "lenet5", "--data", str(data), "--batch", "20", "--seed", "7",
                             *map(str, words)], env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path, process):
    for _ in range(600):
        if path.exists() or process.poll() is not None:
            return
        time.sleep(0.05)


def test_interruption():
    """Ctrl-C in the middle of an epoch, then --resume: the same network as without."""
    out = folder / "interrupted.onnx"
    last = folder / "interrupted.checkpoints" / "last.safetensors"
    words = ["--epochs", 3, "--out", out]
    process = start(*words, "--save-every", 1)
    wait_for(last, process)
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=120)[0].decode()
    check(process.returncode == 0, f"Ctrl-C ends with {process.returncode}")
    check("--resume" in text, f"Ctrl-C does not say how to go on: {text!r}")
    check(not out.exists(), "an interrupted training writes a network")
    text = train(*words, "--resume", last.parent)
    check("going on after" in text, "resuming says where it goes on")
    check(out.read_bytes() == first.read_bytes(), "resuming changes bits")


def test_interruption_without_files():
    process = start("--epochs", 1000)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=120)[0].decode()
    check(process.returncode == 0 and "nothing is kept" in text and "--resume" not in text,
          f"without checkpoints Ctrl-C says {text!r}")


def test_kills():
    """Killed at any instant, a training leaves a checkpoint that is whole; going on ends in the same bits."""
    out = folder / "killed.onnx"
    last = folder / "killed.checkpoints" / "last.safetensors"
    words = ["--epochs", 3, "--out", out, "--save-every", 1]
    instants, readable = random.Random(5), 0
    for _ in range(KILLS):
        resume = ["--resume", last] if last.exists() else []
        process = start(*words, *resume)
        if not last.exists():
            wait_for(last, process)
        time.sleep(instants.uniform(0, 0.6))
        process.kill()
        process.communicate()
        read_checkpoint(last)
        readable += 1
    check(readable == KILLS, f"{readable} of {KILLS} checkpoints are whole")
    train(*words, "--resume", last)
    check(out.read_bytes() == first.read_bytes(), "kills change bits")
    check(not list(last.parent.glob("*.tmp")), "kills leave temporary files behind")


def test_options():
    expect(0, "train", first, "--data", data, "--epochs", 1, "--rate", 1e-5, "--freeze", "conv",
           "--batch", 20, "--augment", "none", "--out", folder / "tuned.onnx")
    text = train("--epochs", 20, "--patience", 1, "--rate", 0, "--json")
    check(len(lines(text)) == 3, "without progress, --patience 1 stops after the second epoch")
    text = train("--check", 1)
    check("0 wrong" in text, f"--check finds {text!r}")
    text = expect(0, "train", "lenet5", "--benchmark", 2, "--batch", 2, "--json")
    check(json.loads(text)["median_ms"] > 0, "--benchmark takes time")
    train("--epochs", 1, "--optimizer", "adamw:weight_decay=0.1", "--schedule", "onecycle", "--rate", 0.01,
          "--loss", "binary", "--average", 0.9, "--clip-norm", 1, "--accumulate", 2, "--hold-out", 0.2)


def test_refusals():
    expect(2, "train", "lenet5", says="--data")
    expect(2, "eval", folder / "digits.onnx", says="--data")
    expect(3, "train", "lenet5", "--data", folder / "nowhere", says="nowhere")
    expect(2, "train", "lenet6", "--data", data, says="lenet5, alexnet")
    expect(3, "train", folder / "none.onnx", "--data", data, says="none.onnx")
    for words, says in ((["--optimizer", "best"], "best"), (["--schedule", "x"], "x"),
                        (["--augment", "warp=1"], "warp"), (["--rate", "fast"], "fast"),
                        (["--loss", "none"], "none"), (["--fit", "tight"], "tight"),
                        (["--init", "magic"], "magic")):
        error = expect(2, "train", "lenet5", "--data", data, *words, says=says)
        check(error == "", f"{words} prints something")
    expect(3, "train", "lenet5", "--data", data, "--batch", 500, says="fewer than a batch of 500")
    bad = folder / "bad.safetensors"
    bad.write_bytes(b"\x10\0\0\0\0\0\0\0not json at all!")
    train("--resume", bad, code=3)
    for option in ("--out", "--report"):
        text = train(option, "/nonexistent/x.onnx", "--epochs", 1, code=3)
        check(text == "", f"{option} fails only after {text!r}")
    train("--rate", 1e6, "--epochs", 2, code=1)


bars.write(data)
program.run_tests(globals(), 60)
