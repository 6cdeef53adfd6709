# shellcheck shell=bash
# Packages of any Debian suite, unpacked into a folder, without touching the machine.
#
# Our VMs need kernels of four Debian suites and our checks need sid's Prometheus. Installing
# those would mix suites on the machine, so they are fetched through an apt state of their own and
# unpacked with `dpkg -x`. Mirror, proxies and certificates are those of the machine's own apt.
#
#   . scripts/debian.sh
#   debian_open STATE_FOLDER SUITE [ARCHITECTURE]   read the suite's package lists (for a
#                                                   *-security suite also those of the suite itself)
#   debian_apt get|cache ARGS...                    apt-get or apt-cache on what was opened
#   debian_unpack TARGET PACKAGE...                 download and unpack, without dependencies
#   debian_unpack_whole TARGET PACKAGE...           the same with all that they depend on, the C library included,
#                                                   so that what is in TARGET never meets this machine's files
#
# DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR: addresses to use where the machine's apt names no Debian mirror.
# Each function returns non-zero, with a message on stderr, when it cannot do its work.

debian_open() {
  local state=$1 suite=$2 arch=${3:-$(dpkg --print-architecture)} repos mirror security keyring
  # shellcheck disable=SC2016 # apt fills $(REPO_URI) in
  repos=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
  mirror=${DEBIAN_MIRROR:-$(grep -m1 '/debian/\?$' <<<"$repos")} || {
    echo "no Debian mirror in the apt configuration; name one in DEBIAN_MIRROR" >&2
    return 1
  }
  security=${DEBIAN_SECURITY_MIRROR:-$(grep -m1 '/debian-security/\?$' <<<"$repos")} ||
    security=${mirror%/}-security
  for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    [ ! -e "$keyring" ] || break
  done

  mkdir -p "$state"/lists/partial "$state"/cache/archives/partial
  {
    [[ $suite != *-security ]] || echo "deb [arch=$arch signed-by=$keyring] $security $suite main"
    echo "deb [arch=$arch signed-by=$keyring] $mirror ${suite%-security} main"
  } >"$state/sources.list"
  debian_options=(-qq -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o Dir::State::status=/dev/null
    -o "APT::Architecture=$arch" -o APT::Sandbox::User=root -o Acquire::Languages=none)
  debian_apt get update >&2
}

debian_apt() { "apt-$1" "${debian_options[@]}" "${@:2}"; }

debian_unpack() { # whole or not at all: TARGET appears only when everything is in it
  local target=$1 deb
  rm -rf "$target.new"
  mkdir -p "$target.new/deb"
  (cd "$target.new/deb" && debian_apt get download "${@:2}" >&2) || return 1
  for deb in "$target.new/deb/"*.deb; do dpkg -x "$deb" "$target.new" || return 1; done
  rm -rf "$target.new/deb" "$target"
  mv "$target.new" "$target"
}

debian_unpack_whole() {
  local target=$1 deb archives
  eval "$(debian_apt config shell archives Dir::Cache::Archives/d)"
  rm -rf "$target" "$target.new"
  mkdir -p "$target.new"
  debian_apt get install -y --no-install-recommends --download-only "${@:2}" base-files >&2 || return 1
  for deb in "$archives"/*.deb; do dpkg -x "$deb" "$target.new" || return 1; done
  rm -f "$archives"/*.deb
  mv "$target.new" "$target"
}
