#!/usr/bin/env bash
# Run the tests that need other kernels in a VM per kernel and test target, two VMs at a time.
#
#   scripts/test-in-vms.sh [KERNEL...]     (5.10 6.1 6.12 7.2)
#
# The tests run as root, one after the other; KERNEL_EXPORTER_BIN names the exporter that they start, and
# KERNEL_EXPORTER_IN_VM says that what only a VM has must be there: a scratch disk, /dev/vda; /dev/nullb0,
# whose every request takes 20 ms, a latency that the exporter must report; a disk of scsi_debug. Each
# VM's output stays in target/vm-logs. VM_JOBS sets how many VMs run at a time, VM_TARGETS what runs in them. Exits non-zero when any
# VM's tests failed or did not run to their end.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra targets <<<"${VM_TARGETS:-truth block_io cgroups identity}"
kernels=("$@")
[ $# -gt 0 ] || kernels=(5.10 6.1 6.12 7.2)
logs=target/vm-logs
mkdir -p "$logs"

# The executables, as cargo names them. --workspace resolves features as the tests on the host do, so that
# nothing is built a second time.
artifacts=$(cargo test --release --workspace "${targets[@]/#/--test=}" --no-run \
  --message-format=json-render-diagnostics)
executable() { # KIND NAME
  sed -nE 's/.*"kind":\["'"$1"'"\].*"name":"'"$2"'".*"executable":"([^"]+)".*/\1/p' <<<"$artifacts" | tail -1
}
exporter=$(executable bin kernel-exporter)

run_in_vm() { # KERNEL TARGET EXECUTABLE: run, then print the log in one piece
  local kernel=$1 target=$2 executable=$3 log=$logs/$1-$2.log code=0 begin=$SECONDS modules=(-M loop)
  case $kernel in 5.10 | 6.1) ;; *) modules+=(-M mq-deadline) ;; esac # built in before
  # Two places per queue of nullb0, so that requests wait and can be merged.
  scripts/vm.sh -m 1024 -t 900 -d 256 "${modules[@]}" \
    -M 'null_blk irqmode=2 completion_nsec=20000000 nr_devices=1 hw_queue_depth=2' \
    -M sd_mod -M 'scsi_debug dev_size_mb=64' \
    -i "export KERNEL_EXPORTER_BIN=${exporter@Q} KERNEL_EXPORTER_IN_VM=1 KERNEL_EXPORTER_SCRATCH_DISK=vda" \
    -f "$exporter" "$kernel" "$executable" --test-threads=1 --nocapture >"$log" 2>&1 </dev/null || code=$?
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
done
for kernel in "${kernels[@]}"; do scripts/vm.sh -n "$kernel" >/dev/null; done
export -f run_in_vm
export logs exporter
printf '%s\n' "${runs[@]}" | xargs -P "${VM_JOBS:-2}" -L 1 bash -euo pipefail -c 'run_in_vm "$@"' run_in_vm
