#!/bin/sh
# check_package.sh BUILD SOURCE COMMAND PYTHON CUDA: installs BUILD into an empty folder and uses it from
# there as other people's programs do: by CMake and by pkg-config, shared and static, in C, C++ and
# Python. All must name the expressions that COMMAND names.
set -eu
build=$1 source=$2 command=$3 python=$4 cuda=$5  # CUDA: ON where the library has it
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
step() { echo "-- $*"; }
# same FILE WHAT: FILE has the labels that the command names, one on each line.
same() {
  cmp "$work/labels" "$1" || { echo "$2 names other expressions than the command" >&2; exit 1; }
}
# Labels of lines "FILE: LABEL, ...".
labels_of() { sed -e 's/^[^:]*: //' -e 's/,.*//' "$1"; }

step install
cmake --install "$build" --prefix "$prefix" >/dev/null
library=$(find "$prefix" -name libofer.so)
libraries=$(dirname "$library")
model=$prefix/share/ofer/latent-ofer-small.safetensors
export LD_LIBRARY_PATH="$libraries"
set -- "$source"/samples/*.png
"$command" run -m "$model" --json "$@" |
  sed -e 's/.*"label": *"\([^"]*\)".*/\1/' >"$work/labels"
test "$(wc -l <"$work/labels")" -eq $#

step "nothing is visible but the API"
nm -D --defined-only "$library" | awk '{print $NF}' | sed 's/@.*//' >"$work/symbols"
if grep -v '^ofer_' "$work/symbols"; then
  echo "visible, but no part of the API" >&2
  exit 1
fi
# All of the header's functions, and no other.
sed -n '/^OFER_API/,/;/p' "$source/ofer/ofer.h" | grep -o 'ofer_[a-z_]*(' | tr -d '(' |
  sort -u >"$work/declared"
sort -u "$work/symbols" | diff "$work/declared" -

step "the headers compile alone"
include=$prefix/include
cc -std=c99 -pedantic-errors -Wall -Wextra -Werror -I"$include" -x c -fsyntax-only \
  "$include/ofer/ofer.h"
c++ -std=c++17 -pedantic-errors -Wall -Wextra -Werror -I"$include" -x c++ -fsyntax-only \
  "$include/ofer/ofer.hpp"
c++ -std=c++20 -Wall -Wextra -Werror -I"$include" -x c++ -fsyntax-only "$include/ofer/ofer.hpp"

for shared in ON OFF; do
  step "CMake, BUILD_SHARED_LIBS=$shared"
  cmake -S "$source/examples" -B "$work/cmake-$shared" -DCMAKE_PREFIX_PATH="$prefix" \
    -DBUILD_SHARED_LIBS=$shared -DCMAKE_BUILD_TYPE=Release >/dev/null
  cmake --build "$work/cmake-$shared" >/dev/null
  bin=$work/cmake-$shared
  if [ $shared = OFF ] && ldd "$bin/minimal" | grep libofer; then
    echo "linked to the shared library" >&2
    exit 1
  fi
  for picture in "$@"; do "$bin/minimal" "$model" "$picture"; done >"$work/got"
  same "$work/got" minimal
  mkdir "$work/restored-$shared"
  "$bin/batch" "$model" "$work/restored-$shared" "$@" >"$work/lines"
  labels_of "$work/lines" >"$work/got"
  same "$work/got" batch
  test "$(find "$work/restored-$shared" -name '*.ppm' -size +1k | wc -l)" -eq $#
  "$bin/threads" "$model" "$@" >"$work/lines"
  labels_of "$work/lines" >"$work/got"
  same "$work/got" threads
  if [ "$cuda" = ON ]; then "$bin/cuda_stream" "$model" "$1"; fi
  # They say what is wrong.
  if "$bin/minimal" /nowhere "$1" 2>"$work/complaint"; then exit 1; fi
  grep -q /nowhere "$work/complaint"
done

step pkg-config
export PKG_CONFIG_PATH="$libraries/pkgconfig"
stb=$(for folder in /usr/include/stb /usr/include /usr/local/include; do
  test -f "$folder/stb_image.h" && echo "$folder" && break
done)
# shellcheck disable=SC2046  # lists of words on purpose
cc -std=c99 "$source/examples/minimal.c" -isystem "$stb" $(pkg-config --cflags --libs ofer) -lm \
  -o "$work/by_pkg_config"
# shellcheck disable=SC2046
cc -std=c99 "$source/examples/minimal.c" -isystem "$stb" $(pkg-config --cflags ofer) \
  "$libraries/libofer.a" $(pkg-config --static --libs ofer | sed 's/-lofer//') \
  -o "$work/by_pkg_config_static"
test "$(pkg-config --variable=model ofer | xargs realpath)" = "$(realpath "$model")"
for program in by_pkg_config by_pkg_config_static; do
  for picture in "$@"; do "$work/$program" "$model" "$picture"; done >"$work/got"
  same "$work/got" "$program"
done

step Python
"$python" "$source/examples/analyse.py" "$library" "$model" "$@" >"$work/lines"
labels_of "$work/lines" >"$work/got"
same "$work/got" analyse.py

echo "the installed package works"
