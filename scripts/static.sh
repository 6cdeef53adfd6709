#!/usr/bin/env bash
# Link the exporter statically, for the image and the Debian package: target/static/kernel-exporter.
#
#   scripts/static.sh [--like-tests]
#
# Static is a matter of linking only: the libraries are those of every other build, and nothing but the executable is
# made anew, in some seconds. The executable that was built before stays what it was.
#
# --like-tests takes profile and dependencies as tests have them (they switch on a few features more), so that nothing is
# built a second time where only the tests were built.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
# What cargo tells tests of themselves: build scripts look at some of it, and would be run anew for another value.
unset OUT_DIR "${!CARGO_PKG_@}" "${!CARGO_MANIFEST_@}"
profile=release
[ "${1:-}" != --like-tests ] || profile=quick
made=${CARGO_TARGET_DIR:-target}/$profile/kernel-exporter

as_its_owner() { # tests run as root may be somebody else's, who has to be able to build afterwards
  local owner
  owner=$(stat -c %u target 2>/dev/null || echo "$EUID")
  if [ "$EUID" = 0 ] && [ "$owner" != 0 ]; then sudo --preserve-env --user="#$owner" "$@"; else "$@"; fi
}

selection=(--package kernel-exporter --bin kernel-exporter)
# There are no examples, but cargo resolves features for them as for tests.
[ "${1:-}" != --like-tests ] || selection+=(--examples)

as_its_owner mkdir -p target/static
before=target/static/before
[ ! -e "$made" ] || as_its_owner cp --remove-destination --preserve=timestamps "$made" "$before"
as_its_owner cargo rustc --profile "$profile" --quiet "${selection[@]}" -- -C target-feature=+crt-static -C strip=symbols
as_its_owner cp --remove-destination "$made" target/static/kernel-exporter
if [ -e "$before" ]; then as_its_owner mv -f "$before" "$made"; fi
