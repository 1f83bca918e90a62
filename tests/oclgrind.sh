#!/usr/bin/env bash
# Runs problem lines of every operator family on oclgrind, a simulated device that watches each memory
# access: oclgrind.sh BUILD_DIR. No invalid access, no race, no read of uninitialised memory.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
if ! command -v oclgrind >/dev/null; then
    echo "oclgrind is not installed: no kernel was watched"
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch

wrong=0 count=0
# The simulator interprets every instruction, so the smallest problems must do.
while IFS= read -r line; do
    count=$((count + 1))
    if ! timeout 120 oclgrind --data-races --uninitialized --log "$scratch/watch" \
        "$build/host/fovea" verify --device Oclgrind --problem "$line" >"$scratch/out" 2>&1 </dev/null; then
        echo "wrong result: $line"
        tail -n 5 "$scratch/out"
        wrong=$((wrong + 1))
    elif [ -s "$scratch/watch" ]; then
        echo "bad access: $line"
        head -n 12 "$scratch/watch"
        wrong=$((wrong + 1))
    fi
    rm -f "$scratch/watch"
done < <(sed -e 's/ *#.*//' -e '/^ *$/d' tests/problems/oclgrind.txt)
echo "$count problems watched, $wrong of them wrong"
[ "$count" -gt 0 ] && [ "$wrong" -eq 0 ]
