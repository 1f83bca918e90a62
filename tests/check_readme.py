#!/usr/bin/env python3
"""Does the README tell the truth? In a fresh clone with an empty cache every command it shows must end
with 0; every path it names must exist; the program it shows must be the one that is tested.

    check_readme.py [--paths-only]
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = "tests/example/classify.c"
# The whole suite is a step of its own in .ci/run; here it would run inside itself.
ELSEWHERE = ("./quickstart test",)


def commands():
    for block in re.findall(r"^```console\n(.*?)^```", README, re.M | re.S):
        yield from re.findall(r"^\$ (.+)$", block, re.M)


def check_paths():
    pages = [ROOT / "README.md", ROOT / "lib/README.md", ROOT / "cl_kernels/README.md"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for name in sorted(set(re.findall(r"`([\w./*-]+)`", text))):
            is_path = re.match(r"(lib|cl_kernels|host|tests|benchmarks)/", name)
            if is_path and not list(ROOT.glob(name)):
                yield f"{page.relative_to(ROOT)} names {name}, which does not exist"
    if (ROOT / EXAMPLE).read_text(encoding="utf-8") not in README:
        yield f"README.md does not show {EXAMPLE} as it is"


def check_commands():
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "fovea"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        shown = [c for c in commands() if c not in ELSEWHERE]
        if not shown:
            yield "README.md shows no command"
        for command in shown:
            environment = dict(os.environ, XDG_CACHE_HOME=f"{scratch}/cache")
            done = subprocess.run(["bash", "-c", command], cwd=clone, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            print(f"$ {command}\n{done.stdout}", flush=True)
            if done.returncode != 0:
                yield f"README.md: '{command}' ends with {done.returncode}"


def main():
    wrong = list(check_paths())
    if "--paths-only" not in sys.argv:
        wrong += check_commands()
    print("\n".join(wrong) or "the README tells the truth")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
