#!/usr/bin/env python3
"""Turn kernel files into one C table of {stem, source}: embed.py OUTPUT FILE..."""
import pathlib
import sys


def literal(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(f'    "{line}\\n"' for line in escaped.splitlines())


def main(output, *inputs):
    rows = []
    for path in map(pathlib.Path, inputs):
        rows.append(f'  {{"{path.stem}",\n{literal(path.read_text())}}},')
    pathlib.Path(output).write_text(
        '#include "opencl/kernel_table.h"\n'
        "const struct kernel_source kernel_table[] = {\n" + "\n".join(rows) + "\n  {0, 0}};\n")


main(*sys.argv[1:])
