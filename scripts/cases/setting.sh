# shellcheck shell=bash
# What the three cases share: their options, cgroups, processes that end with them, and what is shown. To be sourced with
# the case's name and its arguments.
#
# A case makes calm, then trouble, and scrapes the exporter before and after each. Everything that it makes is undone when
# it ends; its processes are killed by the kernel if it is killed itself.

case_name=$1
shift
calm=10 seconds=20 url=http://127.0.0.1:9985/metrics
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

fail() { echo "$case_name: $*" >&2; exit 1; }
usage() { sed -n '2,/^[^#]/{ /^#/s/^# \{0,1\}//p }' "$here/$case_name.sh" >&2; exit 2; }
while getopts c:s:h option; do case $option in
  c) calm=$OPTARG ;; s) seconds=$OPTARG ;; *) usage ;;
esac; done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
url=${1:-$url}
[ "$EUID" = 0 ] || fail "only root can make cgroups, disks and networks"

needs() { # COMMAND...
  local command
  for command; do type -P "$command" >/dev/null || fail "there is no $command here"; done
}
needs awk curl perl setpriv sort

# --- undoing ---

work=$(mktemp -d) cgroups=() undo=()
finish() { # processes first, as what they use cannot go before
  trap - EXIT INT TERM HUP
  local last folder
  for folder in "${cgroups[@]}"; do soon is_empty "$folder" || echo "$case_name: processes stay in $folder" >&2; done
  for ((last = ${#undo[@]} - 1; last >= 0; last--)); do
    eval "${undo[last]}" || echo "$case_name: could not undo: ${undo[last]}" >&2
  done
  for ((last = ${#cgroups[@]} - 1; last >= 0; last--)); do
    soon rmdir "${cgroups[last]}" || echo "$case_name: ${cgroups[last]} stays" >&2
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' INT TERM HUP

soon() { # COMMAND...: until it succeeds, for two seconds; silent, as is the shell on processes that were killed
  for _ in {1..100}; do
    ! "$@" || return 0
    sleep 0.02
  done 2>/dev/null
  return 1
}

pause() { # SECONDS; unlike a plain sleep it does not keep traps waiting
  sleep "$1" &
  wait $!
}

# --- cgroups ---

# Where this controller is: the mount of its cgroup v1, or else of v2. The exporter names cgroups by the memory controller's.
hierarchy() { # CONTROLLER
  awk -v controller="$1" '
    $3 == "cgroup" && index("," $4 ",", "," controller ",") { v1 = $2 }
    $3 == "cgroup2" && v2 == "" { v2 = $2 }
    END { print v1 != "" ? v1 : v2 }' /proc/mounts
}
names=$(hierarchy memory)
[ -n "$names" ] || fail "no cgroups are mounted"

make_cgroup() { # FOLDER, or PATH where the names are
  local folder=$1
  [[ $1 == /sys/* ]] || folder=$names$1
  mkdir "$folder" || fail "cannot make $folder: the same case runs elsewhere, or was killed and has left it: remove it by rmdir"
  cgroups+=("$folder")
}
is_empty() { # FOLDER of a cgroup: kills who is in it
  local process processes
  mapfile -t processes <"$1/cgroup.procs"
  for process in "${processes[@]}"; do kill -KILL "$process" || :; done
  [ ${#processes[@]} = 0 ]
}

run_in() { # CGROUP COMMAND...: in the background, until the case is over
  (
    echo "$BASHPID" >"$names$1/cgroup.procs"
    exec setpriv --pdeathsig KILL "${@:2}"
  ) &
}

# --- figures ---

# Labels of which one or some say whose it was; see docs/metrics.md.
whose='namespace pod container container_id unit cgroup'

scrape() { # FILE
  curl -fsS --max-time 30 -H 'Accept: text/plain; version=0.0.4' "$url" >"$work/$1" || fail "no metrics at $url"
  echo "$EPOCHREALTIME" >"$work/$1.time"
}

watch() { # PHASE SECONDS: scrape before and after as long
  scrape "$1-before"
  pause "$2"
  scrape "$1-after"
  sed -n 's/^kernel_exporter_collector_shed{collector="\([^"]*\)".* 1\(\.0\)\{0,1\}$/\1/p' "$work/$1-after" | sort -u |
    while read -r collector; do
      echo "$case_name: collector $collector measures less, as the exporter costs more than budget.cpu allows" >&2
    done
}

rows() { # PHASE LABELS COLUMN...: what came in the phase, see figures.awk
  awk -v by="$2" -v columns="${*:3}" -v from="$(cat "$work/$1-before.time")" -v to="$(cat "$work/$1-after.time")" \
    -f "$here/figures.awk" "$work/$1-before" "$work/$1-after"
}

show() { # FILE COLUMN...: rows as a table, those with most in the last column first, six at most
  {
    printf '\t%s' "${@:2}" | sed 's/=[^\t]*//g'
    echo
    sort -t $'\t' -k "$#,$#gr" "$1" | head -n 6
  } | awk -F '\t' '{ for (i = 2; i <= NF; i++) printf "%14s", $i; print "  " ($1 == "" ? "" : $1) }'
}

most_grown() { # COLUMN CALM TROUBLE [BUT]: the row with the greatest increase in this column, counted from 1, which is not BUT
  awk -F '\t' -v column="$1" -v but="${4:-}" '
    FILENAME == ARGV[1] { before[$1] = $(column + 1); next }
    $1 != but && $(column + 1) - before[$1] > most + 0 { most = $(column + 1) - before[$1]; name = $1 }
    END { print name }' "$2" "$3"
}

cell() { # FILE ROW COLUMN
  awk -F '\t' -v row="$2" -v column="$3" '$1 == row { found = $(column + 1) } END { print found ~ /[0-9]/ ? found : 0 }' "$1"
}
