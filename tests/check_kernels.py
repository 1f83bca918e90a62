#!/usr/bin/env python3
"""Lints every kernel file: the fixed fields of its header comment, its names, its share of preprocessor
lines (beside defaults), what it must not call, and, where clang is installed, that it compiles alone as
OpenCL C 1.2, and with subgroups as OpenCL C 2.0 and 3.0 where it can use them."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "cl_kernels"
FIELDS = ("Computes", "Layouts", "Launch", "Defines", "Local memory", "Truth", "Source")
LAUNCH_SIZES = re.compile(r"\b(get_(?:global_size|num_groups|global_offset|work_dim))\b")
CHOSEN_DIMENSION = re.compile(r"\b(get_(?:global|local|group)_(?:id|size))\((?!\s*[012]\s*\))")
KERNEL = re.compile(r"\b(?:__)?kernel\s+(?:__attribute__\s*\(\(.*?\)\)\s*)*void\s+(\w+)", re.S)
MOST_PREPROCESSOR = 0.08  # above it a file stops reading like C


def check_header(stem, text):
    match = re.match(r"/\*.*?\*/", text, re.S)
    header = match.group() if match else ""
    for field in FIELDS:
        if not re.search(rf"^[/* ]*{field}\b", header, re.M):
            yield f"the header comment has no field '{field}'"
    for truth in re.findall(r"lib/reference/[\w./]+\.c", header):
        if not (ROOT / truth).exists():
            yield f"the header names {truth}, which does not exist"


def preprocessor_share(text):
    lines = text.splitlines()
    return sum(line.lstrip().startswith("#") for line in lines) / max(1, len(lines))


def check_text(stem, text):
    kernels = KERNEL.findall(text)
    if not kernels:
        yield "no kernel function"
    for kernel in kernels:
        if not kernel.startswith(stem):
            yield f"kernel {kernel} does not start with the file's stem"
    # A default (#ifndef X, #define X value, #endif) lets the file compile alone; it hides no code.
    plain = re.sub(r"^#ifndef (\w+)\n#define \1\b.*\n#endif.*\n", "", text, flags=re.M)
    share = preprocessor_share(plain)
    if share >= MOST_PREPROCESSOR:
        yield f"{share:.1%} preprocessor lines, must stay below {MOST_PREPROCESSOR:.0%}"


def check_calls(text):
    for feature in re.findall(r"\b(?:atomic_\w+|atom_\w+|native_\w+|half_(?:exp|log|divide)\w*)\b", text):
        yield f"uses {feature}, which kernels do not"
    for function in sorted(set(CHOSEN_DIMENSION.findall(text))):
        yield (f"asks {function} for a dimension that is not the constant 0, 1 or 2: PoCL 3.1 does not link "
               "such a kernel. Read two and choose between the numbers")
    for function in sorted(set(LAUNCH_SIZES.findall(text))):
        yield (f"uses {function}, but the host may run a launch in parts: derive the number from the "
               "kernel's arguments, or add an int argument for it")


def compile_alone(clang, path, options):
    command = [clang, "-x", "cl", *options, "-fsyntax-only", "-Wall", "-Werror", "-Xclang",
               "-finclude-default-header", "-include", str(FOLDER / "common.h"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"does not compile alone as {options[0]}:\n" + done.stderr


def check_compile(clang, path, text):
    yield from compile_alone(clang, path, ["-cl-std=CL1.2"])
    if re.search(r"\bSUBGROUPS\b", text):  # in each OpenCL C that a device may have them in
        for language in ("CL2.0", "CL3.0"):
            yield from compile_alone(clang, path, [f"-cl-std={language}", "-target", "spir64",
                                                   "-DSUBGROUPS=1", "-DLANES=64"])


def main():
    clang = shutil.which("clang") or shutil.which("clang-14")
    files = sorted(FOLDER.glob("*.cl"))
    wrong = [] if files else [f"no kernel files in {FOLDER}"]
    common = FOLDER / "common.h"  # pasted in front of each
    wrong += [f"{common.name}: {message}" for message in check_calls(common.read_text(encoding="utf-8"))]
    listed = (FOLDER / "meson.build").read_text(encoding="utf-8")
    for path in files:
        text = path.read_text(encoding="utf-8")
        found = [*check_header(path.stem, text), *check_text(path.stem, text), *check_calls(text)]
        if f"'{path.name}'" not in listed:
            found.append("is not listed in cl_kernels/meson.build")
        if clang:
            found += check_compile(clang, path, text)
        wrong += [f"{path.name}: {message}" for message in found]
    if not clang:
        print("clang is not installed: the kernels were not compiled alone")
    total = preprocessor_share("\n".join(path.read_text(encoding="utf-8") for path in files))
    print("\n".join(wrong) or f"{len(files)} kernel files, {total:.1%} preprocessor lines over all")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
