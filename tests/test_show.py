#!/usr/bin/env python3
"""What `fovea show` draws and counts: test_show.py FOVEA LENET5_MODEL

Colours of known filters and maps, statistics and gradients against numbers worked out here, layers that
are no pictures, numbers that are none, folders that cannot be written."""
import math
import random
import struct
import sys
import zlib

import program
from program import (call, check, expect, expect_json, folder, idx_file, npy_file, onnx_model, onnx_node,
                     png_file, read_npy)

model = sys.argv[2]
REFERENCE = ("--device", "reference")
MARGIN, TOP = 32, 116  # where a page without an input picture begins
INPUT = 288 + 28  # what the input picture takes besides
MAGENTA = (255, 0, 255)
DARK, BRIGHT = (68, 1, 84), (253, 231, 37)  # the ends of viridis


def read_png(path):
    """Width, height and a function (x, y) -> (red, green, blue), after the PNG specification."""
    data = path.read_bytes()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path}: no PNG")
    at, body, size = 8, b"", (0, 0)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at + 8:at + 8 + length]
        crc = struct.unpack_from(">I", data, at + 8 + length)[0]
        check(crc == zlib.crc32(kind + chunk), f"{path}: a damaged chunk {kind}")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", chunk)
            check(chunk[8:] == b"\x08\x02\0\0\0", f"{path}: no 8-bit RGB")
        body += chunk if kind == b"IDAT" else b""
        at += 12 + length
    rows, previous, stride = [], bytes(3 * size[0]), 3 * size[0]
    raw = zlib.decompress(body)
    for y in range(size[1]):
        start = y * (stride + 1)
        previous = unfilter(raw[start], raw[start + 1:start + 1 + stride], previous)
        rows.append(previous)
    return size[0], size[1], lambda x, y: tuple(rows[y][3 * x:3 * x + 3])


