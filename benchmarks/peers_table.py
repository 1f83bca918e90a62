"""The results of peers.py: rows, their CSV file, and Markdown made from them."""
import csv
import math
import statistics
from pathlib import Path

ENGINES = ["fovea", "onnxruntime", "torch", "onednn", "openblas", "clblast"]
NAMES = {"fovea": "Fovea", "onnxruntime": "onnxruntime", "torch": "PyTorch", "onednn": "oneDNN",
         "openblas": "OpenBLAS", "clblast": "CLBlast"}
FIELDS = ["part", "work", "device", "engine", "median_ms", "best_ms", "peak_bytes", "ratio_median",
          "ratio_best", "verdict"]
DENSE = "Gemm 1x25088 4096x25088 transB=1"


class Row:
    """One piece of work, with the samples of each engine: (median, best, peak bytes) of each round."""

    def __init__(self, part, work, device):
        self.part, self.work, self.device = part, work, device
        self.samples, self.verdicts = {}, {}

    def add(self, engine, median, best, peak=0):
        self.samples.setdefault(engine, []).append((median, best, peak))

    def verdict(self, engine, text):
        if self.verdicts.get(engine) in (None, "not", "not verified", "right", "agrees"):
            if text not in ("not", "not verified") or engine not in self.verdicts:
                self.verdicts[engine] = text

    def mark_absent(self, absent):
        """`absent`: engine -> "absent: why" or "left out: why"."""
        for engine, reason in absent.items():
            if engine not in self.samples:
                self.verdicts[engine] = reason.split(":")[0]

    def median(self, engine):
        done = self.samples.get(engine)
        return statistics.median(s[0] for s in done) if done else None

    def best(self, engine):
        done = self.samples.get(engine)
        return min(s[1] for s in done) if done else None

    def peak(self, engine):
        return max((s[2] for s in self.samples.get(engine, [])), default=0)

    def ratio(self, engine, which="median"):
        """The peer's time over Fovea's: above 1 where Fovea is faster."""
        theirs, ours = getattr(self, which)(engine), getattr(self, which)("fovea")
        return theirs / ours if theirs and ours else None

    def shows(self, engine):
        """It was measured, or is absent; not if it was left out on purpose."""
        return engine in self.samples or self.verdicts.get(engine) == "absent"

    def is_wrong(self):
        return any(text in ("WRONG", "wrong", "DIFFERS") for text in self.verdicts.values())


# ---- CSV ----

def write(path, rows):
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(FIELDS)
        for row in rows:
            for engine in ENGINES:
                if engine not in row.samples and engine not in row.verdicts:
                    continue
                numbers = [row.median(engine), row.best(engine), row.peak(engine) or None,
                           row.ratio(engine), row.ratio(engine, "best")]
                out.writerow([row.part, row.work, row.device, engine,
                              *("" if n is None else f"{n:.6g}" for n in numbers),
                              row.verdicts.get(engine, "")])


def read(path):
    rows = {}
    if not Path(path).exists():
        return []
    with Path(path).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            key = line["part"], line["work"]
            row = rows.setdefault(key, Row(*key, line["device"]))
            if line["median_ms"]:
                row.add(line["engine"], float(line["median_ms"]), float(line["best_ms"]),
                        float(line["peak_bytes"] or 0))
            if line["verdict"]:
                row.verdicts[line["engine"]] = line["verdict"]
    return list(rows.values())


# ---- Markdown ----

def mean(numbers):
    """Geometric; None of nothing."""
    numbers = [n for n in numbers if n]
    return math.exp(statistics.fmean(math.log(n) for n in numbers)) if numbers else None


def text(number, digits=2):
    return "-" if number is None else f"{number:.{digits}f}"


def time_text(number):
    return "-" if number is None else f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def markdown(titles, lines):
    rule = ["---" if i == 0 else "---:" for i in range(len(titles))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [titles, rule, *lines])


def cell(row, engine):
    if row.median(engine) is None:
        return row.verdicts.get(engine, "-")
    wrong = row.verdicts.get(engine)
    mark = f" {wrong}" if wrong in ("WRONG", "wrong", "DIFFERS") else ""
    return f"{time_text(row.median(engine))} ({time_text(row.best(engine))}){mark}"


