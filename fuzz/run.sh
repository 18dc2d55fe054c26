#!/bin/sh
# Fuzzes each target for FUZZ_SECONDS (600) and stops at the first finding, which stays where it says.
# usage: run.sh BUILD [TARGET...]
set -eu
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")"
[ "$#" -gt 0 ] || set -- $(ls corpus)
for target in "$@"; do
  work=$build/fuzz-$target  # what it learns; the committed corpus is only read
  mkdir -p "$work/corpus"
  echo "$target: ${FUZZ_SECONDS:-600} s"
  size=16384
  [ "$target" != weight_file ] || size=131072  # no smaller file has every tensor of a model
  # No input of that size may take more memory and time than these. The time is wall time, which
  # other work on the machine stretches.
  ASAN_OPTIONS=allocator_may_return_null=1 "$build/fuzz_$target" \
    -max_total_time="${FUZZ_SECONDS:-600}" -max_len=$size -rss_limit_mb=2048 -timeout=60 \
    -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "corpus/$target" \
    2> "$work/log" || { tail -40 "$work/log" >&2; exit 1; }
  grep -E "^stat::number_of_executed_units|^stat::peak_rss" "$work/log"
done
