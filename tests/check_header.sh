#!/usr/bin/env bash
# Each public header compiles alone, as C11, C17 and C++11, without a warning.
set -euo pipefail
include=$(cd "$(dirname "$0")/../lib/include" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
strict=(-fsyntax-only -Wall -Wextra -Wpedantic -Werror -DCL_TARGET_OPENCL_VERSION=300 -I "$include")
for header in "$include"/*.h; do
    name=$(basename "$header")
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" >"$scratch/alone.c"
    for standard in c11 c17; do
        cc -std=$standard -Wstrict-prototypes "${strict[@]}" "$scratch/alone.c"
    done
    if command -v c++ >/dev/null; then
        c++ -x c++ -std=c++11 "${strict[@]}" "$scratch/alone.c"
        echo "$name: C11, C17, C++11"
    else
        echo "$name: C11, C17 (no C++ compiler here, so that was left out)"
    fi
done
