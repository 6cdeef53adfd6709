#!/usr/bin/env bash
# A slow disk: four processes of a database commit to a disk of their own; then a request to that disk takes 100 ms.
#
#   scripts/cases/slow-disk.sh [-c SECONDS] [-s SECONDS] [URL]
#
#   -c SECONDS  of calm, before (10)
#   -s SECONDS  of trouble (20)
#   URL         the exporter's metrics (http://127.0.0.1:9985/metrics)
#
# Shows from the exporter's metrics how long each disk took and who waited for one, before and meanwhile, and closes with the
# culprit and the victim. The disk is a loop device on another one that is in memory; the I/O controller lets the lower one do
# only 40 requests per second, which makes the upper one slow. Makes both, and the cgroups /slow-disk and /slow-disk/database,
# and undoes it. Needs root, Perl, curl, losetup, loop devices, and the controller io, or blkio of cgroup v1.
set -euo pipefail
# shellcheck source=scripts/cases/setting.sh
. "$(dirname "$0")/setting.sh" slow-disk "$@"
needs losetup mount

rate=40
disks=(
  'requests/s=rate:kernel_block_io_duration_seconds_count'
  'p50/ms=p50:kernel_block_io_duration_seconds'
  'p99/ms=p99:kernel_block_io_duration_seconds'
)

make_cgroup /slow-disk
make_cgroup /slow-disk/database

# What a limit is written to. With cgroup v1 a process is in another hierarchy for it; with v2 a limit holds for all below.
controller=$(hierarchy blkio)
if [ -e "$controller/cgroup.controllers" ]; then
  if ! grep -qw io "$controller/cgroup.subtree_control"; then
    echo +io >"$controller/cgroup.subtree_control" || fail "this kernel has no controller io"
    undo=("echo -io >'$controller/cgroup.subtree_control'" "${undo[@]}")
  fi
  echo +io >"$controller/slow-disk/cgroup.subtree_control" # so that requests are the database's, not the group's
  slow_down() { echo "$1 riops=$rate wiops=$rate" >"$controller/slow-disk/io.max"; }
else
  make_cgroup "$controller/slow-disk"
  slow_down() {
    local way
    for way in read write; do echo "$1 $rate" >"$controller/slow-disk/blkio.throttle.${way}_iops_device"; done
  }
fi

detached() { # DEVICE; who else has it open may keep it for a moment
  losetup -d "$1" || :
  ! losetup "$1"
}
mkdir "$work/memory"
mount -t tmpfs -o size=64m tmpfs "$work/memory"
undo+=("umount '$work/memory'")
truncate -s 48M "$work/memory/disk"
modprobe -q loop 2>/dev/null || : # where it is not built in
lower=$(losetup --find --show "$work/memory/disk") || fail "this kernel has no loop devices"
undo+=("soon detached '$lower'")
upper=$(losetup --find --show --direct-io=on "$lower") || fail "no second loop device"
undo+=("soon detached '$upper'")
disk=${upper#/dev/}
echo 'write through' >"/sys/block/$disk/queue/write_cache" # so that a commit is one request, without a flush after it
echo "disk: $disk"
users=(
  "asleep=rate:kernel_thread_time_seconds_total:activity=block_io"
  "requests/s=rate:kernel_block_io_duration_seconds_count:device=$disk"
  "p99/ms=p99:kernel_block_io_duration_seconds:device=$disk"
  "p50/ms=p50:kernel_block_io_duration_seconds:device=$disk"
)

for ((n = 0; n < 4; n++)); do # each a page at a time, up to a hundred per second
  # shellcheck disable=SC2016 # Perl's variables
  run_in /slow-disk/database perl -MIO::Handle -e '
    open my $disk, "+<", $ARGV[0] or die "$ARGV[0]: $!";
    for (my $page = $ARGV[1]; ; $page += 4) {
      sysseek $disk, $page % 4096 * 4096, 0 or die $!;
      syswrite($disk, "x" x 4096) == 4096 && $disk->sync or die $!;
      select undef, undef, undef, 0.01;
    }' "$upper" "$n"
  [ -e "$controller/cgroup.controllers" ] || echo $! >"$controller/slow-disk/cgroup.procs"
done
pause 1

look() { # PHASE SECONDS
  watch "$1" "$2"
  rows "$1" device "${disks[@]}" >"$work/$1-disks"
  show "$work/$1-disks" "${disks[@]}"
  rows "$1" "$whose" "${users[@]}" >"$work/$1-users"
  show "$work/$1-users" "${users[@]}"
}
echo "calm: $calm s"
look calm "$calm"
echo "trouble: $seconds s in which $disk does $rate requests per second"
slow_down "$(cat "/sys/block/${lower#/dev/}/dev")"
look trouble "$seconds"

culprit=$(most_grown 2 "$work/calm-disks" "$work/trouble-disks")
victim=$(most_grown 4 "$work/calm-users" "$work/trouble-users")
echo "culprit: disk $culprit: a request takes $(cell "$work/trouble-disks" "$culprit" 2) ms (p50; p99" \
  "$(cell "$work/trouble-disks" "$culprit" 3) ms), before $(cell "$work/calm-disks" "$culprit" 2) ms (p99" \
  "$(cell "$work/calm-disks" "$culprit" 3) ms)"
echo "victim: $victim: $(cell "$work/trouble-users" "$victim" 1) of its threads wait for a disk at a time, before" \
  "$(cell "$work/calm-users" "$victim" 1)"
