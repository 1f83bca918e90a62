#!/usr/bin/env bash
# Runs every algorithm over tests/problems/oclgrind.txt on oclgrind, a simulated device that watches each
# memory access: oclgrind.sh BUILD_DIR. Demands right results, no invalid access, no race between
# work-items. (Values that nobody wrote show as wrong results: outputs are NaN before each run.)
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

watch() {
    timeout 300 oclgrind --data-races --log "$scratch/log" "$build/tests/test_algorithms" Oclgrind \
        "$scratch/problem" >"$scratch/out" 2>&1 </dev/null
}

# One process for each line, so that a complaint belongs to a line.
wrong=0 count=0
while IFS= read -r line; do
    count=$((count + 1))
    printf '%s\n' "$line" >"$scratch/problem"
    rm -f "$scratch/log"
    if ! watch; then
        echo "FAILED $line"
        tail -n 5 "$scratch/out"
        wrong=$((wrong + 1))
    elif [ -s "$scratch/log" ]; then
        echo "BAD ACCESS $line"
        head -n 12 "$scratch/log"
        wrong=$((wrong + 1))
    fi
done < <(sed -e 's/ *#.*//' -e '/^ *$/d' tests/problems/oclgrind.txt)
echo "$count problems watched, $wrong wrong"
[ "$count" -gt 0 ] && [ "$wrong" -eq 0 ]
