#!/usr/bin/env bash
# Everything there is to check on a machine with a GPU: the CUDA tests, compute-sanitizer's four tools
# over the case lists, a benchmark of every operation beside PyTorch where that is installed. Ends in
# one table, and a JSON under bench/results/GPU-NAME/.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: tools/gpu_check.sh [options]
  --build FOLDER      build there (build-gpu)
  --headers FOLDER    header-only libraries, for a machine that has not got them installed
                      (tools/collect_headers.sh makes one)
  --no-sanitizer      leave compute-sanitizer out
  --no-bench          leave the benchmark out
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
build=build-gpu headers="" sanitize=yes bench=yes
while [ $# -gt 0 ]; do
  case $1 in
    --build | --headers) [ $# -ge 2 ] || { usage >&2; exit 2; } ;;
  esac
  case $1 in
    --build) build=$2; shift ;;
    --headers) headers=$2; shift ;;
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
command -v nvcc >/dev/null 2>&1 || export PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null 2>&1 || fail "no nvcc: install the CUDA Toolkit, or put its bin folder on PATH"

gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader -i 0)
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader -i 0 | tr -d .)
short=$(echo "$gpu" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
results=${OUT:-bench/results}/$short
mkdir -p "$results"
echo "== $gpu, compute capability $capability, commit $commit"

generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DOFER_CUDA=ON \
  -DOFER_CUDA_ARCHITECTURES="$capability" -DOFER_HEADERS="$headers" -DOFER_TESTS=ON \
  -DOFER_BENCH=ON >"$results/configure.log" 2>&1 || { tail -20 "$results/configure.log"; fail "configuring failed"; }
cmake --build "$build" -j "$(nproc)" >"$results/build.log" 2>&1 || {
  grep -E "error|FAILED" "$results/build.log" | head -20
  fail "the build failed; see $results/build.log"
}
rm -f "$results/configure.log" "$results/build.log"

failed=0
names=() verdicts=()
step() {  # NAME COMMAND...: runs it, keeps its last lines, notes the verdict
  local name=$1
  shift
  echo "== $name"
  # A test that found no GPU after all has shown nothing.
  if "$@" >"$results/last.log" 2>&1 && ! grep -q "SKIPPED, no GPU" "$results/last.log"; then
    verdicts+=(passed)
  else
    verdicts+=(FAILED)
    failed=$((failed + 1))
    grep -E "ERROR|SKIPPED|error|expected|threw|=========" "$results/last.log" | head -40
  fi
  tail -3 "$results/last.log"
  names+=("$name")
}

for suite in operations_cuda pipeline_cuda training_cuda device_errors; do
  step "$suite" "$build/ofer_tests" --test-suite="$suite"
done
if [ -n "$sanitize" ]; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if [ -x "$sanitizer" ]; then
    for tool in memcheck racecheck initcheck synccheck; do
      step "compute-sanitizer $tool" "$sanitizer" --tool "$tool" --error-exitcode 1 \
        --print-limit 5 "$build/ofer_tests" --test-suite=operations_cuda
    done
  else
    names+=("compute-sanitizer")
    verdicts+=("NOT FOUND")
    failed=$((failed + 1))
  fi
fi

python=""
for candidate in ${OFER_PYTHON:-python3 /usr/bin/python3}; do
  if "$candidate" -c "import torch; assert torch.cuda.is_available()" 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -n "$bench" ]; then
  step "benchmark of every operation" sh -c \
    "'$build/ofer_bench_kernels' --device cuda --json >'$results/ours.json'"
  if [ -n "$python" ]; then
    step "PyTorch on the same shapes" sh -c \
      "'$python' bench/peers/torch_kernels.py >'$results/torch.json'"
  fi
  python3 bench/write_gpu_results.py --ours "$results/ours.json" --torch "$results/torch.json" \
    --gpu "$gpu" --capability "$capability" --commit "$commit" -o "$results/kernels-$commit.json" ||
    failed=$((failed + 1))
  rm -f "$results/ours.json" "$results/torch.json"
fi
rm -f "$results/last.log"

echo
for i in "${!names[@]}"; do printf '%-36s %s\n' "${names[$i]}" "${verdicts[$i]}"; done
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} checks failed"
