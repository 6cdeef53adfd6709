#!/usr/bin/env bash
# Run the tests that need other kernels in a VM per kernel and test target, two VMs at a time.
#
#   scripts/test-in-vms.sh [--fetch] [KERNEL...]     (5.10 6.1 6.12 7.2; with --fetch, only fetch what they boot)
#
# The tests run as root, one after the other; KERNEL_EXPORTER_BIN names the exporter that they start, and
# KERNEL_EXPORTER_IN_VM says that what only a VM has must be there: a scratch disk, /dev/vda; packets that can be lost on purpose; /dev/nullb0,
# whose every request takes 20 ms, a latency that the exporter must report; a disk of scsi_debug. A
# few tests that failed are run once more in a VM of their own. Each VM's output stays in target/vm-logs.
# VM_JOBS sets how many VMs run at a time, VM_TARGETS what runs in them. Exits non-zero when any VM's tests
# failed, twice, or did not run to their end.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra targets <<<"${VM_TARGETS:-truth block_io cgroups identity signals doctor}"
fetch_only=''
[ "${1:-}" != --fetch ] || { fetch_only=1 && shift; }
kernels=("$@")
[ $# -gt 0 ] || kernels=(5.10 6.1 6.12 7.2)
for kernel in "${kernels[@]}"; do scripts/vm.sh -n "$kernel" >/dev/null; done
[ -z "$fetch_only" ] || exit 0
logs=target/vm-logs
mkdir -p "$logs"

# The executables, as cargo names them. --workspace resolves features as the tests on the host do, so that
# nothing is built a second time.
artifacts=$(cargo test --profile quick --workspace "${targets[@]/#/--test=}" --no-run \
  --message-format=json-render-diagnostics)
executable() { # KIND NAME
  sed -nE 's/.*"kind":\["'"$1"'"\].*"name":"'"$2"'".*"executable":"([^"]+)".*/\1/p' <<<"$artifacts" | tail -1
}
exporter=$(executable bin kernel-exporter)
mkfs_ext4=$(PATH=$PATH:/usr/sbin:/sbin type -P mkfs.ext4)
mkfs_xfs=$(PATH=$PATH:/usr/sbin:/sbin type -P mkfs.xfs)

# What the kernel patches is five bytes long, a no-operation, a jump or a call; the emulator was in the middle of it.
crashed_while_patching() { # LOG
  grep -aq 'Kernel panic - not syncing' "$1" &&
    grep -aqE 'Code: .* (0f <1f> 44|e[89] <[0-9a-f]{2}>)( [0-9a-f]{2}){2}' "$1"
}

run_in_vm() { # KERNEL TARGET EXECUTABLE [TEST CMDLINE...]: run, then print the log in one piece
  local kernel=$1 target=$2${4:+-$4} executable=$3 test=(${4:+"$4"}) cmdline=${*:5}
  local log=$logs/$kernel-$target.log code=0 begin=$SECONDS modules=(-M loop -M sch_netem -M tun -M overlay -M xfs)
  case $kernel in 5.10 | 6.1) ;; *) modules+=(-M mq-deadline) ;; esac # built in before
  tests() { # LOG TEST...: two places per queue of nullb0, so that requests wait and can be merged
    scripts/vm.sh -m 1024 -t 1200 -d 384 -a "$cmdline" "${modules[@]}" \
      -M 'null_blk irqmode=2 completion_nsec=20000000 nr_devices=1 hw_queue_depth=2' \
      -M sd_mod -M 'scsi_debug dev_size_mb=64' \
      -i "export KERNEL_EXPORTER_BIN=${exporter@Q} KERNEL_EXPORTER_IN_VM=1 KERNEL_EXPORTER_SCRATCH_DISK=vda" \
      -f "$exporter" -f "$mkfs_ext4" -f "$mkfs_xfs" "$kernel" "$executable" "${@:2}" --test-threads=1 --nocapture >"$1" 2>&1 </dev/null
  }
  tests "$log" "${test[@]}" || code=$?
  # Without KVM, QEMU now and then crashes a CPU that runs an instruction which the kernel is just patching: a
  # tracepoint that is switched on or off. That says nothing of us, if it doesn't happen again.
  if crashed_while_patching "$log"; then
    echo "=== Linux $kernel, $target: the emulated CPU crashed in code that was being patched; once more"
    mv "$log" "$log.crashed"
    code=0
    tests "$log" "${test[@]}" || code=$?
  fi
  local failures
  mapfile -t failures < <(scripts/failed-tests.sh "$log")
  if [ ${#failures[@]} -gt 0 ] && tests "$log.again" --exact "${failures[@]}" &&
    grep -aq "^test result: ok. ${#failures[@]} passed;" "$log.again"; then
    printf 'UNSTABLE: %s: passed when it was run again\n' "${failures[@]/%/ on Linux $kernel}" >>"$log"
    code=0
  fi
  {
    flock 9
    echo "=== Linux $kernel, $target: exit code $code after $((SECONDS - begin)) s"
    cat "$log"
    # A run that has no result of its own has failed.
    grep -aq '^test result: ' "$log" || { code=1; echo "FAILED: $target on Linux $kernel did not run to its end"; }
  } 9>"$logs/lock"
  return "$code"
}

runs=()
for target in "${targets[@]}"; do
  path=$(executable test "$target")
  if [ -z "$path" ] || [ -z "$exporter" ]; then
    echo "test-in-vms: cargo built no test \`$target\` or no exporter" >&2
    exit 1
  fi
  for kernel in "${kernels[@]}"; do runs+=("$kernel $target $path"); done
  # What only the kernel's command line can take away takes VMs of its own; two kernels will do.
  [ "$target" = doctor ] || continue
  for kernel in $(printf '%s\n' "${kernels[0]}" "${kernels[-1]}" | uniq); do
    runs+=("$kernel $target $path lockdown lockdown=confidentiality psi=0")
  done
done
export -f run_in_vm crashed_while_patching
export logs exporter mkfs_ext4 mkfs_xfs
printf '%s\n' "${runs[@]}" | xargs -P "${VM_JOBS:-2}" -L 1 bash -euo pipefail -c 'run_in_vm "$@"' run_in_vm
