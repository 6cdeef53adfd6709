#!/usr/bin/env bash
# Build the Debian package with cargo-deb: target/debian/kernel-exporter_*.deb.
#
#   scripts/deb.sh [--linked]    (target/static/kernel-exporter is there already)
#
# exporter/Cargo.toml says what is in it. What has to be made first (the executable, completions, the manual page, the
# changelog) is laid out in target/deb.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

scripts/setup.sh deb
[ "${1:-}" = --linked ] || scripts/static.sh
stage=target/deb
rm -rf "$stage" target/debian
mkdir -p "$stage/units"
cp target/static/kernel-exporter "$stage"
cp deploy/kernel-exporter.service deploy/kernel-exporter.sysusers "$stage/units"
for shell in bash zsh fish; do "$stage/kernel-exporter" completions "$shell" >"$stage/completion.$shell"; done
"$stage/kernel-exporter" man | gzip -9n >"$stage/kernel-exporter.8.gz"
cargo deb --quiet --no-build --no-strip --locked --manifest-path exporter/Cargo.toml --output target/debian/
ls target/debian/*.deb