def unfilter(kind, row, above):
    out = bytearray(row)
    for i, byte in enumerate(row):
        left = out[i - 3] if i >= 3 else 0
        up, corner = above[i], above[i - 3] if i >= 3 else 0
        guess = left + up - corner
        far = [abs(guess - left), abs(guess - up), abs(guess - corner)]
        paeth = [left, up, corner][far.index(min(far))]
        out[i] = (byte + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
    return bytes(out)


def cell(pixel, x, y, grow, column, row):
    """The colour in the middle of an enlarged value of the map whose corner is (x, y)."""
    return pixel(x + grow * column + grow // 2, y + grow * row + grow // 2)


def conv_model(name, weights, filters, channels, side, bias=None, picture=8):
    """x -> Conv `c` without padding -> Relu `r`."""
    constants = [("w", (filters, channels, side, side), weights)]
    if bias:
        constants.append(("b", (filters,), bias))
    out = picture - side + 1
    return onnx_model(folder / name,
                      [onnx_node("Conv", ["x", "w"] + ["b"] * bool(bias), ["cv"], "c"),
                       onnx_node("Relu", ["cv"], ["y"], "r")],
                      [("x", ["N", channels, picture, picture])], [("y", ["N", filters, out, out])],
                      constants)


def convolve(x, w, bias):
    """x[channel][row][column], w[filter][channel][row][column]."""
    side, size = len(w[0][0]), len(x[0]) - len(w[0][0]) + 1
    return [[[b + sum(f[c][i][j] * x[c][y + i][z + j] for c in range(len(x)) for i in range(side)
                      for j in range(side)) for z in range(size)] for y in range(size)]
            for f, b in zip(w, bias)]


def nest(values, *dims):
    if len(dims) == 1:
        return list(values)
    step = len(values) // dims[0]
    return [nest(values[k * step:(k + 1) * step], *dims[1:]) for k in range(dims[0])]


# ---- Pictures ----

def test_filters():
    grey = [1, 0, -1, 0.5, 0, -0.5, 0, 0, 0] + [0] * 8 + [-1]
    one = conv_model("grey.onnx", grey, 2, 1, 3)
    done = expect_json(0, "show", one, "--filters", "--out", folder / "grey")
    check([w["kind"] for w in done["written"]] == ["filters"] and done["written"][0]["layer"] == "c",
          f"what --filters writes: {done}")
    width, height, pixel = read_png(folder / "grey" / "filters.png")
    check((width, height) == (done["written"][0]["width"], done["written"][0]["height"]), "size")
    # The legend is right of two cells of 240 with a gap of 10 between and 28 behind.
    legend = MARGIN + 490 + 28
    most, least = pixel(legend + 5, TOP), pixel(legend + 5, TOP + 257)  # as high as the cells
    zero = cell(pixel, MARGIN, TOP, 80, 1, 0)
    check(cell(pixel, MARGIN, TOP, 80, 0, 0) == most and most[0] > most[2] + 80, f"the most is red: {most}")
    check(cell(pixel, MARGIN, TOP, 80, 2, 0) == least and least[2] > least[0] + 80, f"the least {least}")
    check(max(zero) - min(zero) <= 1 and min(zero) > 235, f"zero is near white: {zero}")
    half = cell(pixel, MARGIN, TOP, 80, 0, 1)
    check(most[1] < half[1] < zero[1], f"half is between: {half}")
    check(cell(pixel, MARGIN + 250, TOP, 80, 2, 2) == least, "the second filter")
    colour = [1, 0, 0, 0] + [0, 1, 0, 0] + [-1, 0, 0, 0.5]
    three = conv_model("colour.onnx", colour, 1, 3, 2)
    for words, wanted in (((), (255, 128, 0)), (("--bgr",), (0, 128, 255))):
        expect(0, "show", three, "--filters", "--out", folder / "colour", *words)
        pixel = read_png(folder / "colour" / "filters.png")[2]
        check(cell(pixel, MARGIN, TOP, 120, 0, 0) == wanted, f"a filter in colour {words}")
        check(cell(pixel, MARGIN, TOP, 120, 0, 1) == (128, 128, 128), "grey is 0")
    planes = conv_model("planes.onnx", list(range(-8, 8)), 2, 2, 2)
    expect(0, "show", planes, "--filters", "--out", folder / "planes", "--maps", 3)
    pixel = read_png(folder / "planes" / "filters.png")[2]
    check(cell(pixel, MARGIN, TOP, 120, 0, 0)[2] > 150, "planes of two channels")


def test_maps():
    w = [0] * 9 + [1] + [0] * 8
    two = conv_model("two.onnx", w, 2, 1, 3, bias=[0.25, 0])
    picture = png_file(folder / "dot.png", 8, 8, [[255 if (x, y) == (2, 3) else 0 for x in range(8)]
                                                  for y in range(8)], 1)
    out = folder / "maps"
    done = expect_json(0, "show", two, picture, "--layer", "r", "--layer", "cv", "--out", out, "--npy",
                       *REFERENCE)
    check([(w["layer"], w["kind"]) for w in done["written"]] == [("c", "maps"), ("r", "maps")],
          f"layers by node and by value: {done['written']}")
    width, height, pixel = read_png(out / "dot" / "002-r.png")
    check(width <= 2000 and height <= 2000, "size of a page")
    left = MARGIN + INPUT
    check(cell(pixel, left + 250, TOP, 40, 2, 3) == BRIGHT, "the most of a map")
    check(cell(pixel, left + 250, TOP, 40, 3, 3) == DARK, "zero of a map")
    check(cell(pixel, left, TOP, 40, 0, 0) == cell(pixel, left, TOP, 40, 5, 5) not in (DARK, BRIGHT),
          "a map of 0.25")
    check(pixel(MARGIN + 36 * 2 + 18, TOP + 36 * 3 + 18) == (255, 255, 255) and
          pixel(MARGIN + 18, TOP + 18) == (0, 0, 0), "the input picture")
    shape, values = read_npy(out / "dot" / "002-r.npy")
    wanted = [0.25] * 36 + [float(k == 20) for k in range(36)]
    check(shape == (2, 6, 6) and list(values) == wanted, f"--npy: {shape} {values}")
    done = expect_json(0, "show", two, picture, "--layer", "r", "--maps", 1, "--out", out, *REFERENCE)
    check(done["written"][0]["width"] < width, "--maps")
    expect(2, "show", two, picture, "--side", 10, says="--side")


def test_sizes():
    """Many maps, large maps and very oblong ones stay within --side."""
    x = npy_file(folder / "x.npy", (1, 70, 3, 300), [k % 7 for k in range(63000)])
    same = onnx_model(folder / "same.onnx", [onnx_node("Relu", ["x"], ["y"], "r")],
                      [("x", [1, "c", "h", "w"])], [("y", [1, "c", "h", "w"])])
    for words, side in (((), 2000), (("--maps", 70), 2000), (("--maps", 70, "--side", 900), 900)):
        one = expect_json(0, "show", same, x, "--out", folder / "sizes", *words, *REFERENCE)["written"][0]
        check(max(one["width"], one["height"]) <= side, f"{words}: {one}")
    long = npy_file(folder / "long.npy", (1, 1, 2, 5000), [1] * 10000)
    one = expect_json(0, "show", same, long, "--out", folder / "sizes", *REFERENCE)["written"][0]
    check(one["width"] <= 2000, f"a long map: {one}")


def test_bars_and_names():
    pictures = idx_file(folder / "p.idx", (3, 28, 28), [i * 7 % 256 for i in range(3 * 784)])
    labels = folder / "labels.txt"
    labels.write_text("\n".join(f"class {k}" for k in range(10)))
    out = folder / "bars"
    done = expect_json(0, "show", model, pictures, "--index", 1, "--count", 2, "--layer", "fc3",
                       "--labels", labels, "--out", out, "--npy", *REFERENCE)
    files = [w["file"] for w in done["written"]]
    check(files == [f"{out}/p-{k}/012-fc3.png" for k in (1, 2)], f"a folder for each: {files}")
    check(all(w["kind"] == "bars" for w in done["written"]), "a dense layer is drawn as bars")
    expect(0, "run", model, pictures, "--index", 1, "--output", folder / "run.npy", *REFERENCE)
    shape, scores = read_npy(out / "p-1" / "012-fc3.npy")
    top = max(scores)
    soft = [math.exp(s - top) for s in scores]
    check(shape == (10,) and all(abs(a / sum(soft) - b) < 1e-6 for a, b in
                                 zip(soft, read_npy(folder / "run.npy")[1])), "scores of the bars")
    pixel = read_png(out / "p-1" / "012-fc3.png")[2]
    left = MARGIN + INPUT + 90
    for k, score in enumerate(scores):
        colours = {pixel(left + 100 * k + 50, y) for y in range(TOP, TOP + 520)}
        red, blue = (any(c[i] > 150 > c[2 - i] for c in colours) for i in (0, 2))
        check((red, blue) == (score > 0, score < 0) or abs(score) < 0.05 * max(map(abs, scores)),
              f"the bar of {score} is red {red}, blue {blue}")
    for place in ("one", "other"):
        (folder / place).mkdir()
        png_file(folder / place / "same.png", 28, 28, [[9] * 28] * 28, 1)
    done = expect_json(0, "show", model, folder / "one" / "same.png", folder / "other" / "same.png",
                       "--layer", "pool2", "--out", out, *REFERENCE)
    check([w["file"].split("/")[-2] for w in done["written"]] == ["same", "same-2"], "one name twice")
    text = expect(0, "show", model, folder / "one" / "same.png", "--out", out, *REFERENCE)
    names = [line.split("/")[-1] for line in text.splitlines()]
    check(names[0] == "001-conv1.png" and names[-1] == "013-output.softmax.png" and len(names) == 12 and
          "007-flatten.png" not in names, f"all layers: {names}")
    check(call("show", model, folder / "one" / "same.png", "--layer", "conv1", "--out",
               out, *REFERENCE).stderr == b"", "quiet in a pipe")
    many = [expect_json(0, "show", model, pictures, "--layer", "conv2.relu", "--out", folder / f"b{batch}",
                        "--batch", batch, *REFERENCE)["written"] for batch in (1, 2)]
    check([len(w) for w in many] == [3, 3], "three pictures in batches of two")
    for a, b in zip(*many):
        same = [(folder / w["file"]).read_bytes() for w in (a, b)]
        check(same[0] == same[1], f"{a['file']}: the batch makes a difference")


# ---- Statistics ----

def test_stats():
    draw = random.Random(3)
    w = [draw.uniform(-1, 1) for _ in range(3 * 2 * 9)]
    bias = [-100.0, 0.1, 0.2]
    net = conv_model("stats.onnx", w, 3, 2, 3, bias=bias)
    data = [draw.uniform(-1, 1) for _ in range(2 * 2 * 64)]
    x = npy_file(folder / "two.npy", (2, 2, 8, 8), data)
    done = expect_json(0, "show", net, x, "--stats", "--out", folder / "stats", *REFERENCE)
    check(done["written"] == [] and not (folder / "stats").exists(), "--stats alone draws nothing")
    got = {layer["layer"]: layer for layer in done["layers"]}
    values = [v for one in nest(data, 2, 2, 8, 8) for c in convolve(one, nest(w, 3, 2, 3, 3), bias)
              for row in c for v in row]
    for name, wanted in (("c", values), ("r", [max(v, 0) for v in values])):
        mean = sum(wanted) / len(wanted)
        deviation = math.sqrt(sum((v - mean) ** 2 for v in wanted) / len(wanted))
        zeros = sum(v == 0 for v in wanted) / len(wanted)
        for key, value in (("mean", mean), ("deviation", deviation), ("min", min(wanted)),
                           ("max", max(wanted)), ("zeros", zeros), ("values", len(wanted))):
            check(abs(got[name][key] - value) <= 1e-5 * max(1, abs(value)),
                  f"{key} of {name}: {got[name][key]}, not {value}")
    check(got["r"]["dead"] == 1 and got["r"]["channels"] == 3 and "dead" not in got["c"], "dead channels")
    # A channel that is dead in one picture only is alive.
    alive = conv_model("alive.onnx", [1, -1], 2, 1, 1)
    pictures = [npy_file(folder / f"{k}.npy", (1, 1, 8, 8), [k - 2] * 64) for k in (1, 3)]
    for files, dead in ((pictures[:1], 1), (pictures[1:], 1), (pictures, 0)):
        layer = expect_json(0, "show", alive, *files, "--stats", "--layer", "r", "--out", folder / "alive",
                            *REFERENCE)["layers"]
        check([(one["layer"], one["dead"]) for one in layer] == [("r", dead)], f"dead in {files}")
    text = expect(0, "show", net, x, "--stats", *REFERENCE)
    check("1 of 3" in text and "dead channels" in text, f"the table: {text}")


def test_not_finite():
    same = onnx_model(folder / "nan.onnx", [onnx_node("Relu", ["x"], ["y"], "r"),
                                            onnx_node("Flatten", ["y"], ["z"], "f")],
                      [("x", [1, 1, 4, 4])], [("z", [1, 16])])
    x = npy_file(folder / "nan.npy", (1, 1, 4, 4), [math.nan, math.inf] + [1] * 13 + [0])
    out = folder / "nan"
    done = expect_json(0, "show", same, x, "--layer", "r", "--layer", "f", "--stats", "--out", out,
                       *REFERENCE)
    check(done["layers"][0]["not_finite"] == 2 and done["layers"][0]["max"] == 1, "not finite is counted")
    pixel = read_png(out / "nan" / "001-r.png")[2]
    left = MARGIN + INPUT
    check([cell(pixel, left, TOP, 60, k, 0) for k in range(3)] == [MAGENTA, MAGENTA, BRIGHT] and
          cell(pixel, left, TOP, 60, 3, 3) == DARK, "what is not finite has its own colour")
    pixel = read_png(out / "nan" / "002-f.png")[2]
    check(pixel(left + 90 + 31, TOP + 260) == MAGENTA, "a bar that is not a number")
    check("not finite" in expect(0, "show", same, x, "--stats", *REFERENCE), "the column of the table")


# ---- Gradients ----

def small_net(name, draw):
    """x (2 channels of 6 x 6) -> Conv -> Relu -> MaxPool -> Flatten -> Gemm -> Softmax, and its
    parameters."""
    w, b = [draw.uniform(-1, 1) for _ in range(3 * 2 * 9)], [draw.uniform(-1, 1) for _ in range(3)]
    dense = [draw.uniform(-1, 1) for _ in range(12 * 4)]
    onnx_model(folder / name,
               [onnx_node("Conv", ["x", "w", "b"], ["cv"], "conv"),
                onnx_node("Relu", ["cv"], ["rv"], "relu"),
                onnx_node("MaxPool", ["rv"], ["pv"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
                onnx_node("Flatten", ["pv"], ["fv"], "flat"),
                onnx_node("Gemm", ["fv", "d"], ["gv"], "dense"),
                onnx_node("Softmax", ["gv"], ["y"], "soft", axis=1)],
               [("x", ["N", 2, 6, 6])], [("y", ["N", 4])],
               [("w", (3, 2, 3, 3), w), ("b", (3,), b), ("d", (12, 4), dense)])
    return folder / name, nest(w, 3, 2, 3, 3), b, nest(dense, 12, 4)


def scores_of(maps, dense):
    flat = [max(0, *(m[2 * y + i][2 * x + j] for i in (0, 1) for j in (0, 1)))
            for m in maps for y in (0, 1) for x in (0, 1)]
    return [sum(f * d[c] for f, d in zip(flat, dense)) for c in range(4)]


def saliency_of(x, w, b, dense, chosen):
    """Central differences; the network is linear between its kinks."""
    def score(c, row, column, step):
        moved = [[list(line) for line in plane] for plane in x]
        moved[c][row][column] += step
        return scores_of(convolve(moved, w, b), dense)[chosen]
    return [max(abs(score(c, row, column, 1e-6) - score(c, row, column, -1e-6)) / 2e-6 for c in (0, 1))
            for row in range(6) for column in range(6)]


def cam_of(x, w, b, dense, chosen):
    """A channel's weight is what the score gains when all 16 of its values rise, over 16."""
    maps = convolve(x, w, b)

    def score(c, step):
        return scores_of([[[v + step * (k == c) for v in row] for row in m]
                          for k, m in enumerate(maps)], dense)[chosen]
    weights = [(score(c, 1e-6) - score(c, -1e-6)) / 2e-6 / 16 for c in range(3)]
    return [max(0, sum(a * m[row][column] for a, m in zip(weights, maps)))
            for row in range(4) for column in range(4)]


def test_gradients():
    draw = random.Random(28)
    net, w, b, dense = small_net("net.onnx", draw)
    data = [draw.uniform(0, 1) for _ in range(2 * 2 * 36)]
    x = npy_file(folder / "g.npy", (2, 2, 6, 6), data)
    out = folder / "gradients"
    for device in (REFERENCE, ()):
        for words in ((), ("--class", 1)):
            done = expect_json(0, "show", net, x, "--saliency", "--cam", "--npy", "--out", out, *words,
                               *device)
            check([w["kind"] for w in done["written"]] == ["saliency", "cam"] * 2, f"{done['written']}")
            for k, one in enumerate(nest(data, 2, 2, 6, 6)):
                scores = scores_of(convolve(one, w, b), dense)
                chosen = 1 if words else scores.index(max(scores))
                for name, shape, wanted in (
                        ("saliency", (6, 6), saliency_of(one, w, b, dense, chosen)),
                        ("cam-001-conv", (4, 4), cam_of(one, w, b, dense, chosen))):
                    got = read_npy(out / f"g-{k}" / f"{name}.npy")
                    far = max(abs(p - q) for p, q in zip(got[1], wanted))
                    check(got[0] == shape and far < 1e-5 * max(1, *wanted),
                          f"{name} {k} {device} {words}: {got}, not {wanted}")
    # One after the other: nothing of the first picture's class is left for the second.
    best = [scores.index(max(scores)) for scores in
            (scores_of(convolve(one, w, b), dense) for one in nest(data, 2, 2, 6, 6))]
    check(best[0] != best[1], f"both pictures have class {best[0]}")
    files = [npy_file(folder / f"single{k}.npy", (1, 2, 6, 6), data[72 * k:72 * k + 72]) for k in (0, 1)]
    expect(0, "show", net, *files, "--saliency", "--npy", "--out", out, *REFERENCE)
    for k, one in enumerate(nest(data, 2, 2, 6, 6)):
        got = read_npy(out / f"single{k}" / "saliency.npy")[1]
        far = max(abs(p - q) for p, q in zip(got, saliency_of(one, w, b, dense, best[k])))
        check(far < 1e-5, f"saliency of picture {k} by itself")
    # With a layer named, its maps are drawn too and Grad-CAM is its own.
    done = expect_json(0, "show", net, x, "--cam", "--layer", "pool", "--out", out, *REFERENCE)
    check([w["kind"] for w in done["written"]] == ["maps", "maps", "cam", "cam"], "--cam --layer")
    expect(2, "show", net, x, "--cam", "--layer", "dense", "--out", out, *REFERENCE, says="'dense'")
    expect(2, "show", net, x, "--saliency", "--class", 4, *REFERENCE, says="4 classes")


def test_heat():
    """Saliency over a picture: the pixel that counts is bright, the page is as large as it says."""
    w = [float(k == 5 * 8 + 2) for k in range(64)] + [0] * 64
    net = onnx_model(folder / "pixel.onnx",
                     [onnx_node("Flatten", ["x"], ["f"], "flat"), onnx_node("Gemm", ["f", "w"], ["y"],
                                                                            "dense", transB=1)],
                     [("x", [1, 1, 8, 8])], [("y", [1, 2])], [("w", (2, 64), w)])
    picture = png_file(folder / "white.png", 8, 8, [[255] * 8] * 8, 1)
    out = folder / "heat"
    for chosen, wanted in ((0, (252, 255, 164)), (1, (0, 0, 4))):
        done = expect_json(0, "show", net, picture, "--saliency", "--class", chosen, "--out", out, *REFERENCE)
        width, height, pixel = read_png(out / "white" / "saliency.png")
        one = done["written"][0]
        check((width, height) == (one["width"], one["height"]), "size of a saliency page")
        left, top = MARGIN + INPUT, TOP + 34
        check(cell(pixel, left, top, 60, 2, 5) == wanted, f"the pixel that counts, class {chosen}")
        check(cell(pixel, left, top, 60, 3, 5) == (0, 0, 4), "one that does not")


def test_layouts_and_sizes():
    """Channels last; pictures of two sizes, for which the gradients are made anew."""
    draw = random.Random(2)
    w = [draw.uniform(-1, 1) for _ in range(60)]
    last = onnx_model(folder / "last.onnx",
                      [onnx_node("Flatten", ["x"], ["f"], "flat"),
                       onnx_node("Gemm", ["f", "w"], ["y"], "dense")],
                      [("x", [1, 5, 4, 3])], [("y", [1, 1])], [("w", (60, 1), w)])
    free = onnx_model(folder / "free.onnx",
                      [onnx_node("Conv", ["x", "w"], ["cv"], "c"),
                       onnx_node("GlobalAveragePool", ["cv"], ["gv"], "g")],
                      [("x", [1, 1, "h", "w"])], [("gv", [1, 1, 1, 1])], [("w", (1, 1, 3, 3), w[:9])])
    out = folder / "layouts"
    picture = png_file(folder / "high.png", 4, 5, [[9] * 12] * 5, 3)
    expect(0, "show", last, picture, "--saliency", "--npy", "--out", out, *REFERENCE)
    shape, got = read_npy(out / "high" / "saliency.npy")
    wanted = [max(abs(v) for v in w[3 * i:3 * i + 3]) for i in range(20)]
    check(shape == (5, 4) and max(abs(a - b) for a, b in zip(got, wanted)) < 1e-6, f"channels last: {got}")
    pictures = [png_file(folder / f"s{side}.png", side, side, [[9] * side] * side, 1) for side in (8, 6)]
    expect(0, "show", free, *pictures, "--saliency", "--cam", "--npy", "--out", out, *REFERENCE)
    for side in (8, 6):
        shape, got = read_npy(out / f"s{side}" / "saliency.npy")
        places = (side - 2) ** 2
        check(shape == (side, side) and abs(got[0] - abs(w[0]) / places) < 1e-6 and
              abs(got[3 * side + 3] - abs(sum(w[:9])) / places) < 1e-6, f"side {side}: {shape} {got}")
        check(read_npy(out / f"s{side}" / "cam-001-c.npy")[0] == (side - 2, side - 2), "size of Grad-CAM")


def test_no_gradient():
    """Where whole numbers lie between the picture and the scores there is no gradient, and that is said."""
    net = onnx_model(folder / "whole.onnx",
                     [onnx_node("QuantizeLinear", ["x", "s"], ["q"], "to"),
                      onnx_node("DequantizeLinear", ["q", "s"], ["y"], "back")],
                     [("x", [1, 1, 2, 2])], [("y", [1, 1, 2, 2])], [("s", (), [0.1])])
    x = npy_file(folder / "four.npy", (1, 1, 2, 2), [1, 2, 3, 4])
    expect(3, "show", net, x, "--saliency", *REFERENCE, says="do not depend on 'x'")


# ---- Errors ----

def test_errors():
    picture = png_file(folder / "grey.png", 28, 28, [[9] * 28] * 28, 1)
    expect(2, "show", says="too few")
    expect(2, "show", model, says="PICTURE")
    expect(2, "show", model, "--stats", says="PICTURE")
    expect(2, "show", model, picture, "--layer", "conv7", says="conv1, conv2")
    expect(2, "show", model, picture, "--layer", "Fc", says="fc1")
    expect(3, "show", folder / "missing.onnx", "--filters", says="missing.onnx")
    expect(3, "show", model, folder / "missing.png", says="missing.png")
    expect(3, "show", model, picture, "--labels", folder / "missing.txt", says="missing.txt")
    for place in (picture, f"{picture}/below", "/proc/none/below"):
        expect(3, "show", model, picture, "--layer", "conv1", "--out", place, *REFERENCE, says=str(place)[:9])
    (folder / "taken" / "grey" / "001-conv1.png").mkdir(parents=True)
    expect(3, "show", model, picture, "--layer", "conv1", "--out", folder / "taken", *REFERENCE,
           says="001-conv1.png")
    none = onnx_model(folder / "none.onnx", [onnx_node("Relu", ["x"], ["y"], "r")], [("x", [1, 1, 28, 28])],
                      [("y", [1, 1, 28, 28])])
    expect(3, "show", none, "--filters", says="no convolution")
    expect(2, "show", none, picture, "--cam", *REFERENCE, says="no convolution")


program.run_tests(globals(), 90)
