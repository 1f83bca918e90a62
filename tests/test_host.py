#!/usr/bin/env python3
"""Runs the program as a user would: test_host.py FOVEA LENET5_MODEL

Exit codes, JSON that parses, bad files, full disks, readers that leave; pictures against values that
Pillow gave. Every command must end with one of the five exit codes, and a failure with one sentence."""
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import program
from program import (call, check, environment, expect, expect_json, folder, fovea, idx_file, npy_file,
                     onnx_file, png_file, read_npy, tensor_file)

model = sys.argv[2]


# ---- Tests ----

def test_usage():
    expect(2)
    expect(2, "frobnicate", says="frobnicate")
    expect(2, "devices", "--divice", "x", says="--device")
    expect(2, "devices", "--device", says="needs a value")
    expect(2, "devices", "extra", says="too many")
    expect(2, "run", says="too few")
    expect(2, "run", model, "x.png", "--top", "many", says="--top")
    expect(2, "run", model, "x.png", "--json=1", says="takes no value")
    check("fovea run" in expect(0, "--help"), "--help has no examples")
    for command in ("devices", "info", "run", "verify", "check", "bench", "tune", "new", "show"):
        text = expect(0, command, "--help")
        check("Examples:" in text and "--device" in text, f"{command} --help lacks something")
    check(expect(0, "--version").startswith("fovea "), "--version")


def test_devices():
    listed = expect_json(0, "devices").get("devices", [])
    check(any(d["id"] == "reference" and d["usable"] for d in listed), "the reference is not listed")
    check("reference" in expect(0, "devices", "-v"), "devices -v")
    expect(4, "run", model, idx_file(folder / "one.idx", (1, 28, 28), [0] * 784),
           "--device", "no such device", says="no such device")


def test_info():
    about = expect_json(0, "info", model)
    check(about.get("parameters") == 61706, f"parameters {about.get('parameters')}")
    check(about.get("ops", {}).get("Conv") == 2, "ops")
    check(about.get("flops", 0) > 5e5, "flops")
    check("Conv 2" in expect(0, "info", model), "info as text")
    expect(3, "info", folder / "missing.onnx", says="missing.onnx")
    (folder / "bad.onnx").write_bytes(b"this is no model")
    expect(3, "info", folder / "bad.onnx", says="bad.onnx")
    unknown = onnx_file(folder / "unknown.onnx", "Frobnicate", [("x", [2])], [("y", [2])])
    expect(3, "info", unknown, says="Frobnicate")


def test_run():
    pictures = idx_file(folder / "p.idx", (3, 28, 28), [i * 7 % 256 for i in range(3 * 784)])
    labels = idx_file(folder / "l.idx", (3,), [1, 2, 3])
    out = folder / "out.npy"
    reference = ("--device", "reference")
    ran = expect_json(0, "run", model, pictures, "--truth", labels, "--output", out, *reference)
    check(len(ran.get("results", [])) == 3 and ran.get("pictures") == 3, "three pictures")
    shape, values = read_npy(out)
    check(shape == (3, 10) and len(values) == 30, f"the shape of the output is {shape}")
    for row, result in enumerate(ran.get("results", [])):
        best = max(range(10), key=lambda c, row=row: values[10 * row + c])
        check(result["top"][0]["class"] == best and len(result["top"]) == 5, "the top 5")
    # The batch, the form of the file and the way of naming the input make no difference.
    scaled = npy_file(folder / "p.npy", (3, 1, 28, 28),
                      [i * 7 % 256 / 255 for i in range(3 * 784)], "f8")
    name = expect_json(0, "info", model)["inputs"][0]["name"]
    for words in ((pictures, "--batch", 1), (pictures, "--batch", 2), (scaled,), (f"{name}={scaled}",)):
        expect(0, "run", model, *words, "--output", folder / "again.npy", *reference)
        again = read_npy(folder / "again.npy")[1]
        check(len(again) == 30 and max(abs(a - b) for a, b in zip(again, values)) < 1e-6,
              f"run {words} gives other values")
    one = expect_json(0, "run", model, pictures, "--index", 2, "--top", 3, *reference)
    check(len(one["results"]) == 1 and len(one["results"][0]["top"]) == 3, "--index, --top")
    check("ms" in expect(0, "run", model, pictures, "--profile", *reference), "--profile")
    expect(3, "run", model, pictures, "--index", 3, says="3 pictures")
    expect(3, "run", model, pictures, "--count", 4, says="3 pictures")
    expect(3, "run", model, pictures, "--truth", idx_file(folder / "short.idx", (2,), [1, 2]),
           *reference, says="2 classes")
    expect(2, "run", model, pictures, "--preset", "nonsense", says="imagenet")
    expect(2, "run", model, says=name)
    expect(3, "run", model, pictures, "--output", "/dev/full", *reference, says="/dev/full")


