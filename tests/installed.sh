#!/usr/bin/env bash
# Installs the project into a temporary folder and uses it from outside, as a stranger would:
#   installed.sh BUILD_DIR
# The examples are compiled through pkg-config against the shared and the static library; one must recognise
# its picture, one must learn, and the installed program must agree with it. Everything the set-up promises
# must lie in its place.
set -euo pipefail
build=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export XDG_CACHE_HOME=$root/cache
die() {
    echo "installed.sh: $*" >&2
    exit 1
}

meson install -C "$build" --no-rebuild --destdir "$root" >"$root/log" 2>&1 || {
    cat "$root/log"
    die "meson install failed"
}
package=$(find "$root" -name fovea.pc)
[ -n "$package" ] || die "no fovea.pc was installed"
PKG_CONFIG_PATH=$(dirname "$package")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$root
libraries=$(dirname "$PKG_CONFIG_PATH")

for name in bin/fovea include/fovea.h include/fovea_data.h include/fovea_opencl.h include/fovea_train.h \
    include/fovea_trainer.h share/fovea/lenet5-fashion.onnx share/fovea/fashion-labels.txt share/man/man1/fovea.1 share/bash-completion/completions/fovea; do
    [ -n "$(find "$root" -path "*/$name")" ] || die "$name was not installed"
done
model=$(find "$root" -name lenet5-fashion.onnx)

fovea=$(find "$root" -path '*/bin/fovea')
# Word splitting of pkg-config's answer is what every Makefile does.
# shellcheck disable=SC2046
compile() { cc -std=c11 -Wall -Wextra -Werror -o "$1" "$source/tests/example/$2.c" "${@:3}"; }

classify() {
    local answer
    answer=$(LD_LIBRARY_PATH=$libraries "$1" "$model") || die "$1 failed"
    echo "$(basename "$1") library: $answer"
    case $answer in *trouser*) ;; *) die "$1 did not recognise a pair of trousers" ;; esac
}

# Sets $accuracy to what the example says of its last epoch.
learn() {
    local answer
    answer=$(LD_LIBRARY_PATH=$libraries "$1" "$root/bars" "$1.onnx") || die "$1 failed"
    echo "$(basename "$1") library: $answer"
    accuracy=$(sed -n '$s/.*test accuracy \([0-9.]*\) %/\1/p' <<<"$answer")
    awk -v x="${accuracy:-0}" 'BEGIN { exit !(x >= 95) }' || die "$1 learned its pictures to '$accuracy' % alone"
    [ -s "$1.onnx" ] || die "$1 wrote no network"
}

# shellcheck disable=SC2046
compile "$root/shared" classify $(pkg-config --cflags --libs fovea)
classify "$root/shared"
"$source/tests/bars.py" "$root/bars" 2000 200
# shellcheck disable=SC2046
compile "$root/train-shared" train $(pkg-config --cflags --libs fovea)
learn "$root/train-shared"
LD_LIBRARY_PATH=$libraries "$fovea" --version
LD_LIBRARY_PATH=$libraries "$fovea" eval "$root/train-shared.onnx" --data "$root/bars" >"$root/eval"
cat "$root/eval"
grep -q "= $accuracy %" "$root/eval" || die "fovea eval does not say $accuracy % of the trained network"

rm "$libraries"/libfovea.so*
# shellcheck disable=SC2046
compile "$root/static" classify $(pkg-config --static --cflags --libs fovea)
classify "$root/static"
# shellcheck disable=SC2046
compile "$root/train-static" train $(pkg-config --static --cflags --libs fovea)
learn "$root/train-static"
cmp "$root/train-shared.onnx" "$root/train-static.onnx" || die "the two libraries learn different weights"
