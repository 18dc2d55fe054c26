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
  --only PARTS        of tests,sanitizer,kernels,pipeline (all): the tests, compute-sanitizer over
                      the cases, the benchmark of each operation, that of the whole
  --precision NAMES   of the operations' benchmark (fp32,tf32,bf16)
  --operation NAMES   in it only these (all)
  --config NAMES      of the whole's benchmark (base,small)
  --turns N           of ours and PyTorch in a benchmark (2)
  --no-compile        leave torch.compile out of the benchmarks: it takes many minutes
  --minutes N         start no test or sanitizer later than this, and say which were left
OFER_COMMIT names the commit where git cannot; OFER_PYTHON a Python that has torch.
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
build=build-gpu headers="" make=yes compile=yes minutes=""
parts=tests,sanitizer,kernels,pipeline precisions=fp32,tf32,bf16 operations=() configs=base,small turns=2
while [ $# -gt 0 ]; do
  case $1 in
    --build | --programs | --headers | --only | --precision | --operation | --config | --turns | --minutes) [ $# -ge 2 ] || { usage >&2; exit 2; } ;;
  esac
  case $1 in
    --build) build=$2; shift ;;
    --headers) headers=$2; shift ;;
    --programs) build=$2 make=""; shift ;;
    --only) parts=$2; shift ;;
    --precision) precisions=$2; shift ;;
    --operation) operations=(--operation "$2"); shift ;;
    --config) configs=$2; shift ;;
    --turns) turns=$2; shift ;;
    --no-compile) compile="" ;;
    --minutes) minutes=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

fail() { echo "gpu_check: $1" >&2; exit 1; }
wants() { case ,$parts, in *,$1,*) return 0 ;; *) return 1 ;; esac }
for part in ${parts//,/ }; do
  case $part in tests | sanitizer | kernels | pipeline) ;; *) usage >&2; exit 2 ;; esac
done
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
verdict() {  # NAME STATUS LOG LINES: notes how it ended, shows what went wrong and the last lines
  local name=$1 status=$2 log=$3 lines=$4
  echo "== $name"
  # A test that found no GPU after all has shown nothing.
  if [ "$status" -eq 0 ] && ! grep -q "SKIPPED, no GPU" "$log"; then
    verdicts+=(passed)
  else
    verdicts+=(FAILED)
    failed=$((failed + 1))
    grep -E "ERROR|SKIPPED|error|expected|threw|=========" "$log" |
      grep -Ev "COMPUTE-SANITIZER|SUMMARY: 0 |^=+$" | head -40
  fi
  tail -n "$lines" "$log"
  names+=("$name")
  rm -f "$log"
}

step() {  # NAME COMMAND...: a benchmark, whose table is shown whole
  local name=$1 status=0
  shift
  "$@" >"$results/last.log" 2>&1 || status=$?
  verdict "$name" "$status" "$results/last.log" +1
}

# Nothing is timed here: tests and sanitizers share one pool of as many processes as there are cores,
# the cases of operations_cuda dealt out among several.
export build sanitizer deadline
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
deadline=$([ -n "$minutes" ] && echo $(($(date +%s) + 60 * minutes)))

run_job() {  # LOG TOOL PROGRAM SUITE GROUP: a suite, or a group of its cases; TOOL and GROUP may be -
  local log=$1 tool=$2 command=("$build/$3" --test-suite="$4")
  if [ -n "$deadline" ] && [ "$(date +%s)" -gt "$deadline" ]; then
    : >"$log.left"
    return
  fi
  [ "$5" = - ] || command+=(--test-case="$(paste -sd, "$5")")
  if [ "$tool" != - ]; then
    command=("$sanitizer" --tool "$tool" --error-exitcode 1 --print-limit 5 "${command[@]}")
  fi
  "${command[@]}" >"$log" 2>&1 || : >"$log.failed"
  if [ "$tool" != - ]; then
    grep -Eq "ERROR SUMMARY: 0 errors|RACECHECK SUMMARY: 0 hazards" "$log" || : >"$log.failed"
  fi
}
export -f run_job

