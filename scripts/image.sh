#!/usr/bin/env bash
# Build the container image: lay out target/image, then let podman, buildah or docker build it.
#
#   scripts/image.sh [NAME]          (kernel-exporter:VERSION)
#   scripts/image.sh --context FOLDER EXECUTABLE    only lay out FOLDER
#
# KERNEL_EXPORTER_REVISION in the environment goes into the image, as into the executable.
set -euo pipefail
cd "$(dirname "$0")/.."

certificates() { # what Debian's package holds, without what somebody added to this machine
  if compgen -G '/usr/share/ca-certificates/mozilla/*.crt' >/dev/null; then
    cat /usr/share/ca-certificates/mozilla/*.crt
  else
    cat /etc/pki/tls/certs/ca-bundle.crt 2>/dev/null || cat /etc/ssl/certs/ca-certificates.crt
  fi
}

lay_out() { # FOLDER EXECUTABLE
  rm -rf "$1"
  mkdir -p "$1/licenses"
  cp deploy/container/Containerfile deploy/container/nsswitch.conf "$1"
  cp LICENSE-APACHE LICENSE-MIT "$1/licenses"
  certificates >"$1/ca-certificates.crt"
  install -m 755 "$2" "$1/kernel-exporter"
}

if [ "${1:-}" = --context ]; then
  lay_out "$2" "$3"
  exit
fi

scripts/static.sh
lay_out target/image target/static/kernel-exporter
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
build=(--file target/image/Containerfile --tag "${1:-kernel-exporter:$version}" --build-arg "VERSION=$version"
  --build-arg "REVISION=${KERNEL_EXPORTER_REVISION:-unknown}" target/image)
for tool in podman buildah docker; do
  if command -v "$tool" >/dev/null; then exec "$tool" build "${build[@]}"; fi
done
echo "image: there is no podman, buildah or docker here; elsewhere: podman build ${build[*]}" >&2
exit 1
