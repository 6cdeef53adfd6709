#!/usr/bin/env bash
# Fuzz the parsers of what strangers send or write, two targets at a time, and fail when one finds something.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]     (60, all: see fuzz/fuzz_targets)
#
# The stable compiler does: libFuzzer comes as C++ in a crate, and LLVM's pass for coverage feedback is in rustc.
# Dependencies are shared with the tests' build where they are the same. The corpus grows in target/fuzz/corpus,
# from the inputs of our tests; what breaks a target is left in target/fuzz/artifacts and printed.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || :
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(sed -nE 's/^path = "fuzz_targets\/(.*)\.rs"/\1/p' fuzz/Cargo.toml)
out=target/fuzz
mkdir -p "$out/logs"

build() {
  # One lock for both workspaces: cargo only adds what the exporter's has not.
  cp Cargo.lock fuzz/Cargo.lock
  KERNEL_EXPORTER_BPF_OBJECTS=$(scripts/empty-objects.sh target/empty-objects) RUSTC_WRAPPER=$PWD/fuzz/instrument \
    cargo build --profile quick --manifest-path fuzz/Cargo.toml --target-dir target "${targets[@]/#/--bin=}"
}

seed() { # TARGET: the corpus's first inputs
  local corpus=$out/corpus/$1 number=0 row
  mkdir -p "$corpus" "$out/artifacts/$1"
  ! [ -d "fuzz/seeds/$1" ] || cp "fuzz/seeds/$1"/* "$corpus"
  one_each() { while IFS= read -r row; do printf '%s' "$row" >"$corpus/seed-$((number += 1))"; done; }
  case $1 in
    config) cp config.yaml exporter/tests/bad-config/*.yaml "$corpus" ;;
    web_config) cp deploy/web-config.yml exporter/tests/{bad-,}web-config/*.yml "$corpus" ;;
    accept) one_each < <(grep -oE '"[^"]*[/;*][^"]*"' exporter/src/prometheus/negotiation_tests.rs | tr -d '"') ;;
    cgroup_path)
      one_each < <(sed -nE 's/^- path: //p' exporter/src/entities/place/paths.yaml | sed -E \
        -e "s/<[ABC]>/$(printf '0123456789abcdef%.0s' 1 2 3 4)/g; s/<H>/$(printf '0123456789abcdef%.0s' 1 2)/g" \
        -e 's/<[UV]>/6e91c467-e4c5-11e7-ace3-0a97ed59c75e/g; s/<[UV]_>/6e91c467_e4c5_11e7_ace3_0a97ed59c75e/g')
      ;;
  esac
}

run() { # TARGET
  local log=$out/logs/$1.log artifacts=$out/artifacts/$1 code=0 found
  find "$artifacts" -type f -delete
  # The outer limit is for a target that hangs in a way that libFuzzer's own alarm does not end.
  timeout -k 5 $((seconds + 60)) "target/quick/$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -max_len=16384 -print_final_stats=1 -artifact_prefix="$artifacts/" "$out/corpus/$1" >"$log" 2>&1 || code=$?
  if [ "$code" = 0 ] && ! grep -qE '^INFO: Loaded [1-9][0-9]* modules' "$log"; then
    echo "FAILED: fuzz target $1 was built without coverage feedback"
    return 1
  fi
  if [ "$code" != 0 ]; then
    echo "FAILED: fuzz target $1, exit code $code; its log is $log"
    tail -n 25 "$log"
    while IFS= read -r found; do
      echo "--- $found"
      od -A d -t x1z "$found" | head -n 40
    done < <(find "$artifacts" -type f)
    return 1
  fi
  sed -nE 's/^stat::number_of_executed_units: *([0-9]+)/\1 inputs/p' "$log" | xargs -I{} echo "fuzz $1: {}, $(
    sed -nE 's/.*DONE +cov: ([0-9]+).*/\1 edges/p' "$log"), nothing found"
}

build
for target in "${targets[@]}"; do seed "$target"; done
export -f run
export out seconds
code=0
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -euo pipefail -c 'run {}' | tee "$out/logs/summary" || code=1
failed=$(grep -c '^FAILED: ' "$out/logs/summary" || :)
echo "test result: $([ "$failed" = 0 ] && echo ok || echo FAILED). $((${#targets[@]} - failed)) passed; $failed failed; 0 ignored"
exit "$code"
