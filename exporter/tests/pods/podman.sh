#!/bin/bash
# Two pods of podman's, from an image made of nothing but one program, until standard input ends.
#
#   unshare --mount --pid --fork --kill-child podman.sh ROOT PROGRAM
#
# ROOT is a folder with podman and all it needs. All mounts are this mount namespace's own, and all processes
# this pid namespace's, so nothing is left behind whatever happens.
set -euo pipefail
root=$1 program=$2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# podman takes a host with both versions of cgroups for a broken one, unless it sees only the first.
[ ! -d /sys/fs/cgroup/memory ] || umount "$root/sys/fs/cgroup/unified" 2>/dev/null || :
mkdir -p "$root/var/lib/containers"
for folder in run tmp var/tmp var/lib/containers; do mount -t tmpfs tmpfs "$root/$folder"; done
mkdir "$root/tmp/image"
cp "$program" "$root/tmp/image/worker"
printf 'FROM scratch\nCOPY worker /worker\nENTRYPOINT ["/worker"]\n' >"$root/tmp/image/Containerfile"
cat >"$root/run/containers.conf" <<'END'
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END
for pod in one two; do
  cat <<END
---
apiVersion: v1
kind: Pod
metadata: {name: $pod}
spec:
  hostNetwork: true
  containers:
  - {name: worker, image: localhost/worker:1}
END
done >"$root/tmp/pods.yaml"
podman() {
  CONTAINERS_CONF=/run/containers.conf STORAGE_DRIVER=vfs PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" podman "$@"
}
podman build --quiet --isolation chroot --tag localhost/worker:1 /tmp/image >&2
podman play kube /tmp/pods.yaml >&2
podman ps --no-trunc --format '{{.Names}} {{.ID}}'
echo ready
cat >/dev/null || :
podman pod rm --all --force --time 0 >&2