def test_parts():
    """On a device that does not give the memory for 32 pictures at once."""
    pictures = idx_file(folder / "many.idx", (32, 28, 28), [i * 5 % 256 for i in range(32 * 784)])
    words = ("--batch", 32, "--device", "reference")
    outputs = folder / "whole.npy", folder / "parts.npy"
    check(expect_json(0, "run", model, pictures, "--output", outputs[0], *words)["parts"] == 1, "one part")
    environment["FOVEA_MAX_ALLOCATION"] = "310000"
    check(expect_json(0, "run", model, pictures, "--output", outputs[1], *words)["parts"] == 2, "two parts")
    check(read_npy(outputs[0]) == read_npy(outputs[1]), "the parts give other values")
    check("runs in 2 parts" in expect(0, "run", model, pictures, *words), "the parts of run")
    check(expect_json(0, "info", model, "--batch", 32)["parts"] == 2, "the parts of info")
    check("parts        2" in expect(0, "info", model, "--batch", 32), "info tells of parts")
    done = expect_json(0, "bench", model, "--runs", 2, *words)
    check(done["parts"] == 2 and done["batch"] == 32 and done["verdict"] == "right", "the parts of bench")
    check("runs in 2," in expect(0, "bench", model, "--runs", 2, *words), "bench tells of parts")
    checked = expect_json(0, "verify", model, pictures, *words)
    check(checked["checked"] == len(checked["layers"]) < 14, "each layer is verified once")
    expect(4, "bench", "--problem", "Relu 1000x200", "-d", "reference", says="gives in one piece")
    environment["FOVEA_MAX_ALLOCATION"] = "90000"
    expect(4, "run", model, pictures, *words, says="input 'input'")
    del environment["FOVEA_MAX_ALLOCATION"]


