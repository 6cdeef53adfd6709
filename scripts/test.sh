#!/usr/bin/env bash
# Run every check, whatever fails, and close with one line: N passed, N failed, N skipped.
#
#   scripts/test.sh
#
# Steps: setup, lint, the tests on this machine, the truth tests in VMs. What each printed stays in
# target/test-logs. Counted are libtest's result lines, here and from the VMs. A step that fails without
# a failed test (a compile error, a VM that died) counts as one failure. A test that cannot run on this
# machine prints a line "SKIPPED: why"; it counts as skipped, and where CI is set it fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
export PATH="$PWD/.cache/prometheus/usr/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
if [ "$EUID" != 0 ]; then # loading BPF programs needs root, compiling does not
  export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="sudo --preserve-env"
fi

skip='^(test .* \.\.\. )?SKIPPED: '
passed=0 failed=0 skipped=0 unable=0 summary=()
total() { # PATTERN LOG: the sum over LOG's lines of the number that PATTERN's parentheses catch
  LC_ALL=C sed -nE "s/^.*$1.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}
step() { # NAME COMMAND...
  local name=$1 log=$logs/$1.log begin=$SECONDS verdict=ok failed_here skipped_here
  echo "=== $name"
  "${@:2}" 2>&1 | tee "$log" || verdict=FAILED
  failed_here=$(($(total 'test result: .* ([0-9]+) failed;' "$log") + $(grep -ac '^FAILED: ' "$log" || :)))
  [ $verdict = ok ] || [ "$failed_here" -gt 0 ] || failed_here=1
  skipped_here=$(grep -Eac "$skip" "$log" || :)
  passed=$((passed + $(total 'test result: .* ([0-9]+) passed;' "$log") - skipped_here))
  failed=$((failed + failed_here))
  skipped=$((skipped + skipped_here + $(total 'test result: .* ([0-9]+) ignored;' "$log")))
  unable=$((unable + skipped_here))
  summary+=("$(printf '%-8s %-7s %4d s' "$name" $verdict $((SECONDS - begin)))")
}

step setup scripts/setup.sh all
step lint make --no-print-directory lint
step host cargo test --release --workspace --no-fail-fast -- --show-output
step vms scripts/test-in-vms.sh

echo
printf '%s\n' "${summary[@]}"
grep -Eah "$skip" "$logs"/*.log || :
[ -z "${CI:-}" ] || [ "$unable" = 0 ] || echo "In CI nothing may be skipped."
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ -z "${CI:-}" ] || [ "$unable" = 0 ]; }
