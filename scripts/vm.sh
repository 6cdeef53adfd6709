#!/usr/bin/env bash
# Run a program of this machine as root under another Linux kernel, in a throw-away QEMU VM.
#
#   scripts/vm.sh [options] KERNEL PROGRAM [ARGS...]
#
# KERNEL   5.10 | 6.1 | 6.12 | 7.2 (newest Debian cloud kernel of that series), or
#          SERIES@SUITE for any other, e.g. 6.12@trixie; with no series the newest there: @sid
# PROGRAM  a static program, or a dynamic one (its libraries come along); it runs in /tmp with ARGS
#   -f FILE          also pack FILE, with the libraries it needs, at its absolute path; repeatable
#   -i SHELLCODE     run in the guest before PROGRAM, in the same shell (so `export` works)
#   -p HOST:GUEST    forward 127.0.0.1:HOST to the guest's TCP port GUEST; repeatable
#   -d MIB           attach an empty scratch disk, /dev/vda
#   -t SECONDS       kill the VM after this long (120)
#   -c CPUS  -m MIB  size of the VM (2, 1024)
#   -a STRING        more kernel command line, e.g. -a lsm=lockdown,yama,bpf
#   -l FILE          keep the kernel's log there (else it is shown only when the VM fails)
#   -M 'NAME [PARAM=VALUE...]'  load this kernel module, after those it depends on; repeatable
#                    (in all four: null_blk scsi_debug dm-delay sch_netem sch_ingress veth xfs btrfs overlay …)
#   -n               only fetch KERNEL, and print where its image is
#
# Output: what PROGRAM prints, stdout and stderr together, on stdout.
# Exit:   PROGRAM's exit code; 124 after the time limit; 125 when the VM itself failed.
# Guest:  busybox in /bin; proc, sysfs, devtmpfs, tracefs, debugfs, bpffs; cgroup2 with all controllers
#         on; lo; eth0 10.0.2.15, which reaches nothing outside.
# Needs:  QEMU (.cache/qemu, where scripts/setup.sh puts it, else the PATH's), xz-utils, zstd, apt and a Debian
#         mirror; no root. KVM is used where it works.
#         Kernels are fetched once into $VM_CACHE (.cache/vm).
set -euo pipefail
top=$(realpath "$(dirname "$0")/..")
# shellcheck source=scripts/debian.sh
. "$top/scripts/debian.sh"

cache=${VM_CACHE:-$top/.cache/vm}
limit=120 cpus=2 memory=1024 disk='' before='' cmdline='' log='' fetch_only=''
files=() modules=() forwards=''
fail() { echo "vm.sh: $*" >&2; exit 125; }

while getopts f:i:p:d:t:c:m:a:l:M:n option; do case $option in
  f) files+=("$OPTARG") ;; i) before=$OPTARG ;; d) disk=$OPTARG ;; t) limit=$OPTARG ;;
  p) forwards+=",hostfwd=tcp:127.0.0.1:${OPTARG%:*}-:${OPTARG#*:}" ;;
  c) cpus=$OPTARG ;; m) memory=$OPTARG ;; a) cmdline=$OPTARG ;; l) log=$OPTARG ;;
  M) modules+=("$OPTARG") ;; n) fetch_only=1 ;; *) exit 125 ;;
esac; done
shift $((OPTIND - 1))
[ $# -ge 2 ] || [ "$fetch_only$#" = 11 ] || fail "usage: scripts/vm.sh [options] KERNEL PROGRAM [ARGS...]; see the top of $0"
kernel=$1; shift
case $kernel in
  *@*) suite=${kernel#*@} ;;
  5.10) suite=bullseye-security ;; 6.1 | 6.12) suite=bookworm-security ;; 7.*) suite=sid ;;
  *) fail "unknown kernel $kernel; name its suite: $kernel@SUITE" ;;
esac
series=${kernel%@*} kernel_dir=$cache/kernels/$kernel

fetch_kernel() { # the kernel, its modules and a busybox to boot into
  local state=$cache/apt-$suite all images version packages
  mkdir -p "$cache/kernels"
  debian_open "$state" "$suite" amd64 || fail "cannot read the package lists of $suite"
  all=$(debian_apt cache pkgnames linux- |
    grep -E '^linux-(image|binary|modules|base)-([0-9]+\.){2}[0-9].*-cloud-amd64$' | sort -V)
  images=$(sed -n 's/^linux-image-//p' <<<"$all")
  version=${series:+$series.}
  version=$(grep "^${version//./\\.}" <<<"$images" | tail -1) ||
    fail "no $series cloud kernel in $suite; it has $(xargs <<<"$images")"
  # one package up to 6.12, four in 7.x
  mapfile -t packages < <(grep -Fx "$(printf "linux-%s-$version\n" image binary modules base)" <<<"$all")
  debian_unpack "$kernel_dir" "${packages[@]}" busybox-static || fail "cannot fetch kernel $version"
}

pack_file() { # into the guest's root, with the shared libraries it needs, each at its absolute path
  local file
  [ -e "$1" ] || return 1
  { realpath -s "$1"; ldd "$1" 2>/dev/null | grep -o '/[^ )]*' || :; } | while read -r file; do
    [ -e "$root$file" ] || { mkdir -p "$root${file%/*}"; cp -L "$file" "$root$file"; }
  done
}