def test_bad_inputs():
    for name, data in (("text.png", b"hello"), ("cut.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
                       ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ("empty.bmp", b""),
                       ("huge.ppm", b"P6 999999999 999999999 255\n"), ("cut.ppm", b"P5 28 28 255\nab"),
                       ("cut.bmp", b"BM" + bytes(60)), ("cut.npy", b"\x93NUMPY\x01\x00\xff\xff{"),
                       ("cut.gz", b"\x1f\x8b\x08" + bytes(30)), ("bad.pb", b"\xff\xff\xff\xff")):
        (folder / name).write_bytes(data)
        expect(3, "run", model, folder / name, "--device", "reference", says=name)
    wrong = npy_file(folder / "wrong.npy", (2, 5), range(10))
    expect(3, "run", model, wrong, says="shape 2x5")
    expect(3, "run", model, folder / "missing.png", says="missing.png")
    expect(3, "run", model, folder, says=str(folder))


def test_pictures():
    """A gradient of 9 x 6 pixels, scaled to 4 x 3: Pillow's resize((4, 3), Image.BILINEAR) gave
    these bytes; Pillow's convert("L") the grey ones."""
    width, height = 9, 6
    pixel = [[[(x * 29 + y * 3) % 256, (x * x + 40 * y) % 256, (255 - 11 * x * y) % 256]
              for x in range(width)] for y in range(height)]
    identity = onnx_file(folder / "i.onnx", "Identity", [("x", [1, 3, "h", "w"])],
                         [("y", [1, 3, "h", "w"])])
    flat = [[c for p in row for c in p] for row in pixel]
    with_alpha = [[c for p in row for c in (*p, 7)] for row in pixel]
    ppm = folder / "g.ppm"
    ppm.write_bytes(b"P6 %d %d 255\n" % (width, height) + bytes(c for row in flat for c in row))
    text = folder / "g3.ppm"
    text.write_text(f"P3 {width} {height} 255\n" + " ".join(str(c) for row in flat for c in row))
    png = png_file(folder / "g.png", width, height, flat, 3)
    rgba = png_file(folder / "a.png", width, height, with_alpha, 4)
    bmp = folder / "g.bmp"
    rows = [b"".join(bytes((p[2], p[1], p[0])) for p in row).ljust(28, b"\0") for row in pixel]
    bmp.write_bytes(b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + 28 * height, 0, 54, 40, width, height,
                                        1, 24, 0, 0, 0, 0, 0, 0) + b"".join(rows[::-1]))
    out = folder / "picture.npy"
    for path in (ppm, text, png, rgba, bmp):
        expect(0, "run", identity, path, "--preset", "raw", "--output", out, "--device", "reference")
        shape, values = read_npy(out)
        wanted = [pixel[y][x][c] for c in range(3) for y in range(height) for x in range(width)]
        check(shape == (1, 3, height, width) and list(values) == wanted, f"{path.name}: other pixels")
    expect(0, "run", identity, png, "--preset", "raw", "--size", "3x4", "--output", out, "--bgr",
           "--device", "reference")
    shape, values = read_npy(out)
    check(shape == (1, 3, 3, 4), "--size")
    wanted = PILLOW_SCALED  # red, green, blue
    check([int(v) for v in values[24:]] == wanted[0:12] and [int(v) for v in values[12:24]] ==
          wanted[12:24] and [int(v) for v in values[:12]] == wanted[24:],
          f"scaled: {list(values)}, Pillow has {wanted}")
    expect(0, "run", identity, png, "--mean", "1,2,3", "--std", "2", "--scale", "0.5", "--resize-mode",
           "squash", "--output", out, "--device", "reference")
    values = read_npy(out)[1]
    check(values[0] == (pixel[0][0][0] * 0.5 - 1) / 2 and
          values[54 + 53] == (pixel[5][8][1] * 0.5 - 2) / 2, "--mean, --std, --scale")
    grey = onnx_file(folder / "l.onnx", "Identity", [("x", [1, 1, 6, 9])], [("y", [1, 1, 6, 9])])
    expect(0, "run", grey, png, "--preset", "raw", "--output", out, "--device", "reference")
    check([int(v) for v in read_npy(out)[1]] == PILLOW_GREY, "grey")


PILLOW_SCALED = [
    26, 85, 151, 210, 32, 91, 157, 216, 37, 96, 162, 221, 30, 38, 56, 81, 101, 109, 127, 152,
    172, 180, 198, 183, 249, 233, 214, 199, 233, 177, 124, 125, 216, 123, 133, 150]
PILLOW_GREY = [
    29, 38, 49, 60, 73, 87, 102, 119, 136, 53, 61, 71, 81, 93, 105, 119, 134, 150, 78, 85, 92,
    102, 112, 123, 136, 150, 165, 102, 108, 114, 122, 131, 141, 153, 165, 208, 127, 131, 136,
    143, 151, 160, 199, 210, 223, 151, 154, 158, 163, 170, 207, 216, 226, 87]


