#!/bin/sh
# check_sanitized.sh SOURCE CXX: the interface's tests, failing memory among them, under the address
# and undefined-behaviour sanitizers. `make asan` and `make tsan` run all suites so.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$source" -B "$work/build" --preset asan -DCMAKE_CXX_COMPILER="$2" -DOFER_CUDA=OFF \
  -DOFER_SIMT=OFF -DOFER_TRAINING=OFF -DOFER_TOOLS=OFF >/dev/null
cmake --build "$work/build" --target ofer_api_tests >"$work/log" || { cat "$work/log"; exit 1; }
# The command is not built here, and what many images or threads add is for `make asan`.
ASAN_OPTIONS=allocator_may_return_null=1 "$work/build/ofer_api_tests" -tce="*the command*" \
  -ts="api_bad_input,api_faults,api_hpp,api_model,api_session"
echo "the interface is clean under the sanitizers"
