#!/usr/bin/env bash
# Run every check, whatever fails, and close with one line: N passed, N failed, N skipped.
#
#   scripts/test.sh
#
# Steps: setup, lint, the tests on this machine, some fuzzing of each target, the truth tests in VMs. What
# each printed stays in target/test-logs; shown are results, and at the end what failed. Counted are libtest's
# result lines, here and from the VMs. A step that fails without a failed test (a compile error, a VM that died)
# counts as one failure. A test that cannot run on this machine prints a line "SKIPPED: why"; it counts as
# skipped, and where CI is set it fails the run. Tests compare with a machine that others use as well: a few that
# failed are run once more, and those that pass then are listed as unstable, with what they said at first.
set -euo pipefail
cd "$(dirname "$0")/.."
logs=target/test-logs
rm -rf "$logs" target/verdict.txt
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
# What VMs boot takes a while to fetch and little of this machine. The step that needs it tries again where this fails.
setpriv --pdeathsig TERM scripts/test-in-vms.sh --fetch >"$logs/fetch.log" 2>&1 </dev/null &
disown # no step waits for it
step lint make --no-print-directory lint
step host on_host
step fuzz scripts/fuzz.sh "${FUZZ_SECONDS:-20}"
step vms scripts/test-in-vms.sh

# What failed, with its messages, at the end, where it is found. Captured output has a section per test; what runs in a VM
# is not captured: a test's output stands between its name and its result, on lines of their own.
failures() { # LOG
  LC_ALL=C awk '
    /^test .* \.\.\. FAILED/ { name = $2 }
    /^---- .* stdout ----/ { section = $2; lines = 0 }
    /^(failures|successes):|^test result: / { section = "" }
    section != "" && lines++ < 40 { text[section] = text[section] $0 "\n" }
    name != "" { failed[name]; name = "" }
    END { for (name in failed) print text[name] }' "$1"
  [[ $1 != */vms.log ]] || LC_ALL=C awk '
    { sub(/\r$/, "") }
    /^=== / { vm = $0; told = 0; lines = 0 }
    /^test .* \.\.\. / { lines = 0 }
    /^(FAILED|UNSTABLE): / { print vm; print; next }
    /^FAILED$/ {
      if (!told++) print vm
      for (i = lines < 12 ? 0 : lines - 12; i < lines; i++) print "    " text[i]
    }
    { text[lines++] = $0 }' "$1"
}
unstable=$(cat "$logs"/*.log | LC_ALL=C grep -ac '^UNSTABLE: ' || :)
verdict() {
  if [ "$failed$unstable" != 00 ]; then
    echo "=== what failed, and what it said"
    for log in "$logs"/*.log; do failures "$log"; done | cut -c1-500 | tail -100
  fi
  echo
  printf '%s\n' "${summary[@]}"
  grep -Eah "$skip" "$logs"/*.log || :
  [ "$unstable" = 0 ] || echo "$unstable of those that passed did so only when they were run again."
  [ -z "${CI:-}" ] || [ "$unable" = 0 ] || echo "In CI nothing may be skipped."
  echo "$passed passed, $failed failed, $skipped skipped"
}
verdict | tee target/verdict.txt # the caller may have more to print, and this last
[ "$failed" = 0 ] && { [ -z "${CI:-}" ] || [ "$unable" = 0 ]; }