def test_several_inputs():
    add = onnx_file(folder / "add.onnx", "Add", [("a", [2]), ("b", [2])], [("y", [2])])
    a = npy_file(folder / "a.npy", (2,), [1, 2])
    b = tensor_file(folder / "b.pb", (2,), [10, 20])
    out = folder / "sum.npy"
    for words in ((a, b), (f"b={b}", f"a={a}"), (f"b={b}", a)):
        expect(0, "run", add, *words, "-o", f"y={out}", "-d", "reference")
        check(read_npy(out) == ((2,), (11, 22)), f"run add {words}")
    expect(2, "run", add, a, says="'b'")
    expect(2, "run", add, a, b, a, says="too many")
    expect(0, "run", add, a, b, "-o", folder / "sum.pb", "-d", "reference")
    expect(0, "run", add, folder / "sum.pb", a, "-o", out, "-d", "reference")
    check(read_npy(out) == ((2,), (12, 24)), "an output as input")


def test_verify():
    for device in ("reference", "all"):
        done = expect_json(0, "verify", model, "--device", device)
        for one in done.get("devices", [done]):
            check(len(one["layers"]) >= 5 and one["wrong"] == 0, f"verify on {device}")
            for key in ("node", "op", "algorithm", "error", "bound", "ratio", "verdict"):
                check(all(key in layer for layer in one["layers"]), f"verify --json lacks {key}")
    done = expect_json(0, "verify", "--problem", "Relu 7", "--device", "reference", "--exact")
    check([layer["verdict"] for layer in done["layers"]] == ["right"], "verify --problem")
    expect(3, "verify", "--problem", "Relu 7x", "-d", "reference")
    expect(2, "verify", model, "--problem", "Relu 7", says="--problem")
    pictures = idx_file(folder / "v.idx", (2, 28, 28), [9] * 2 * 784)
    check("2 wrong" not in expect(0, "verify", model, pictures, "-d", "reference"), "verify INPUT")


def test_check():
    tests = folder / "tests"
    for name, op, wanted in (("test_1", "Relu", [0, 2]), ("test_2", "Neg", [1, -2]),
                             ("test_10", "Neg", [1, -2.001]), ("test_11", "Frobnicate", [0, 0])):
        data = tests / name / "test_data_set_0"
        data.mkdir(parents=True)
        onnx_file(tests / name / "model.onnx", op, [("x", [2])], [("y", [2])])
        tensor_file(data / "input_0.pb", (2,), [-1, 2])
        tensor_file(data / "output_0.pb", (2,), wanted)
    (tests / "test_12").mkdir()
    (tests / "test_12" / "model.onnx").write_bytes(b"nonsense")
    done = expect_json(1, "check", tests, "-d", "reference")
    counts = [done.get(key) for key in ("passed", "failed", "unsupported", "errors")]
    check(counts == [2, 1, 1, 1], f"check counts {counts}")
    got = [(Path(r["dir"]).name, r["status"]) for r in done.get("results", [])]
    check(got == [("test_1", "pass"), ("test_2", "pass"), ("test_10", "fail"),
                  ("test_11", "unsupported"), ("test_12", "error")], f"check results {got}")
    check(done.get("device") == "reference", "check device")
    check("2.00099" in str(done["results"][2]["detail"]), "a failure's values")
    expect(0, "check", tests / "test_1", tests / "test_2", "-d", "reference")
    wrong = tests / "test_1" / "test_data_set_0"
    tensor_file(wrong / "output_0.pb", (1, 2), [0, 2])
    expect(1, "check", tests / "test_1", "-d", "reference")
    expect(3, "check", folder / "cache", says="model.onnx")
    expect(3, "check", folder / "missing", says="missing")


