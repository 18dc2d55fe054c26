#!/usr/bin/env bash
# Everything there is to check on a machine with a GPU: the CUDA tests, compute-sanitizer's four tools
# over the case lists, a benchmark of every operation beside PyTorch where that is installed. Ends in
# one table, and a JSON under bench/results/GPU-NAME/.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: tools/gpu_check.sh [options]
  --build FOLDER      build there (build-gpu)
  --programs FOLDER   use the programs of that build, and build nothing
  --headers FOLDER    header-only libraries, for a machine that has not got them installed
                      (tools/collect_headers.sh makes one)
  --no-tests, --no-sanitizer, --no-bench
                      leave the tests, compute-sanitizer, the benchmark out
OFER_COMMIT names the commit where git cannot; OFER_PYTHON a Python that has torch.
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
build=build-gpu headers="" make=yes tests=yes sanitize=yes bench=yes
while [ $# -gt 0 ]; do
  case $1 in
    --build | --programs | --headers) [ $# -ge 2 ] || { usage >&2; exit 2; } ;;
  esac
  case $1 in
    --build) build=$2; shift ;;
    --headers) headers=$2; shift ;;
    --programs) build=$2 make=""; shift ;;
    --no-tests) tests="" ;;
    --no-sanitizer) sanitize="" ;;
    --no-bench) bench="" ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

fail() { echo "gpu_check: $1" >&2; exit 1; }
command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU ||
  fail "this machine has no NVIDIA GPU, or no driver for it; nothing was checked"
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader -i 0)
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader -i 0 | tr -d .)
short=$(echo "$gpu" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')
commit=${OFER_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
results=${OUT:-bench/results}/$short
mkdir -p "$results"
echo "== $gpu, compute capability $capability, commit $commit"

build_programs() {
  command -v nvcc >/dev/null 2>&1 || export PATH=$PATH:/usr/local/cuda/bin
  command -v nvcc >/dev/null 2>&1 ||
    fail "no nvcc: install the CUDA Toolkit, or put its bin folder on PATH"
  local generator=() log=$results/build.log
  command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
  cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DOFER_CUDA=ON \
    -DOFER_CUDA_ARCHITECTURES="$capability" -DOFER_HEADERS="$headers" -DOFER_TESTS=ON \
    -DOFER_BENCH=ON >"$log" 2>&1 || { tail -20 "$log"; fail "configuring failed"; }
  cmake --build "$build" -j "$(nproc)" >"$log" 2>&1 || {
    grep -E "error|FAILED" "$log" | head -20
    fail "the build failed; see $log"
  }
  rm -f "$log"
}
if [ -n "$make" ]; then build_programs; fi
[ -x "$build/ofer_tests" ] || fail "$build holds no ofer_tests"

failed=0
names=() verdicts=()
verdict() {  # NAME STATUS LOG: notes how it ended, shows what went wrong and the last lines
  local name=$1 status=$2 log=$3
  echo "== $name"
  # A test that found no GPU after all has shown nothing.
  if [ "$status" -eq 0 ] && ! grep -q "SKIPPED, no GPU" "$log"; then
    verdicts+=(passed)
  else
    verdicts+=(FAILED)
    failed=$((failed + 1))
    grep -E "ERROR|SKIPPED|error|expected|threw|=========" "$log" | head -40
  fi
  tail -3 "$log"
  names+=("$name")
  rm -f "$log"
}

step() {  # NAME COMMAND...
  local name=$1 status=0
  shift
  "$@" >"$results/last.log" 2>&1 || status=$?
  verdict "$name" "$status" "$results/last.log"
}

if [ -n "$tests" ]; then
  for suite in operations_cuda variants_cuda pipeline_cuda training_cuda device_errors; do
    step "$suite" "$build/ofer_tests" --test-suite="$suite"
  done
  step api_cuda "$build/ofer_api_tests" --test-suite=api_cuda
fi

# Nothing is timed here: the cases are dealt out to as many processes as there are cores.
sanitize_cases() {
  local sanitizer deal=$1 tools="memcheck racecheck initcheck synccheck" tool group status
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if [ ! -x "$sanitizer" ]; then
    names+=("compute-sanitizer")
    verdicts+=("NOT FOUND")
    failed=$((failed + 1))
    return
  fi
  "$build/ofer_tests" --list-test-cases --test-suite=operations_cuda |
    grep -v -e '^\[doctest\]' -e '^===' | sed 's/,/\\,/g' |
    awk -v folder="$deal" -v groups="$(nproc)" '{ print > (folder "/group" NR % groups) }'
  for tool in $tools; do
    for group in "$deal"/group*; do printf '%s %s\n' "$tool" "$group"; done
  done | xargs -P "$(nproc)" -L 1 sh -c '
    log=$4.$3.log
    "$1" --tool "$3" --error-exitcode 1 --print-limit 5 "$2" --test-suite=operations_cuda \
      --test-case="$(paste -sd, "$4")" >"$log" 2>&1 || : >"$log.failed"
    grep -Eq "ERROR SUMMARY: 0 errors|RACECHECK SUMMARY: 0 hazards" "$log" || : >"$log.failed"' \
    sh "$sanitizer" "$build/ofer_tests"
  for tool in $tools; do
    cat "$deal"/group*."$tool.log" >"$results/last.log"
    status=0
    if ls "$deal"/group*."$tool.log.failed" >/dev/null 2>&1; then status=1; fi
    verdict "compute-sanitizer $tool" "$status" "$results/last.log"
  done
}
if [ -n "$sanitize" ]; then
  deal=$(mktemp -d)
  sanitize_cases "$deal"
  rm -rf "$deal"
fi

python=""
for candidate in ${OFER_PYTHON:-python3 /usr/bin/python3}; do
  if "$candidate" -c "import torch; assert torch.cuda.is_available()" 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -n "$bench" ]; then
  # Beside PyTorch, in turns, where it is; alone elsewhere.
  export OFER_COMMIT=$commit
  if [ -n "$python" ]; then
    timed=(--program "$build/ofer" --python "$python" --device cuda --rounds 3 --turns 2)
    step "every operation beside PyTorch" "$python" bench/compare_kernels.py "${timed[@]}" \
      --precision fp32,tf32,bf16 --variants --seconds 0.1 --json "$results/kernels-$commit.json"
  else
    step "every operation" "$build/ofer" bench kernels --device cuda --precision fp32,tf32,bf16 \
      --variants --seconds 0.2 --table -o "$results/kernels-$commit.json"
  fi
  for config in base small; do
    weights=$results/$config.safetensors file=$results/pipeline-$config-$commit.json
    "$build/ofer" init --config $config --seed 1 -o "$weights" >/dev/null
    if [ -n "$python" ]; then
      step "pipeline, $config, beside PyTorch" "$python" bench/compare_pipeline.py "${timed[@]}" \
        -m "$weights" --precision fp32,bf16 --batch 1,4,16,64 --seconds 0.5 --json "$file"
    else
      step "pipeline, $config" "$build/ofer" bench pipeline -m "$weights" --device cuda \
        --precision fp32,bf16 --seconds 0.5 --table -o "$file"
    fi
    rm -f "$weights"
  done
fi
echo
for i in "${!names[@]}"; do printf '%-36s %s\n' "${names[$i]}" "${verdicts[$i]}"; done
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} checks failed"
