#!/usr/bin/env bash
# Every shell script of the project through shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not installed: the scripts were not checked"
    exit 77
fi
scripts=(quickstart .ci/run tests/*.sh)
for extra in host/fovea.bash host/completion/fovea.bash; do [ ! -f "$extra" ] || scripts+=("$extra"); done
shellcheck "${scripts[@]}"
echo "${#scripts[@]} scripts, nothing to complain about"