def test_bench_model():
    for words in ((), ("--no-verify", "--batch", 3)):
        done = expect_json(0, "bench", model, "--runs", 5, *words)
        for key in ("model", "device", "batch", "median_ms", "best_ms", "q1_ms", "q3_ms",
                    "images_per_second", "gflops", "load_ms", "build_ms", "plan_ms", "first_run_ms",
                    "tune_ms", "peak_bytes", "arena_bytes", "parameter_bytes", "parts", "verdict", "roof",
                    "layers"):
            check(key in done, f"bench --json lacks {key}")
        times = [done[key] for key in ("best_ms", "q1_ms", "median_ms", "q3_ms")]
        check(0 < times[0] and times == sorted(times) and done["runs"] == 5, f"times {times}")
        check(done["verdict"] == ("not verified" if words else "right"), "verdict of bench")
        check(done["batch"] == (3 if words else 1), "batch of bench")
        rate = 1000 * done["batch"] / done["median_ms"]
        check(abs(done["images_per_second"] / rate - 1) < 1e-6, "images a second")
        check(done["peak_bytes"] > done["parameter_bytes"] > 2e5, "bytes of bench")
        check([layer["node"] for layer in done["layers"]][:2] == ["conv1", "pool1"], "layers of bench")
        if not words:
            check(done["layers"][0]["verdict"] == "right", "the verdict of a layer")
        layer, roof = done["layers"][0], done["roof"]
        least = max(layer["flops"] / roof["gflops"], layer["bytes"] / roof["gbytes_per_second"]) * 1e-6
        check(abs(layer["roof_share"] * layer["median_ms"] / least - 1) < 1e-6, "share of the roof")
    text = expect(0, "bench", model, "--seconds", 0.05, "--profile", "-d", "reference")
    check(": right" in text and "conv2" in text, "bench as text")
    rows = expect(0, "bench", model, "--runs", 2, "--csv").splitlines()
    check(rows[0].startswith("node,problem,") and rows[1].startswith(f'"{model}"'), "bench --csv")
    check("not verified" in expect(0, "bench", model, "--runs", 1, "--no-verify"), "--no-verify")
    check(expect_json(0, "bench", model, "--runs", 1, "--no-layers")["layers"] == [], "--no-layers")


def test_bench_problems():
    lines = folder / "lines.txt"
    line = "Conv 1x3x8x8 4x3x3x3 4 pads=1,1,1,1"
    lines.write_text(f"# a comment\n\n  {line}  # conv*2\r\nRelu 2x5")
    for device in ((), ("-d", "reference")):
        rows = expect_json(0, "bench", "--file", lines, "--runs", 3, *device)["rows"]
        check([row["problem"] for row in rows] == [line, "Relu 2x5"], "rows of bench --file")
        check(all(row["verdict"] == "right" and row["median_ms"] >= row["best_ms"] > 0 and
                  row["chosen"] for row in rows), f"verdicts and times {rows}")
    rows = expect_json(0, "bench", "--problem", line, "--all-algorithms", "--runs", 3)["rows"]
    names = [row["algorithm"] for row in rows]
    check(len(set(names)) == len(names) and [row["chosen"] for row in rows].count(True) == 1,
          f"algorithms {names}")
    shapes = Path(__file__).resolve().parent.parent / "benchmarks" / "shapes"
    depthwise = shapes / "mobilenet_v2_depthwise.txt"
    rows = expect_json(0, "bench", "--file", depthwise, "--runs", 1)["rows"]
    check(len(rows) == 10 and all(row["verdict"] == "right" for row in rows), "depthwise shapes")
    for path in [depthwise, *shapes.glob("*_conv.txt")]:
        check_shapes(path)
    check(all(0 < row["step_best_ms"] <= row["step_median_ms"] for row in rows), "steps by themselves")
    rows = expect_json(0, "bench", "elementwise", "--file", lines, "--runs", 1)["rows"]
    check([row["problem"] for row in rows] == ["Relu 2x5"], "a family's lines of a file")
    rows = expect_json(0, "bench", "conv", "--shape", line, "--runs", 1)["rows"]
    check([row["problem"] for row in rows] == [line], "bench conv --shape")
    rows = expect_json(0, "bench", "gemm", "--shape", "MatMul 3x4 4x5", "--constant", "x0",
                       "--runs", 1)["rows"]
    check(rows[0]["verdict"] == "right", "a constant left operand")
    rows = expect_json(0, "bench", "--problem", line, "--fastest", "--runs", 1)["rows"]
    check(len(rows) == 1 and rows[0]["algorithm"] in names and rows[0]["verdict"] == "right",
          f"the fastest of {names} is {rows}")
    expect(2, "bench", "--problem", line, "--fastest", "--all-algorithms", says="only one of")
    expect(2, "bench", model, "--fastest", says="--fastest goes with")
    expect(2, "bench", "--problem", line, "--constant", "x9", says="x9")
    expect(2, "bench", "pool", "--shape", line, says="is no line of pool")
    expect(3, "bench", "pool", "--file", lines, says="holds no line of pool")
    expect(2, "bench", "pool", says="needs --shape")
    (folder / "bad.txt").write_text("Relu 7x\nRelu 3\n")
    done = expect_json(3, "bench", "--file", folder / "bad.txt", "--runs", 1)
    check(len(done["rows"]) == 1 and "Relu 7x" in done["error"], "a bad line hides the others")
    (folder / "empty.txt").write_text("# nothing\n")
    expect(3, "bench", "--file", folder / "empty.txt", says="no problem line")
    expect(3, "bench", "--file", model, says="no file of problem lines")
    expect(3, "bench", "--file", folder / "missing.txt", says="missing.txt")
    expect(3, "bench", folder / "missing.onnx", says="missing.onnx")
    for words in ((), (model, "--problem", line), (model, model), (model, "--json", "--csv"),
                  (model, "--all-algorithms"), (model, "--seconds", 0), (model, "--runs", 0),
                  (model, "--runs", 1, "--seconds", 1), ("--problem", " ")):
        expect(2, "bench", *words)


