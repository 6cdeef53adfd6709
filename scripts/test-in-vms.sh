#!/usr/bin/env bash
# Run the truth tests (exporter/tests/truth*) in a VM per kernel, two VMs at a time.
#
#   scripts/test-in-vms.sh [KERNEL...]     (5.10 6.1 6.12 7.2)
#
# The tests run as root, one after the other, beside the exporter that they start (KERNEL_EXPORTER_BIN).
# They have a scratch disk, /dev/vda, and /dev/nullb0, whose every request takes 20 ms: a latency that
# the exporter must report. Each VM's output stays in target/vm-logs/KERNEL.log. VM_JOBS sets how many
# VMs run at a time. Exits non-zero when any VM's tests failed or did not run to their end.
set -euo pipefail
cd "$(dirname "$0")/.."
kernels=("$@")
[ $# -gt 0 ] || kernels=(5.10 6.1 6.12 7.2)
logs=target/vm-logs
mkdir -p "$logs"

# The test's executable and the exporter's, as cargo names them. --workspace resolves features as the
# tests on the host do, so that nothing is built a second time.
artifacts=$(cargo test --release --workspace --test truth --no-run --message-format=json-render-diagnostics)
executable() { # KIND NAME
  sed -nE 's/.*"kind":\["'"$1"'"\].*"name":"'"$2"'".*"executable":"([^"]+)".*/\1/p' <<<"$artifacts" | tail -1
}
truth=$(executable test truth) exporter=$(executable bin kernel-exporter)
if [ -z "$truth" ] || [ -z "$exporter" ]; then
  echo "test-in-vms: cargo built no truth test or no exporter" >&2
  exit 1
fi

run_in_vm() { # KERNEL: run, then print the log in one piece; a run that has no result of its own is FAILED
  local kernel=$1 log=$logs/$1.log code=0 begin=$SECONDS
  scripts/vm.sh -m 1024 -t 600 -d 256 -M 'null_blk irqmode=2 completion_nsec=20000000 nr_devices=1' \
    -i "export KERNEL_EXPORTER_BIN=${exporter@Q}" -f "$exporter" \
    "$kernel" "$truth" --test-threads=1 --nocapture >"$log" 2>&1 </dev/null || code=$?
  {
    flock 9
    echo "=== Linux $kernel: exit code $code after $((SECONDS - begin)) s"
    cat "$log"
    grep -aq '^test result: ' "$log" || { code=1; echo "FAILED: the truth tests on Linux $kernel did not run to their end"; }
  } 9>"$logs/lock"
  return "$code"
}

export -f run_in_vm
export logs truth exporter
printf '%s\n' "${kernels[@]}" | xargs -P "${VM_JOBS:-2}" -I KERNEL bash -euo pipefail -c 'run_in_vm KERNEL'
