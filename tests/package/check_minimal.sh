#!/bin/sh
# check_minimal.sh SOURCE CXX: the library alone, without CUDA, BLAS, the executor, the tools: it
# builds, works, and is small.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$2" \
  -DOFER_TRAINING=OFF -DOFER_TOOLS=OFF -DOFER_TESTS=OFF -DOFER_BENCH=OFF -DOFER_CUDA=OFF -DOFER_SIMT=OFF \
  -DOFER_MATMUL=plain >/dev/null
cmake --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --install "$work/build" --prefix "$work/prefix" >/dev/null
library=$(find "$work/prefix" -name libofer.so)
strip -o "$work/stripped" "$library"
size=$(stat -c %s "$work/stripped")
echo "the stripped shared library has $size bytes"
test "$size" -lt 3000000
# Nothing but the system's own.
if ldd "$library" | grep -E 'dnnl|blas|gomp|cuda|svm|boost'; then exit 1; fi
cmake -S "$source/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/examples" --target minimal >/dev/null
"$work/examples/minimal" "$work/prefix/share/ofer/latent-ofer-small.safetensors" \
  "$source/samples/portrait.png"
echo "the minimal build works"
