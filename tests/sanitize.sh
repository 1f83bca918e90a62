#!/usr/bin/env bash
# Builds everything a second time under the address and undefined-behaviour sanitizers, warnings being
# errors, and runs the unit tests, the fuzz programs and fovea train; then the tests of how launches run under the
# thread sanitizer: sanitize.sh [MUTATIONS]
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
# Undefined behaviour ends a test; leaks of the OpenCL runtimes are theirs. LLVM gives the threads that it compiles
# in another signal stack, which the sanitizer would take for its own when they end. It also guesses where a library's
# thread-local memory lies, and its leak check ends the process where it guessed wrong (seen with Mesa beside PoCL).
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:use_sigaltstack=0:intercept_tls_get_addr=0
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0
export FOVEA_MUTATIONS=$mutations
meson test -C $build --no-rebuild --print-errorlogs --timeout-multiplier 4 --suite unit --suite fuzz
# Training from outside. One runtime alone: another leaks where the loader has closed its library, which no
# suppression can name.
icd=/etc/OpenCL/vendors/pocl.icd
[ ! -f $icd ] || export OCL_ICD_VENDORS=$icd
FOVEA_KILLS=3 tests/test_train.py $build/host/fovea

# Races. PoCL's locks are seen by the sanitizer; those of other runtimes are not. Seven members at once are left
# out: they wait for each other for minutes.
[ -f $icd ] || {
    echo "PoCL is not installed: nothing was run under the thread sanitizer"
    exit 0
}
build="build-threads"
programs=(tests/test_team tests/test_team_life tests/test_opencl)
[ -f $build/build.ninja ] || meson setup $build -Db_sanitize=thread -Db_lundef=false -Doptimization=1 >/dev/null
ninja -C $build "${programs[@]}" >$build/log 2>&1 || {
    tail -n 50 $build/log
    exit 1
}
export TSAN_OPTIONS=atexit_sleep_ms=0 CK_DEFAULT_TIMEOUT=240
CK_RUN_CASE=team $build/tests/test_team
$build/tests/test_team_life
$build/tests/test_opencl