def test_bench_device():
    """What is measured has sane sizes, is right, and is the roof of later runs."""
    expect(2, "bench", "device", "--json", "--csv")
    expect(2, "bench", "device", "-d", "reference", says="no device to measure")
    if all(d["id"] == "reference" or not d["usable"] for d in expect_json(0, "devices")["devices"]):
        return
    before = expect_json(0, "bench", "--problem", "Relu 7", "--runs", 1)["roof"]
    done = expect_json(0, "bench", "device")
    lines = {(line["group"], line["name"]): line for line in done["lines"]}
    check({group for group, _ in lines} >= {"peak", "memory", "launch", "transfer"}, f"groups {lines}")
    check(all(line["verdict"] == "right" and 0 < line["low"] <= line["median"] <= line["high"]
              for line in lines.values()), "lines of bench device")
    peaks = [lines["peak", f"vectors of {2 ** i}"]["best"] for i in range(5)]
    roof = done["roof"]
    check(roof["origin"] == "measured" and abs(max(peaks) / roof["gflops"] - 1) < 1e-4, f"peak {roof}")
    rates = [lines["memory", name]["best"] for name in ("read", "copy", "triad")]
    check(abs(max(rates) / roof["gbytes_per_second"] - 1) < 1e-4, f"memory {roof} {rates}")
    after = expect_json(0, "bench", "--problem", "Relu 7", "--runs", 1)["roof"]
    check(before["origin"] == "estimated" and after == roof, f"remembered {before} {after}")
    text = expect(0, "bench", "--problem", "Relu 7", "--runs", 1)
    check("measured on this device" in text, "origin of the roof")


def check_shapes(path):
    """Each problem once, and its numbers fit: channels, groups, the bias."""
    lines = [line.split("#")[0].split() for line in path.read_text().splitlines()]
    lines = [words for words in lines if words]
    check(len({tuple(words) for words in lines}) == len(lines) >= 5, f"{path.name}: repeats itself")
    for op, x, weights, bias, *attributes in lines:
        group = int(dict(word.split("=") for word in attributes).get("group", 1))
        x, weights = ([int(n) for n in shape.split("x")] for shape in (x, weights))
        check(op == "Conv" and x[0] == 1 and x[1] == group * weights[1] and
              weights[0] == int(bias) and weights[0] % group == 0, f"{path.name}: {x} {weights}")