def part_table(rows):
    peers = [e for e in ENGINES[1:] if any(r.shows(e) for r in rows)]
    titles = ["work", "Fovea ms (best)"]
    for engine in peers:
        titles += [f"{NAMES[engine]} ms (best)", "ratio", "best"]
    lines = []
    for row in rows:
        line = [row.work, cell(row, "fovea")]
        for engine in peers:
            line += [cell(row, engine), text(row.ratio(engine)), text(row.ratio(engine, "best"))]
        lines.append(line)
    if len(rows) > 1:
        line = ["**geometric mean**", ""]
        for engine in peers:
            line += ["", text(mean(r.ratio(engine) for r in rows)),
                     text(mean(r.ratio(engine, "best") for r in rows))]
        lines.append(line)
    return markdown(titles, lines)


def memory_table(rows):
    lines = []
    for row in rows:
        ours, theirs = row.peak("fovea"), row.peak("onnxruntime")
        if ours and theirs:
            lines.append([row.work, f"{ours / 2**20:.0f}", f"{theirs / 2**20:.0f}", text(ours / theirs)])
    return markdown(["work", "Fovea MiB", "onnxruntime MiB", "ratio"], lines) if lines else ""


def summary_line(name, engine, rows):
    ratios = [r.ratio(engine) for r in rows if r.ratio(engine)]
    if not ratios:
        reasons = {r.verdicts.get(engine, "not measured") for r in rows}
        return [name, NAMES[engine], ", ".join(sorted(reasons)), "", "", ""]
    best = mean(r.ratio(engine, "best") for r in rows)
    return [name, NAMES[engine], text(mean(ratios)), text(best), f"{min(ratios):.2f} to {max(ratios):.2f}",
            str(len(ratios))]


def summary(rows):
    """The lines that say how far Fovea is: geometric means of the peer's time over ours."""
    if not rows:
        return "nothing was measured yet"
    networks = [r for r in rows if r.part == "networks"]
    conv = [r for r in rows if r.part.startswith("conv ")]
    gemm = [r for r in rows if r.part == "gemm"]
    groups = [
        ("networks", "onnxruntime", networks), ("networks", "torch", networks),
        ("training steps", "torch", [r for r in rows if r.part == "training"]),
        ("VGG16", "onnxruntime", [r for r in networks if r.work.startswith("vgg16")]),
        ("convolutions of AlexNet, VGG16, GoogLeNet, ResNet-50", "onednn", conv),
        ("convolutions of AlexNet, VGG16, GoogLeNet, ResNet-50", "torch", conv),
        ("convolutions of AlexNet and ResNet-50, without groups", "clblast", conv),
        ("depthwise convolutions of MobileNet v2", "onednn", [r for r in rows if r.part == "depthwise"]),
        ("SGEMM, left operand packed once", "openblas", gemm),
        ("dense 4096 x 25088, N=1", "openblas", [r for r in rows if r.work == DENSE]),
        ("SGEMM", "clblast", gemm),
        ("ResNet-50, filled store, whole process against session and first run", "onnxruntime",
         [r for r in rows if r.part == "first" and "filled" in r.work]),
    ]
    lines = [summary_line(name, engine, some) for name, engine, some in groups
             if any(r.shows(engine) for r in some)]
    parts = [markdown(["work", "against", "ratio of medians", "of best", "from to", "rows"], lines)]
    for row in rows:
        if row.part == "first" and row.median("fovea"):
            parts.append(f"First answer, {row.work}: {row.median('fovea') / 1e3:.2f} s.")
    peaks = [r.peak("fovea") / r.peak("onnxruntime") for r in networks
             if r.peak("fovea") and r.peak("onnxruntime")]
    if peaks:
        parts.append(f"Peak memory of the process over onnxruntime's: {min(peaks):.2f} to {max(peaks):.2f}.")
    devices = ", ".join(sorted({r.device for r in rows}))
    parts.append(f"Ratio = the peer's time over Fovea's, geometric mean, fp32, on {devices}.")
    return "\n\n".join(parts)


def document(rows):
    parts = ["# Fovea beside its peers", summary(rows)]
    for part in dict.fromkeys(row.part for row in rows):
        chosen = [row for row in rows if row.part == part]
        parts += [f"## {part}", part_table(chosen)]
        if part == "networks" and memory_table(chosen):
            parts += ["## peak memory", memory_table(chosen)]
    return "\n\n".join(parts) + "\n"