# Unpack module $1 after those it depends on; /modules/order lists "NAME PARAMETERS" as they are to be loaded.
# Fails when the kernel has no such file (not in this series, or built in).
pack_module() {
  local name=$1 parameters=${2:-} file packed=$root/modules/$1.ko dependency
  file=$(find "$kernel_dir" \( -name "${name//_/-}.ko*" -o -name "${name//-/_}.ko*" \) -print -quit)
  [ -n "$file" ] || return 1
  [ ! -e "$packed" ] || return 0
  case $file in
    *.xz) xz -dc "$file" >"$packed" ;; *.zst) zstd -qdc "$file" >"$packed" ;; *) cp "$file" "$packed" ;;
  esac
  for dependency in $(tr '\0' '\n' <"$packed" | sed -n 's/^depends=//p' | tr , ' '); do
    pack_module "$dependency" || :
  done
  echo "$name $parameters" >>"$root/modules/order"
}

write_init() { # $@: the command to run; what it prints goes to the second serial port, all else to the first
  printf '%s\n' "cd /tmp" "$before" "exec ${*@Q}" >"$root/command"
  cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
while read -r name parameters; do
  insmod /modules/$name.ko $parameters || echo "vm.sh: module $name did not load"
done </modules/order >/dev/ttyS0 2>&1
rm -r /modules
mount -t tracefs tracefs /sys/kernel/tracing; mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf; mount -t cgroup2 cgroup2 /sys/fs/cgroup
sed 's/^/+/; s/ / +/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; route add default gw 10.0.2.2
stty -F /dev/ttyS1 raw -echo
/bin/sh /command </dev/null >/dev/ttyS1 2>&1
echo "vm.sh exit code: $?" >/dev/ttyS0
stty -F /dev/ttyS1 raw # waits until the output is out
poweroff -f
INIT
  chmod +x "$root/init"
}

build_initrd() {
  local file module busybox
  busybox=$(find "$kernel_dir" -path '*/bin/busybox' -print -quit)
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,etc,modules}
  cp "$busybox" "$root/bin/"
  for file in "$program" "${files[@]}"; do pack_file "$file" || fail "cannot pack $file"; done
  for module in virtio_pci virtio_net virtio_blk; do
    pack_module "$module" || : # no file where it is built in
  done
  for module in "${modules[@]}"; do
    read -r name parameters <<<"$module"
    pack_module "$name" "$parameters" || fail "kernel $kernel has no module $name"
  done
  write_init "$program" "$@"
  (cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$work/initrd"
}

qemu_command() { # one that was unpacked into a folder needs the loader, libraries and firmware of that folder
  local home=$top/.cache/qemu
  qemu=(qemu-system-x86_64)
  [ -x "$home/usr/bin/qemu-system-x86_64" ] || return 0
  export QEMU_MODULE_DIR=$home/usr/lib/x86_64-linux-gnu/qemu
  qemu=("$home/usr/lib64/ld-linux-x86-64.so.2"
    --library-path "$home/usr/lib/x86_64-linux-gnu:$home/usr/lib/x86_64-linux-gnu/pulseaudio"
    "$home/usr/bin/qemu-system-x86_64" -L "$home/usr/share/qemu" -L "$home/usr/share/seabios")
}

boot() { # returns QEMU's exit code, or 124 after the time limit
  local machine=(-machine q35 -smp "$cpus" -m "${memory}M" -nodefaults -display none -no-reboot)
  # Only a CPU with vmx or svm runs stock kernels under KVM: /dev/kvm can exist without.
  if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then machine+=(-accel kvm -cpu host)
  else machine+=(-accel "tcg,thread=multi" -cpu max); fi
  if [ -n "$disk" ]; then
    truncate -s "${disk}M" "$work/disk"
    machine+=(-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe")
  fi
  # pdeathsig: no VM outlives this script; cat: QEMU makes its own stdout non-blocking
  setpriv --pdeathsig TERM timeout --foreground -k 5 "$limit" "${qemu[@]}" "${machine[@]}" \
    -kernel "$vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 panic=-1 $cmdline" \
    -chardev "file,id=log,path=$log" -device isa-serial,chardev=log \
    -chardev stdio,id=out,signal=off -device isa-serial,chardev=out \
    -netdev "user,id=n,restrict=on$forwards" -device virtio-net-pci,netdev=n,romfile= </dev/null | cat
  return "${PIPESTATUS[0]}"
}

[ -d "$kernel_dir" ] || { mkdir -p "$cache"; (flock 9; [ -d "$kernel_dir" ] || fetch_kernel) 9>"$cache/lock"; }
vmlinuz=$(find "$kernel_dir" -name 'vmlinuz*' -print -quit)
[ -z "$fetch_only" ] || { echo "$vmlinuz"; exit; }

program=$(type -P "$1") || fail "no such program: $1"
program=$(realpath -s "$program"); shift
work=$(mktemp -d) root=$work/root log=${log:-$work/kernel.log}
trap 'rm -rf "$work"' EXIT
build_initrd "$@"
qemu_command
qemu_exit=0; boot || qemu_exit=$?
grep -a '^vm\.sh: module' "$log" >&2 || :
code=$(sed -n 's/.*vm\.sh exit code: \([0-9]*\).*/\1/p' "$log" | tail -1)
[ -z "$code" ] || exit "$code"
tail -n 40 "$log" >&2
[ "$qemu_exit" != 124 ] || { echo "vm.sh: time limit of $limit s" >&2; exit 124; }
fail "the VM ended without an exit code (qemu: $qemu_exit); the end of its log is above"