def test_bench_wrong():
    """A kernel that is broken on purpose: the time is printed, with WRONG beside it."""
    if all(d["id"] == "reference" or not d["usable"] for d in expect_json(0, "devices")["devices"]):
        return
    kernels = folder / "kernels"
    shutil.copytree(Path(__file__).resolve().parent.parent / "cl_kernels", kernels)
    conv = kernels / "conv_direct.cl"
    whole = conv.read_text()
    conv.write_text(whole.replace("sum[o] += w", "sum[o] -= w"))
    check(conv.read_text() != whole, "the kernel was not broken")
    environment["FOVEA_KERNEL_DIR"] = str(kernels)
    done = expect_json(1, "bench", model, "--runs", 1, "--algorithm", "conv_direct")
    line = "Conv 1x3x8x8 4x3x3x3 4 pads=1,1,1,1"
    text = expect(1, "bench", "--problem", line, "--runs", 1, "--algorithm", "conv_direct",
                  says="conv_direct")
    del environment["FOVEA_KERNEL_DIR"]
    verdicts = {layer["node"]: layer["verdict"] for layer in done["layers"]}
    check(done["verdict"] == "wrong" and verdicts["conv1"] == "wrong" and
          verdicts["fc1"] == "right", f"verdicts {done['verdict']} {verdicts}")
    check("WRONG" in text, "no WRONG beside the time")


def bench_file(name, rows):
    path = folder / name
    path.write_text(json.dumps({"device": "d", "rows": [
        {"problem": problem, "algorithm": algorithm, "chosen": True, "median_ms": times[1],
         "q1_ms": times[0], "q3_ms": times[2], "best_ms": times[0], "verdict": verdict}
        for problem, algorithm, times, verdict in rows]}))
    return path


def test_bench_compare():
    a = bench_file("a.json", [("p", "x", (9, 10, 11), "right"), ("q", "x", (9, 10, 11), "right"),
                              ("r", "x", (9, 10, 11), "right"), ("s", "x", (1, 1, 1), "right")])
    b = bench_file("b.json", [("r", "y", (8, 10.5, 12), "right"), ("p", "x", (4, 5, 6), "right"),
                              ("q", "x", (19, 20, 21), "right"), ("t", "x", (1, 1, 1), "right")])
    if call("bench", "compare", a, b).stderr.endswith(b"no json-c, so it cannot be read\n"):
        return
    done = expect_json(0, "bench", "compare", a, b)
    got = [(line["line"], line["ratio"], line["verdict"]) for line in done["lines"]]
    check(got == [("p", 0.5, "faster"), ("q", 2, "slower"), ("r", 1.05, "same")], f"compare {got}")
    check(abs(done["geometric_mean"] - 1.05 ** (1 / 3)) < 1e-6, "geometric mean")
    check((done["only_a"], done["only_b"]) == (1, 1), "lines of one file only")
    check(abs(done["lines"][0]["ratio_low"] - 4 / 11) < 1e-6, "spread of the ratio")
    check("1 faster, 1 slower, 1 the same" in expect(0, "bench", "compare", a, b), "compare as text")
    wrong = bench_file("wrong.json", [("p", "x", (1, 1, 1), "wrong")])
    check("WRONG in B" in expect(1, "bench", "compare", a, wrong), "a wrong line")
    mine = folder / "mine.json"
    mine.write_text(expect(0, "bench", model, "--runs", 3, "--json"))
    itself = expect_json(0, "bench", "compare", mine, mine)
    check(itself["lines"][0]["line"] == "(whole model)" and len(itself["lines"]) > 5 and
          all(line["verdict"] == "same" for line in itself["lines"]), "a file and itself")
    expect(3, "bench", "compare", a, mine, says="no line in common")
    expect(3, "bench", "compare", a, model, says="no JSON object")
    expect(3, "bench", "compare", folder / "missing.json", a, says="missing.json")
    for number, text in enumerate(("", "[]", "{}", "{\"rows\": [1, null, {}]}", "{" * 2000)):
        (folder / f"bad{number}.json").write_text(text)
        expect(3, "bench", "compare", a, folder / f"bad{number}.json")


