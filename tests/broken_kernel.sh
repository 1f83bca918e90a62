#!/usr/bin/env bash
# Does a broken kernel get caught? Breaks one operator in a copy of a kernel file and demands that `verify`
# ends with 1 and names the algorithm; the untouched copy must pass: broken_kernel.sh FOVEA DEVICE
set -euo pipefail
fovea=$1 device=$2
kernels=$(cd "$(dirname "$0")/../cl_kernels" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache
die() {
    echo "broken_kernel.sh: $*" >&2
    exit 1
}

verify() {
    local status=0
    FOVEA_KERNEL_DIR=$scratch/kernels "$fovea" verify --device "$1" --algorithm "$2" --problem "$3" \
        >"$scratch/out" 2>&1 </dev/null || status=$?
    return $status
}

# break_kernel DEVICE ALGORITHM SED_EXPRESSION PROBLEM
break_kernel() {
    local device=$1 algorithm=$2 expression=$3 problem=$4 status=0
    rm -rf "$scratch/kernels"
    cp -r "$kernels" "$scratch/kernels"
    verify "$device" "$algorithm" "$problem" || {
        cat "$scratch/out"
        die "$algorithm fails before it is broken"
    }
    sed -i "$expression" "$scratch/kernels/$algorithm.cl"
    ! cmp -s "$kernels/$algorithm.cl" "$scratch/kernels/$algorithm.cl" ||
        die "'$expression' changes nothing in $algorithm.cl"
    verify "$device" "$algorithm" "$problem" || status=$?
    cat "$scratch/out"
    [ "$status" -eq 1 ] || die "the broken $algorithm gives exit $status, not 1"
    grep -q "$algorithm" "$scratch/out" || die "the output does not name $algorithm"
    echo "broken $algorithm: caught and named"
}

break_kernel "$device" conv_direct 's/sum\[o\] += w/sum[o] -= w/' \
    'Conv 2x3x9x7 4x3x3x3 4 pads=1,1,1,1'
break_kernel "$device" pool_direct 's/tap <= best/tap >= best/' 'MaxPool 1x5x13x13 kernel_shape=3,3 strides=2,2'

# A kernel that does not compile: the build log is told, the next algorithm takes over and is right.
rm -rf "$scratch/kernels"
cp -r "$kernels" "$scratch/kernels"
first=$("$fovea" verify --device "$device" "$kernels/../host/models/lenet5-fashion.onnx" 2>/dev/null </dev/null |
    awk '$1 == "conv2" { print $3 }')
[ -e "$kernels/$first.cl" ] || die "conv2 is done by '$first', which is no kernel file"
echo 'this is no OpenCL C;' >>"$scratch/kernels/$first.cl"
FOVEA_KERNEL_DIR=$scratch/kernels "$fovea" verify --device "$device" "$kernels/../host/models/lenet5-fashion.onnx" \
    >"$scratch/out" 2>&1 </dev/null || {
    cat "$scratch/out"
    die "a kernel that does not compile stops the plan"
}
cat "$scratch/out"
grep -q "$first.cl does not compile" "$scratch/out" || die "the build log is not told"
next=$(awk '$1 == "conv2" && $NF == "right" { print $3 }' "$scratch/out")
if [ -z "$next" ] || [ "$next" = "$first" ] || [ "$next" = reference ]; then
    die "the next algorithm does not take over: '$next'"
fi
echo "$first that does not compile: told, and $next takes over"

# A kernel that lies is found before its first use: told, not used, and the answer is the right one.
rm -rf "$scratch/kernels"
cp -r "$kernels" "$scratch/kernels"
sed -i 's/ - largest) \/ sum/ - largest) * sum/' "$scratch/kernels/softmax.cl"
{ printf 'P5 28 28 255\n' && printf '%784s' '' | tr ' ' z; } >"$scratch/grey.pgm"
answer() {
    "$fovea" run --device "$1" --top 1 "$kernels/../host/models/lenet5-fashion.onnx" "$scratch/grey.pgm" 2>"$scratch/warnings" |
        awk '/^ / { print $1 }' # the best class
}
want=$(answer reference)
got=$(FOVEA_KERNEL_DIR=$scratch/kernels answer "$device") || die "a lying kernel stops the run"
cat "$scratch/warnings"
grep -q 'softmax gives a wrong result' "$scratch/warnings" || die "the lie is not told"
[ -n "$want" ] || die "the reference gives no answer"
[ "$want" = "$got" ] || die "the best class is '$got', not '$want'"
echo "lying softmax: told, and the answer is right"

# A kernel that is fast because it writes nothing never wins a tuning; untouched, it may.
tune() {
    FOVEA_KERNEL_DIR=$scratch/kernels "$fovea" tune --device "$device" --json "$kernels/../host/models/lenet5-fashion.onnx" \
        2>"$scratch/warnings" >"$scratch/tuned" </dev/null || die "tuning fails: $(cat "$scratch/warnings")"
}
rm -rf "$scratch/kernels"
cp -r "$kernels" "$scratch/kernels"
tune
grep -Eq '"wrong": *0' "$scratch/tuned" || die "tuning finds a wrong result in an untouched kernel"
sed -i 's/if (tile \* Q + q >= ocb) continue;/continue;/' "$scratch/kernels/conv_blocked.cl"
! cmp -s "$kernels/conv_blocked.cl" "$scratch/kernels/conv_blocked.cl" || die "conv_blocked.cl has changed: break it otherwise"
tune
cat "$scratch/tuned"
grep -Eq '"wrong": *[1-9]' "$scratch/tuned" || die "tuning does not see that conv_blocked writes nothing"
! grep -Eq "\"after\": *\"conv_blocked\"" "$scratch/tuned" || die "conv_blocked writes nothing and wins"
echo "conv_blocked that writes nothing: seen, and does not win"