deal=$(mktemp -d)
trap 'rm -rf "$deal"' EXIT
pooled=()  # names of verdicts, in order
add_jobs() {  # NAME TOOL PROGRAM SUITE [GROUP...]
  local name=$1 place=$deal/${#pooled[@]} number=0 group
  pooled+=("$name")
  mkdir "$place"
  for group in "${@:5}"; do
    number=$((number + 1))
    printf '%s\n' "$place/$number.log $2 $3 $4 $group" >>"$deal/jobs"
  done
}
"$build/ofer_tests" --list-test-cases --test-suite=operations_cuda |
  grep -v -e '^\[doctest\]' -e '^===' | sed 's/,/\\,/g' |
  awk -v folder="$deal" -v groups="$(nproc)" '{ print > (folder "/group" NR % groups) }'
if wants tests; then
  for suite in pipeline_cuda training_cuda variants_cuda device_errors; do
    add_jobs "$suite" - ofer_tests "$suite" -
  done
  add_jobs api_cuda - ofer_api_tests api_cuda -
  add_jobs operations_cuda - ofer_tests operations_cuda "$deal"/group*
fi
if wants sanitizer && [ -x "$sanitizer" ]; then
  for tool in racecheck initcheck synccheck memcheck; do
    add_jobs "compute-sanitizer $tool" "$tool" ofer_tests operations_cuda "$deal"/group*
  done
elif wants sanitizer; then
  names+=("compute-sanitizer")
  verdicts+=("NOT FOUND")
  failed=$((failed + 1))
fi
if [ ${#pooled[@]} -gt 0 ]; then
  # shellcheck disable=SC2016
  xargs -P "$(nproc)" -L 1 bash -c 'run_job "$@"' _ <"$deal/jobs"
fi
for i in "${!pooled[@]}"; do
  status=0
  if compgen -G "$deal/$i/*.failed" >/dev/null; then status=1; fi
  if compgen -G "$deal/$i/*.left" >/dev/null; then
    status=1
    left=("$deal/$i"/*.left)
    echo "ERROR: ${#left[@]} parts of ${pooled[$i]} were left for lack of time" >"$deal/$i/left.log"
  fi
  # The parts that failed come last, so that their end is what is shown, and are kept whole.
  for log in "$deal/$i"/*.log; do
    if [ -e "$log.failed" ]; then
      cp "$log" "$log.1.sorted"
      cp "$log" "$results/failed-${pooled[$i]// /-}-$(basename "$log")"
    else
      cp "$log" "$log.0.sorted"
    fi
  done
  cat "$deal/$i"/*.0.sorted "$deal/$i"/*.1.sorted >"$results/last.log" 2>/dev/null
  verdict "${pooled[$i]}" "$status" "$results/last.log" 3
done

python=""
for candidate in ${OFER_PYTHON:-python3 /usr/bin/python3}; do
  if "$candidate" -c "import torch; assert torch.cuda.is_available()" 2>/dev/null; then
    python=$candidate
    break
  fi
done
# Beside PyTorch, in turns, where it is; alone elsewhere.
export OFER_COMMIT=$commit
variants=()  # kernels of floats
case ,$precisions, in *,fp32,*) variants=(--variants) ;; esac
timed=(--program "$build/ofer" --python "$python" --device cuda --rounds 3 --turns "$turns")
if [ -z "$compile" ]; then timed+=(--no-compile); fi
if wants kernels && [ -n "$python" ]; then
  step "every operation beside PyTorch" "$python" bench/compare_kernels.py "${timed[@]}" \
    --precision "$precisions" "${operations[@]}" "${variants[@]}" --seconds 0.1 \
    --json "$results/kernels-$commit.json"
elif wants kernels; then
  step "every operation" "$build/ofer" bench kernels --device cuda --precision "$precisions" \
    "${operations[@]}" "${variants[@]}" --seconds 0.2 --table -o "$results/kernels-$commit.json"
fi
if ! wants pipeline; then configs=""; fi
for config in ${configs//,/ }; do
  weights=$results/$config.safetensors file=$results/pipeline-$config-$commit.json
  "$build/ofer" init --config $config --seed 1 -o "$weights" >/dev/null
  if [ -n "$python" ]; then
    step "pipeline, $config, beside PyTorch" "$python" bench/compare_pipeline.py "${timed[@]}" \
      -m "$weights" --precision fp32,bf16 --batch 1,4,16,64 --seconds 0.3 --json "$file"
  else
    step "pipeline, $config" "$build/ofer" bench pipeline -m "$weights" --device cuda \
      --precision fp32,bf16 --seconds 0.5 --table -o "$file"
  fi
  rm -f "$weights"
done
echo
for i in "${!names[@]}"; do printf '%-36s %s\n' "${names[$i]}" "${verdicts[$i]}"; done
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} checks failed"
