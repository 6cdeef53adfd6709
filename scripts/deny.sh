#!/usr/bin/env bash
# Check the dependencies' licences, sources and known vulnerabilities (deny.toml) with cargo-deny.
#
#   scripts/deny.sh
#
# Installs cargo-deny when it is missing, without optimisation: it is built in a minute that way, and has little to do.
# Without a network the advisory database cannot be had: then a copy from an earlier run is used, or if there is none,
# all else is checked; either way it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
CARGO_DENY=0.20.2

if ! cargo deny --version >/dev/null 2>&1; then
  echo "deny: installing cargo-deny $CARGO_DENY (cargo, about a minute)"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version "$CARGO_DENY" --locked --debug --quiet
fi

checks=(advisories bans licenses sources) options=()
if ! cargo deny fetch db; then
  echo "deny: WARNING: the advisory database cannot be fetched" >&2
  copy=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" | head -1) || copy=''
  if [ -n "$copy" ]; then
    echo "deny: WARNING: going by an older copy of it, of $(git -C "$copy" log -1 --format=%cs)" >&2
    options=(--offline)
  else
    echo "deny: WARNING: KNOWN VULNERABILITIES COULD NOT BE CHECKED" >&2
    checks=(bans licenses sources)
  fi
fi

failed=0
for manifest in Cargo.toml exporter-ebpf/Cargo.toml; do
  echo "=== $manifest: ${checks[*]}"
  cargo fetch --quiet --manifest-path "$manifest"
  cargo deny --log-level error "${options[@]}" --manifest-path "$manifest" --config "$PWD/deny.toml" check "${checks[@]}" || failed=1
done
exit "$failed"
