#!/usr/bin/env python3
"""Reads every #include and keeps the arrows between the rooms of the house one-way.

    base <- graph <- {onnx, zoo, reference}; base <- store <- opencl; {graph, opencl} <- ops;
    everything <- plan; {graph, plan} <- train; host sees the public headers alone.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAY_SEE = {
    "base": set(),
    "graph": {"base"},
    "onnx": {"base", "graph"},
    "zoo": {"base", "graph"},
    "reference": {"base", "graph"},
    "opencl": {"base", "store"},  # programs are kept in the store
    "store": {"base"},
    "ops": {"base", "graph", "opencl"},
    "plan": {"base", "graph", "reference", "opencl", "store", "ops"},
    "train": {"base", "graph", "plan"},
    "include": set(),
}
PUBLIC = {"fovea.h", "fovea_train.h", "fovea_trainer.h", "fovea_data.h", "fovea_opencl.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)


def refuse_library(room, target, path):
    """Why a library file of `room` may not include `target`; None if it may."""
    if target.startswith("CL/") or target == "clblast_c.h":
        allowed = room == "opencl" or path.name == "fovea_opencl.h"
        return None if allowed else "only lib/opencl and fovea_opencl.h include OpenCL and CLBlast"
    if target == "fovea_opencl.h":
        allowed = room in ("opencl", "plan")
        return None if allowed else "only lib/opencl and lib/plan know fovea_opencl.h"
    head = target.split("/")[0]
    if "/" in target and head in MAY_SEE:
        if head != room and head not in MAY_SEE[room]:
            return f"{room} may see only {', '.join(sorted(MAY_SEE[room])) or 'itself'}"
    return None


def refuse_host(target, path):
    if target in PUBLIC and target != "fovea_opencl.h":
        return None
    if (path.parent / target).exists():
        return None
    if target.startswith("CL/") or (ROOT / "lib" / target).exists():
        return "host includes the public headers and its own files alone"
    return None


def refuse(path, target):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "lib":
        if len(parts) < 3:
            return "a library file belongs in a room of lib/"
        if parts[1] not in MAY_SEE:
            return f"lib/{parts[1]} is no room of the house; name it in check_layers.py"
        return refuse_library(parts[1], target, path)
    if parts[0] == "host":
        return refuse_host(target, path)
    if parts[0] == "cl_kernels":
        return "a kernel file includes nothing; common.h is pasted in front by the loader"
    if target.startswith(("host/", "../host")):
        return "nobody includes host"
    return None


def main():
    wrong, count = [], 0
    for folder in ("lib", "host", "cl_kernels", "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.[chl]*")):
            if path.suffix not in (".c", ".h", ".cl"):
                continue
            for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
                count += 1
                reason = refuse(path, match.group(1))
                if reason:
                    wrong.append(f"{path.relative_to(ROOT)}: includes {match.group(1)}: {reason}")
    if count == 0:
        wrong.append(f"no #include found below {ROOT}")
    print("\n".join(wrong) or f"{count} includes, all in the right direction")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
