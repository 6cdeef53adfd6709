#!/bin/bash
# Builds the image and plays pods of it, until standard input ends.
#
#   unshare --mount podman.sh ROOT CONTEXT MANIFEST
#
# ROOT is a folder with podman and all it needs; CONTEXT is what scripts/image.sh laid out; MANIFEST is for `podman
# kube play`, with localhost/kernel-exporter:test as the image. All mounts are this mount namespace's own. Each pod has a
# network namespace in which there is nothing but loopback. The pid namespace is this machine's, as the manifest asks,
# so pods are removed at the end whatever happens. Printed are the image's size in bytes, a line for each container with
# its name and its process, what the one called doctor has said, and `ready`. (Nothing can be executed in a running
# container here: its root is not that of its mount namespace, as podman is in a chroot.)
set -euo pipefail
root=$1 context=$2 manifest=$3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
# podman takes a host with both versions of cgroups for a broken one, unless it sees only the first.
[ ! -d /sys/fs/cgroup/memory ] || umount "$root/sys/fs/cgroup/unified" 2>/dev/null || :
mkdir -p "$root/var/lib/containers"
for folder in run tmp var/tmp var/lib/containers; do mount -t tmpfs tmpfs "$root/$folder"; done
cp -r "$context" "$root/tmp/image"
cp "$manifest" "$root/tmp/pods.yaml"
cat >"$root/run/containers.conf" <<'END'
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END
podman() {
  CONTAINERS_CONF=/run/containers.conf STORAGE_DRIVER=vfs PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" podman "$@"
}
leave_nothing() {
  podman pod rm --all --force --time 0 >&2 || :
  # podman leaves its cgroup behind; those with something in them stay.
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || :
}
trap leave_nothing EXIT
podman build --quiet --isolation chroot --tag localhost/kernel-exporter:test /tmp/image >&2
podman kube play --network none /tmp/pods.yaml >&2
podman image inspect --format '{{.Size}}' localhost/kernel-exporter:test
podman ps --format '{{.Names}} {{.Pid}}' | grep -v -e '-infra ' -e '^doctor' || :
if podman container exists doctor-pod-kernel-exporter; then
  podman wait doctor-pod-kernel-exporter >/dev/null
  podman logs doctor-pod-kernel-exporter 2>/dev/null | tr -d '\n'
  echo
fi
echo ready
cat >/dev/null || :
podman ps --all --quiet | while read -r id; do podman logs "$id" >&2 </dev/null; done
