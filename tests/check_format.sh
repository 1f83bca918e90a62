#!/usr/bin/env bash
# Every C file and kernel is laid out as .clang-format says; --fix lays it out.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$tool" ]; then
    echo "clang-format is not installed: the layout was not checked"
    exit 77
fi
mapfile -t files < <(git ls-files '*.c' '*.h' '*.cl' 2>/dev/null)
if [ ${#files[@]} -eq 0 ]; then
    echo "not a git checkout: the layout was not checked"
    exit 77
fi
if [ "${1:-}" = --fix ]; then exec "$tool" -i "${files[@]}"; fi
"$tool" --dry-run --Werror "${files[@]}"
echo "${#files[@]} files laid out as they should be"
