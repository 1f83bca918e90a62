#!/usr/bin/env bash
# Builds everything a second time under the address and undefined-behaviour sanitizers, warnings being
# errors, and runs the unit tests, the fuzz programs and fovea train: sanitize.sh [MUTATIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
mutations=${1:-300}
build="build-sanitize"
[ -f $build/build.ninja ] || meson setup $build -Db_sanitize=address,undefined -Db_lundef=false \
    -Dwerror=true -Doptimization=1 -Dc_args=-Wno-format-truncation >/dev/null
ninja -C $build >$build/log 2>&1 || {
    tail -n 50 $build/log
    exit 1
}
# Undefined behaviour ends a test; leaks of the OpenCL runtimes are theirs.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0
export FOVEA_MUTATIONS=$mutations
meson test -C $build --no-rebuild --print-errorlogs --timeout-multiplier 4 --suite unit --suite fuzz
# Training from outside. One runtime alone: another leaks where the loader has closed its library, which no
# suppression can name.
icd=/etc/OpenCL/vendors/pocl.icd
[ ! -f $icd ] || export OCL_ICD_VENDORS=$icd
FOVEA_KILLS=3 tests/test_train.py $build/host/fovea
