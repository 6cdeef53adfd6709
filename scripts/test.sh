#!/usr/bin/env bash
# Run every check, whatever fails, and close with one line: N passed, N failed, N skipped.
#
#   scripts/test.sh
#
# Steps: setup, lint, the tests on this machine, a minute of fuzzing per target, the truth tests in VMs. What
# each printed stays in target/test-logs; shown are results, and at the end what failed. Counted are libtest's
# result lines, here and from the VMs. A step that fails without a failed test (a compile error, a VM that died)
# counts as one failure. A test that cannot run on this machine prints a line "SKIPPED: why"; it counts as
# skipped, and where CI is set it fails the run. Tests compare with a machine that others use as well: a few that
# failed are run once more, and those that pass then are listed as unstable, with what they said at first.
set -euo pipefail
cd "$(dirname "$0")/.."
logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
export PATH="$PWD/.cache/prometheus/usr/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
if [ "$EUID" != 0 ]; then # loading BPF programs needs root, compiling does not
  export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="sudo --preserve-env"
fi

export RUST_BACKTRACE=0 # a failed test is told by its message
skip='^(test .* \.\.\. )?SKIPPED: '
passed=0 failed=0 skipped=0 unable=0 summary=()
total() { # PATTERN LOG: the sum over LOG's lines of the number that PATTERN's parentheses catch
  LC_ALL=C sed -nE "s/^.*$1.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}
shown='^(test result: |=== |FAILED: |UNSTABLE: |error|warning)|^ +(Running|Doc-tests|Compiling kernel-exp)|\.\.\. FAILED|'$skip
step() { # NAME COMMAND...
  local name=$1 log=$logs/$1.log begin=$SECONDS verdict=ok failed_here skipped_here unstable_here
  echo "=== $name"
  "${@:2}" > >(tee "$log" | LC_ALL=C grep -aE --line-buffered "$shown" || :) 2>&1 || verdict=FAILED
  wait # for the log
  unstable_here=$(grep -ac '^UNSTABLE: ' "$log" || :)
  failed_here=$(($(total 'test result: .* ([0-9]+) failed;' "$log") + $(grep -ac '^FAILED: ' "$log" || :) - unstable_here))
  if [ $verdict = FAILED ] && [ "$failed_here" -le 0 ]; then failed_here=1 && tail -n 60 "$log"; fi
  skipped_here=$(grep -Eac "$skip" "$log" || :)
  passed=$((passed + $(total 'test result: .* ([0-9]+) passed;' "$log") + unstable_here - skipped_here))
  failed=$((failed + failed_here))
  skipped=$((skipped + skipped_here + $(total 'test result: .* ([0-9]+) ignored;' "$log")))
  unable=$((unable + skipped_here))
  summary+=("$(printf '%-8s %-7s %4d s' "$name" $verdict $((SECONDS - begin)))")
}

on_host() { # the tests on this machine; a few that fail, once more
  local failures again=$logs/again.txt
  tests() { cargo test --profile quick --workspace --no-fail-fast -- --show-output "$@"; }
  tests && return
  mapfile -t failures < <(scripts/failed-tests.sh "$logs/host.log")
  [ ${#failures[@]} -gt 0 ] && tests --exact "${failures[@]}" >"$again" 2>&1 || return 1
  [ "$(total 'test result: .* ([0-9]+) passed;' "$again")" -ge ${#failures[@]} ] || return 1
  printf 'UNSTABLE: %s: passed when it was run again\n' "${failures[@]}"
}

step setup scripts/setup.sh all
step lint make --no-print-directory lint
step host on_host
step fuzz scripts/fuzz.sh "${FUZZ_SECONDS:-60}"
step vms scripts/test-in-vms.sh

# What failed, with its messages, at the end, where it is found. Captured output has a section per test.
failures() { # LOG
  LC_ALL=C awk '
    /^test .* \.\.\. FAILED/ { name = $2 }
    /^---- .* stdout ----/ { section = $2; lines = 0 }
    /^(failures|successes):|^test result: / { section = "" }
    section != "" && lines++ < 40 { text[section] = text[section] $0 "\n" }
    name != "" { failed[name]; name = "" }
    END { for (name in failed) print text[name] }' "$1"
  # In a VM there is no such section, and a test says that it failed on a line of its own.
  [[ $1 != */vms.log ]] || LC_ALL=C grep -aE -A12 '^===.*exit code [1-9]| panicked at |^(FAILED|UNSTABLE)' "$1" || :
}
unstable=$(cat "$logs"/*.log | LC_ALL=C grep -ac '^UNSTABLE: ' || :)
if [ "$failed$unstable" != 00 ]; then
  echo "=== what failed, and what it said"
  for log in "$logs"/*.log; do failures "$log"; done | tail -200
fi

echo
printf '%s\n' "${summary[@]}"
grep -Eah "$skip" "$logs"/*.log || :
[ "$unstable" = 0 ] || echo "$unstable of those that passed did so only when they were run again."
[ -z "${CI:-}" ] || [ "$unable" = 0 ] || echo "In CI nothing may be skipped."
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ -z "${CI:-}" ] || [ "$unable" = 0 ]; }
