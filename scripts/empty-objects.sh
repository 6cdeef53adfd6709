#!/usr/bin/env bash
# Make empty BPF objects in FOLDER, for builds that load nothing into a kernel, and print its absolute path.
#
#   KERNEL_EXPORTER_BPF_OBJECTS=$(scripts/empty-objects.sh FOLDER) cargo clippy
set -euo pipefail
build=$(dirname "$0")/../exporter/build.rs
mkdir -p "$1"
sed -nE 's/^    \("([a-z-]+)", .*/\1.o/p' "$build" | (cd "$1" && xargs touch -a)
realpath "$1"
