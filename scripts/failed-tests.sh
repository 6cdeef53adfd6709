#!/usr/bin/env bash
# The names of the tests that failed in a run, as libtest printed it, to run them a second time.
#
#   scripts/failed-tests.sh LOG
#
# Nothing is printed where a second run could say nothing: where an executable has no result of its own (it
# crashed), and where more than five tests failed, which is no coincidence.
set -euo pipefail
LC_ALL=C awk '
  { sub(/\r$/, "") }
  /^ +(Running .*\(.*\)|Doc-tests .*)$/ { begun++ }
  /^failures:$/ { delete names }
  /^    [A-Za-z_][A-Za-z0-9_:]*$/ { names[$1] }
  /^test result: / {
    ended++
    if (/FAILED/) for (name in names) failed[++count] = name
    delete names
  }
  END { if (ended && begun <= ended && count <= 5) for (i = 1; i <= count; i++) print failed[i] }' "$1"
