#!/usr/bin/env bash
# Installs the project into a temporary folder and uses it from outside, as a stranger would:
#   installed.sh BUILD_DIR
# The example is compiled through pkg-config against the shared and the static library and must recognise
# its picture; the installed program must start. Everything the set-up promises must lie in its place.
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

for name in bin/fovea include/fovea.h include/fovea_data.h include/fovea_opencl.h share/fovea/lenet5-fashion.onnx \
    share/fovea/fashion-labels.txt share/man/man1/fovea.1 share/bash-completion/completions/fovea; do
    [ -n "$(find "$root" -path "*/$name")" ] || die "$name was not installed"
done
model=$(find "$root" -name lenet5-fashion.onnx)

# Word splitting of pkg-config's answer is what every Makefile does.
# shellcheck disable=SC2046
compile() { cc -std=c11 -Wall -Wextra -Werror -o "$1" "$source/tests/example/classify.c" "${@:2}"; }

classify() {
    local answer
    answer=$(LD_LIBRARY_PATH=$libraries "$1" "$model") || die "$1 failed"
    echo "$(basename "$1") library: $answer"
    case $answer in *trouser*) ;; *) die "$1 did not recognise a pair of trousers" ;; esac
}

# shellcheck disable=SC2046
compile "$root/shared" $(pkg-config --cflags --libs fovea)
classify "$root/shared"
LD_LIBRARY_PATH=$libraries "$(find "$root" -path '*/bin/fovea')" --version

rm "$libraries"/libfovea.so*
# shellcheck disable=SC2046
compile "$root/static" $(pkg-config --static --cflags --libs fovea)
classify "$root/static"
