#!/usr/bin/env python3
"""Reads the tracked files and reports what a reviewer should not have to: vendor names outside the one
file that may hold them, files that have grown too long, marks of unfinished work, paths of one machine."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What only lib/opencl/quirks.c may name: nothing else may depend on who made a device.
VENDORS = re.compile(r"\b(nvidia|geforce|amd|radeon|intel|arm|mali|qualcomm|adreno|apple|imagination|"
                     r"powervr|mesa|rusticl|llvmpipe|clover|pocl|oclgrind)\b", re.I)
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|WI" r"P)\b")
PLACES = re.compile(r"(?<![\w.$}])/(home|root|work|mnt|Users)/[\w.-]+")
LIMITS = {".c": 600, ".h": 600, ".py": 600, ".sh": 600, ".cl": 400}


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = out.stdout.decode().split("\0") if out.returncode == 0 else []
    paths = [ROOT / n for n in names if n] or [p for p in ROOT.rglob("*") if p.is_file()]
    return [p for p in paths if p.is_file()]


def code_of(text):
    """C without its comments, lines kept."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)


def check_lines(path, name, text):
    is_vendor_blind = name.startswith(("lib/", "cl_kernels/")) and name != "lib/opencl/quirks.c"
    if is_vendor_blind and path.suffix in (".c", ".h", ".cl"):
        for number, line in enumerate(code_of(text).splitlines(), 1):
            if VENDORS.search(line):
                yield f"{name}:{number}: names a vendor; only lib/opencl/quirks.c may"
    for number, line in enumerate(text.splitlines(), 1):
        if MARKERS.search(line):
            yield f"{name}:{number}: a mark of unfinished work"
        if PLACES.search(line):
            yield f"{name}:{number}: an absolute path of one machine"


def check_file(path):
    name = str(path.relative_to(ROOT))
    data = path.read_bytes()
    if b"\0" in data or name == "LICENSE" or path.suffix == ".onnx":
        return
    text = data.decode("utf-8", errors="strict")
    lines = text.count("\n")
    if lines > LIMITS.get(path.suffix, 10**9):
        yield f"{name}: {lines} lines, more than {LIMITS[path.suffix]}"
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"
    if path.suffix in (".c", ".h") and not text.startswith("/*"):
        yield f"{name}: does not open with a comment that says what it is for"
    yield from check_lines(path, name, text)


def main():
    files = tracked()
    wrong = [message for path in files for message in check_file(path)]
    if len(files) < 10:
        wrong.append(f"only {len(files)} files found below {ROOT}")
    print("\n".join(wrong) or f"{len(files)} files, nothing to complain about")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
