#!/usr/bin/env bash
# The stages of the method beside the PyTorch twin, on this machine.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bench/run.sh BUILD_DIR [options]
  --config base|small   the model's configuration (base)
  --threads N           for both sides (one for each core)
  --batch N             images at once (1)
  --operations          single operations as well
  --stage NAME          only this stage or operation; may be repeated
  --blas FOLDER         the libblas.so.3 that PyTorch shall use, for example
                        /usr/lib/x86_64-linux-gnu/blas or .../openblas-pthread
  --rounds N            least number of rounds (5)
  --most-rounds N       largest number of rounds (25)
  --minutes N           no further round after this long (10)
  --weights FILE        use these weights instead of random ones
  --json FILE           write the numbers to FILE
  --save                write them to bench/results/
OFER_PYTHON names a Python that has torch; without it /usr/bin/python3 and python3 are tried.
TEXT
}

fail() {
  echo "bench/run.sh: $1" >&2
  exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
program=$(cd "$1" && pwd)/ofer_bench_stages
shift
[ -x "$program" ] || fail "no $program: configure with -DOFER_BENCH=ON and build"

config=base
batch=1
weights=""
save=""
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --config | --batch | --weights | --threads | --stage | --blas | --rounds | --most-rounds | \
      --minutes | --json)
      [ $# -ge 2 ] || fail "$1 needs a value" ;;
  esac
  case $1 in
    --config) config=$2; shift ;;
    --batch) batch=$2; shift ;;
    --weights) weights=$2; shift ;;
    --save) save=yes ;;
    --operations) options+=("$1") ;;
    --threads | --stage | --blas | --rounds | --most-rounds | --minutes | --json)
      options+=("$1" "$2"); shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown option $1" ;;
  esac
  shift
done

python=""
for candidate in ${OFER_PYTHON:-/usr/bin/python3 python3}; do
  if "$candidate" -c "import torch, numpy" 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "no Python with torch: apt-get install python3-torch, or set OFER_PYTHON"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -z "$weights" ]; then
  weights=$folder/weights.safetensors
  "$program" --print-config "$config" > "$folder/config.json"
  echo "making random weights of configuration $config" >&2
  "$python" "$root/tools/reference/make_weights.py" --config "$folder/config.json" --seed 1 \
    -o "$weights"
fi
"$python" "$root/bench/peers/make_inputs.py" -m "$weights" --batch "$batch" \
  -o "$folder/inputs.safetensors"
if [ -n "$save" ]; then options+=(--save "$root/bench/results"); fi
"$python" "$root/bench/compare_stages.py" --program "$program" -m "$weights" \
  -i "$folder/inputs.safetensors" "${options[@]}"
