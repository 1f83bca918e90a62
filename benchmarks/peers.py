#!/usr/bin/env python3
"""Fovea beside other engines, on the same files and shapes, in turn.

    benchmarks/peers.py [--only networks,training,conv,depthwise,gemm,dense,first] [--quick] [--out FOLDER]
    benchmarks/peers.py --show [--out FOLDER]        the summary of the newest results as Markdown

Every measurement is a phase: a process of its own, one after another with a pause between, so that no
engine's idle threads disturb another. Phases of the engines alternate for some rounds; a result is
the median over the rounds of each round's median, "best" the fastest sample of all. PyTorch and
CLBlast, which are far behind, get one round. Networks are files
that `fovea new` writes; all engines read the same file and picture, and outputs are compared. Training
is a step of forward, backward and update by SGD with momentum, where PyTorch gets every round. Layers
are the lines of shapes/, timed in each engine's own layout with weights prepared beforehand.

Peers: onnxruntime and PyTorch from the Python that runs this script (or --python); oneDNN, OpenBLAS
and CLBlast where cc finds their headers. One that is missing shows as "absent". Results are kept in
peers.csv; parts that are measured again replace their rows; peers.md is made from all of it."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import peers_table
from peers_table import Row

HERE = Path(__file__).resolve().parent
NETWORKS = [("lenet5", 1), ("lenet5", 64)] + [
    (name, n) for n in (1, 8) for name in ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152")]
TRAININGS = [("lenet5", 64, 300), ("alexnet", 8, 8), ("vgg16", 8, 5), ("googlenet", 8, 6),
             ("resnet50", 8, 5)]  # batch, steps of Fovea
PICTURES = {"lenet5": (1, 28, 28), "alexnet": (3, 227, 227)}
GEMMS = ["256 256 256", "512 512 512", "1024 1024 1024", "2048 2048 2048", "64 12544 147",
         "64 3136 576", "128 784 1152", "256 196 2304", "512 49 4608"]  # m n k
DENSES = ["4096 1 25088", "4096 1 4096", "1000 1 4096"]
C_PEERS = {"onednn": ["-ldnnl"], "openblas": ["-lopenblas"], "clblast": ["-lclblast", "-lOpenCL"]}
ONCE = ("torch", "clblast")  # they are slower, and get one round
PAUSE_SECONDS = 0.1
LAYERS_AT_ONCE = 12
PARTS = ("networks", "training", "conv", "depthwise", "gemm", "dense", "first")


class Bench:
    def __init__(self, options):
        self.o = options
        self.cache = Path(options.cache)
        self.cache.mkdir(parents=True, exist_ok=True)
        self.environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads),
                                OPENBLAS_NUM_THREADS=str(options.threads),
                                POCL_MAX_PTHREAD_COUNT=str(options.threads))
        self.absent, self.known = {}, set()
        self.done, self.begin = 0, time.monotonic()
        self.find_peers()

    def wants(self, part, work):
        return not self.o.missing or (part, work) not in self.known

    # ---- Phases ----

    def phase(self, what, command, text=None, codes=(0,), **more):
        """Runs one measured process and returns its standard output, or None with the reason told."""
        self.done += 1
        took = time.monotonic() - self.begin
        print(f"[{took:5.0f} s, phase {self.done}] {what}", file=sys.stderr, flush=True)
        time.sleep(PAUSE_SECONDS)
        command = [*self.o.wrap.split(), *(str(word) for word in command)]
        ended = subprocess.run(command, input=text, text=True, capture_output=True, check=False,
                               env=self.environment | more)
        if ended.returncode in codes:
            return ended.stdout
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"    failed ({ended.returncode}): {last}", file=sys.stderr, flush=True)
        return None

    def fovea(self, what, *words, **more):
        device = ["-d", self.o.device] if self.o.device else []
        return self.phase(f"fovea: {what}", [self.o.fovea, *words, *device], codes=(0, 1), **more)

    def python(self, what, engine, *words, text=None):
        return self.phase(f"{engine}: {what}", [self.o.python, HERE / "peer_python.py", engine, *words],
                          text, PEER_TORCH_DEVICE=self.o.torch_device)

    # ---- Peers ----

    def find_peers(self):
        found = json.loads(subprocess.run(
            [self.o.python, HERE / "peer_python.py", "version"], capture_output=True, text=True,
            check=True).stdout)
        self.absent = {name: text for name, text in found.items() if text.startswith("absent")}
        for name, libraries in C_PEERS.items():
            program = self.cache / f"peer_{name}"
            built = subprocess.run(["cc", "-std=gnu11", "-O2", HERE / f"peer_{name}.c", "-o", program,
                                    *libraries, "-lm"], capture_output=True, text=True, check=False)
            if built.returncode:
                self.absent[name] = "absent: " + (built.stderr.strip().splitlines() or ["?"])[0]
        for name, reason in self.absent.items():
            print(f"{name} is {reason}", file=sys.stderr)
        for name in self.o.without.split(","):
            if name:
                self.absent[name] = "left out: by --without"

    def has(self, engine, turn=0):
        return engine not in self.absent and (turn == 0 or engine not in ONCE)

    def find_device(self):
        """Its name, and the P and D of an OpenCL device."""
        done = json.loads(self.fovea("which device", "bench", "--problem", "Relu 1", "--runs", 1,
                                     "--json", "--no-verify") or "{}")
        numbers = re.fullmatch(r"opencl:(\d+):(\d+)", done.get("device", ""))
        self.device = f"{done.get('device_name', '?')}, {self.o.threads} threads"
        self.numbers = numbers.groups() if numbers else None

    # ---- Files ----

    def model(self, name, *words):
        path = self.cache / f"{name}{''.join(words)}.onnx"
        if not path.exists():
            subprocess.run([self.o.fovea, "new", name, path, *words], check=True,
                           stdout=subprocess.DEVNULL)
        return path

    def picture(self, name, n):
        import numpy
        path = self.cache / f"{name}-{n}.npy"
        shape = (n, *PICTURES.get(name, (3, 224, 224)))
        numpy.save(path, numpy.random.default_rng(1).random(shape, dtype=numpy.float32))
        return path

    # ---- Networks ----

    def compare(self, row, engine, a, b):
        """The largest difference of two outputs; of their logarithms where the network ends in a
        softmax, which hides the differences of its inputs; relative to the largest."""
        import numpy
        x, y = (numpy.load(path).astype(float).ravel() for path in (a, b))
        if x.size == y.size and min(x.min(), y.min()) >= 0:
            x, y = (numpy.log(numpy.maximum(v, 1e-30)) for v in (x, y))
        same = x.size == y.size and abs(x - y).max() <= 1e-3 * abs(y).max()
        row.verdict(engine, "agrees" if same else "DIFFERS")

    def network(self, name, n):
        model, x = self.model(name), self.picture(name, n)
        row = Row("networks", f"{name} N={n}", self.device)
        mine, theirs = self.cache / "mine.npy", self.cache / "theirs.npy"
        self.fovea(f"{row.work}, its output", "run", model, x, "--output", mine)
        for r in range(self.o.rounds):
            out = self.fovea(row.work, "bench", model, "--batch", n, "--seconds", self.o.seconds,
                             "--json", "--no-verify", "--no-layers")
            if out:
                done = json.loads(out)
                row.add("fovea", done["median_ms"], done["best_ms"], done["peak_bytes"])
            for engine in ("onnxruntime", "torch"):
                out = self.has(engine, r) and self.python(row.work, engine, model, x, theirs,
                                                          self.o.threads, self.o.seconds)
                if out:
                    done = json.loads(out)
                    row.add(engine, done["median_ms"], done["best_ms"], done["peak_bytes"])
                    self.compare(row, engine, mine, theirs)
        return row

    def networks(self):
        chosen = [c for c in NETWORKS if not self.o.networks or c[0] in self.o.networks.split(",")]
        for name, n in chosen:
            if (n == 1 or not self.o.quick) and self.wants("networks", f"{name} N={n}"):
                yield [self.network(name, n)]

    # ---- Training ----

    def training_step(self, name, n, steps):
        model, x = self.model(name, "--training"), self.picture(name, n)
        row = Row("training", f"{name} N={n}", self.device)
        for _ in range(self.o.rounds):
            mine = self.fovea(f"training {row.work}", "train", model, "--benchmark", steps, "--batch", n,
                              "--optimizer", "momentum", "--json")
            theirs = self.has("torch") and self.phase(
                f"torch: training {row.work}", [self.o.python, HERE / "peer_training.py", model, x,
                                                self.o.threads, self.o.seconds],
                PEER_TORCH_DEVICE=self.o.torch_device)
            for engine, out in (("fovea", mine), ("torch", theirs)):
                if out:
                    done = json.loads(out)
                    row.add(engine, done["median_ms"], done["best_ms"])
        return row

    def training(self):
        chosen = [c for c in TRAININGS if not self.o.networks or c[0] in self.o.networks.split(",")]
        for name, n, steps in chosen[:1] if self.o.quick else chosen:
            if self.wants("training", f"{name} N={n}"):
                yield [self.training_step(name, n, steps)]

    # ---- Layers ----

    def layers(self, part, lines, engines, mine, kind):
        """`lines` of the C peers beside problem lines of Fovea, `mine`: some at a time, so that the
        engines see the same noise."""
        pairs = [pair for pair in zip(mine, lines) if self.wants(part, pair[0])]
        for i in range(0, len(pairs), LAYERS_AT_ONCE):
            problems, theirs = zip(*pairs[i:i + LAYERS_AT_ONCE])
            yield self.some_layers(part, theirs, engines, problems, kind)

    def some_layers(self, part, lines, engines, mine, kind):
        rows = [Row(part, problem, self.device) for problem in mine]
        listed = self.cache / "problems.txt"
        listed.write_text("\n".join([*mine, ""]), encoding="utf-8")
        words = {"gemm": ["--constant", "x0"], "dense": []}.get(part, ["--fastest"])
        for r in range(self.o.rounds):
            words += ["--no-verify"] if r == 1 else []  # once is enough
            out = self.fovea(f"{len(rows)} {part} problems", "bench", "--file", listed, "--json",
                             "--seconds", self.o.seconds / 5, *words)
            for row, done in zip(rows, json.loads(out)["rows"] if out else []):
                row.add("fovea", done["step_median_ms"], done["step_best_ms"])
                row.verdict("fovea", done["verdict"])
            for engine in engines:
                if self.has(engine, r):
                    self.peer_layers(rows, lines, engine, kind)
        return rows

    def peer_layers(self, rows, lines, engine, kind):
        seconds, text = self.o.seconds / 5, "\n".join([*lines, ""])
        what = f"{len(lines)} {kind} problems"
        if engine == "torch":
            out = self.python(what, f"torch-{kind}", self.o.threads, seconds, text=text)
        elif engine == "clblast":
            # It is slower by a large factor, so it gets less time.
            out = self.numbers and self.phase(
                f"clblast: {what}", [self.cache / "peer_clblast", seconds / 5, *self.numbers, kind], text)
        else:
            out = self.phase(f"{engine}: {what}", [self.cache / f"peer_{engine}", seconds], text)
        for row, answer in zip(rows, (out or "").splitlines()):
            median, best, verdict = answer.split()
            if median != "-":
                row.add(engine, float(median), float(best))
            row.verdict(engine, verdict)

    def conv_lines(self, files):
        """Problem lines of shape files and the same for the peers."""
        problems, lines = [], []
        for name in files:
            for text in (HERE / "shapes" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
                problem = text.split("#")[0].strip()
                if problem and problem not in problems:
                    problems.append(problem)
                    lines.append(peer_conv(problem))
        return problems, lines

    def conv(self):
        for name in ("alexnet", "vgg16", "googlenet", "resnet50"):
            problems, lines = self.conv_lines([f"{name}_conv"])
            if self.o.quick:
                problems, lines = problems[::5], lines[::5]
            engines = ["onednn", "torch", *(["clblast"] if name in ("alexnet", "resnet50") else [])]
            yield from self.layers(f"conv {name}", lines, engines, problems, "conv")

    def depthwise(self):
        problems, lines = self.conv_lines(["mobilenet_v2_depthwise"])
        return self.layers("depthwise", lines, ["onednn", "torch"], problems, "conv")

    def gemm(self):
        shapes = GEMMS[::3] if self.o.quick else GEMMS
        problems = [f"MatMul {m}x{k} {k}x{n}" for m, n, k in (line.split() for line in shapes)]
        return self.layers("gemm", shapes, ["openblas", "torch", "clblast"], problems, "gemm")

    def dense(self):
        """A dense layer of one picture: y (1 x m) = x (1 x k) w^T, w (m x k)."""
        problems = [f"Gemm 1x{k} {m}x{k} transB=1" for m, _, k in (line.split() for line in DENSES)]
        return self.layers("dense", DENSES, ["openblas", "torch", "clblast"], problems, "gemm")

    # ---- The first answer ----

    def first(self):
        """From the start of the process to the end of it, with the answer written."""
        model, x = self.model("resnet50"), self.picture("resnet50", 1)
        empty = Row("first", "resnet50, empty store", self.device)
        filled = Row("first", "resnet50, filled store", self.device)
        stores, y = self.cache / "stores", self.cache / "first.npy"
        where = {"XDG_CACHE_HOME": str(stores), "POCL_CACHE_DIR": str(stores / "pocl")}
        for _ in range(self.o.rounds):
            shutil.rmtree(stores, ignore_errors=True)
            (stores / "pocl").mkdir(parents=True)
            for row in (empty, filled, filled, filled):
                device = ["-d", self.o.device] if self.o.device else []
                out = self.phase(f"fovea: {row.work}", [self.o.python, HERE / "peer_python.py", "clock",
                                 self.o.fovea, "run", model, x, "--output", y, *device], **where)
                if out:
                    took = float(out.split()[-1])
                    row.add("fovea", took, took)
            out = self.has("onnxruntime") and self.python("session and first run", "onnxruntime", model, x,
                                                          y, self.o.threads, 0)
            if out:
                done = json.loads(out)
                took = done["create_ms"] + done["first_ms"]
                for row in (empty, filled):
                    row.add("onnxruntime", took, took)
        shutil.rmtree(stores, ignore_errors=True)
        yield [empty, filled]


def peer_conv(problem):
    """A Conv line as the peers in C read it; see peer_common.h."""
    _, x, w, *rest = problem.split()
    given = dict(word.split("=") for word in rest if "=" in word)
    numbers = lambda name, usual: [int(v) for v in given.get(name, usual).split(",")]
    (n, ic, ih, iw), (oc, _, kh, kw) = ([int(v) for v in shape.split("x")] for shape in (x, w))
    fields = [int(given.get("group", 1)), n, ic, ih, iw, oc, kh, kw, *numbers("strides", "1,1"),
              *numbers("pads", "0,0,0,0"), *numbers("dilations", "1,1")]
    return " ".join(str(field) for field in fields)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", default=HERE.parent / "build" / "host" / "fovea", help="the program")
    parser.add_argument("--device", help="of Fovea and CLBlast; default: Fovea's choice")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    parser.add_argument("--networks", default="", help="only these, separated by commas")
    parser.add_argument("--without", default="", help="engines to leave out, separated by commas")
    parser.add_argument("--rounds", type=int, default=2, help="alternations of the engines; default 2")
    parser.add_argument("--seconds", type=float, default=1, help="of samples for a network; a fifth of "
                        "it for a layer; default 1")
    parser.add_argument("--quick", action="store_true", help="one round, networks at N=1, some layers")
    parser.add_argument("--threads", type=int, default=2, help="of every engine; default 2")
    parser.add_argument("--torch-device", default="cpu", help="of PyTorch: cpu or cuda; default cpu")
    parser.add_argument("--python", default=sys.executable, help="one that has onnxruntime and torch")
    parser.add_argument("--wrap", default="", help="put in front of measured commands: 'taskset -c 0,1'")
    parser.add_argument("--cache", default=Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) /
                        "fovea-peers", help="folder for models and programs")
    parser.add_argument("--out", default=HERE / "results", help="folder for peers.csv and peers.md")
    parser.add_argument("--missing", action="store_true", help="only what the results do not hold yet")
    parser.add_argument("--show", action="store_true", help="print the summary of the results, measure nothing")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))} is no part; parts are {', '.join(PARTS)}")
    if options.quick:
        options.rounds = 1
    return options


def keep(folder, kept, rows, absent):
    """New rows replace those of the same work, in the order in which works were first measured."""
    for row in rows:
        row.mark_absent(absent)
    new = {(row.part, row.work): row for row in rows}
    kept = [new.pop((row.part, row.work), row) for row in kept] + list(new.values())
    folder.mkdir(parents=True, exist_ok=True)
    peers_table.write(folder / "peers.csv", kept)
    (folder / "peers.md").write_text(peers_table.document(kept), encoding="utf-8")
    return kept


def main():
    options = arguments()
    folder = Path(options.out)
    table = folder / "peers.csv"
    kept = peers_table.read(table)
    if options.show:
        print(peers_table.summary(kept))
        return 0
    bench = Bench(options)
    bench.find_device()
    bench.known = {(row.part, row.work) for row in kept}
    for part in options.only.split(","):
        for rows in getattr(bench, part)():
            kept = keep(folder, kept, rows, bench.absent)
    print(peers_table.summary(kept))
    return 1 if any(row.is_wrong() for row in kept) else 0


if __name__ == "__main__":
    sys.exit(main())