def test_leaving_readers():
    with open("/dev/full", "wb") as full:
        for words in (["devices"], ["devices", "--json"], ["--help"], ["info", model]):
            done = subprocess.run([fovea, *words], stdout=full, stderr=subprocess.PIPE, env=environment,
                                  timeout=60, check=False)
            check(done.returncode == 3 and b"cannot write" in done.stderr,
                  f"{words} on a full disk: {done.returncode} {done.stderr}")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([fovea, "verify", model, "-d", "reference"], stdout=writer,
                          stderr=subprocess.PIPE, env=environment, timeout=60, check=False)
    os.close(writer)
    check(done.returncode > 0 and b"cannot write" in done.stderr,
          f"a reader that leaves: {done.returncode} {done.stderr}")


def test_new():
    path = folder / "new.onnx"
    made = expect_json(0, "new", "lenet5", path, "--seed", 3, "--classes", 7)
    about = expect_json(0, "info", path)
    check(about["parameters"] == made["parameters"] == 61706 - 3 * 85, "parameters of new")
    check(about["outputs"][0]["shape"][-1] == 7, "--classes")
    first = path.read_bytes()
    expect(0, "new", "lenet5", path, "--seed", 3, "--classes", 7)
    check(path.read_bytes() == first, "the same seed gives another file")
    expect(0, "new", "lenet5", path, "--seed", 4, "--classes", 7)
    check(path.read_bytes() != first, "another seed gives the same file")
    expect(0, "verify", path, "--batch", 2, "-d", "reference")
    expect(2, "new", "nonet", path, says="resnet50")
    expect(3, "new", "lenet5", "/dev/full", says="/dev/full")


def test_tune():
    rows, one = folder / "rows.txt", idx_file(folder / "tuned.idx", (1, 28, 28), [9] * 784)
    done = expect_json(0, "run", model, one, "--tune", "quick", "--tune-seconds", 60)
    check(done["plan_ms"] > 0 and len(done["results"]) == 1, "run --tune")
    done = expect_json(0, "tune", model, "--seconds", 60, "--export", rows)
    check(done["known"] == done["problems"] and done["tuned"] == 0, "what run tuned is known")
    check(done["exported"] == len(rows.read_text().splitlines()) - 2, "tune --export")
    done = expect_json(0, "tune", "--forget", "--import", rows, model)
    check(done["imported"] > 0 and done["known"] == done["problems"] > 0, "tune --import")
    done = expect_json(0, "tune", "--forget", model, "--seconds", 1)
    check(done["seconds"] < 30, "the budget of tune")
    check(expect_json(0, "bench", model, "--runs", 5, "--tune", "quick")["tune_ms"] > 0, "bench --tune")
    check(expect_json(0, "tune", model, "-d", "reference")["problems"] == 0, "tuning the reference")
    rows.write_text("x" + rows.read_text())
    expect(3, "tune", "--import", rows, says="rows.txt: is no file of tuning results")
    expect(3, "tune", folder / "missing.onnx", says="missing.onnx")
    expect(2, "tune", says="MODEL")
    expect(2, "tune", model, "--level", "much", says="much")
    expect(2, "run", model, one, "--tune", "much", says="much")
    expect(2, "bench", "--problem", "Relu 2x2", "--tune", "quick", says="MODEL")


program.run_tests(globals(), 100)
