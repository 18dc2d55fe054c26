#!/bin/sh
# Copies the header-only libraries that the build needs into FOLDER, for a machine where nothing can be
# installed: there, cmake -DOFER_HEADERS=FOLDER.
set -eu
[ $# -eq 1 ] || { echo "usage: tools/collect_headers.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
for header in nlohmann doctest CLI stb eigen3/Eigen; do
  found=""
  for root in /usr/include /usr/local/include; do
    if [ -d "$root/$header" ]; then found=$root/$header; break; fi
  done
  [ -n "$found" ] || { echo "collect_headers.sh: no folder $header under /usr/include; make test installs it" >&2; exit 1; }
  mkdir -p "$1/$(dirname "$header")"
  cp -rL "$found" "$1/$(dirname "$header")/"
done
