#!/bin/busybox sh
# shellcheck shell=dash
# PID 1 of level 1: loads the modules, lays a writable tmpfs over this machine's root (read-only, over 9p), and starts the
# command server. Level1Image.ts writes /lab.env, which says where node, the server and the directories to show are.
PATH=/bin
fail() {
    echo "lab: $*"
    poweroff -f
}
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /host /rw /new
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# shellcheck source=/dev/null
. /lab.env

for module in /modules/*.ko; do
    insmod "$module" || fail "insmod $module failed"
done

# cache=loose: pages of this machine's files are kept and not asked for again. A file changed here afterwards may be seen as it was.
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host || fail "mounting the 9p root failed"
mount -t tmpfs -o size=75% rw /rw
mkdir /rw/root /rw/root.work
mount -t overlay -o lowerdir=/host,upperdir=/rw/root,workdir=/rw/root.work over /new || fail "mounting the overlay failed"

for directory in proc sys dev; do
    mount --move "/$directory" "/new/$directory"
done
mount -t tmpfs -o mode=1777 tmp /new/tmp
mount -t tmpfs -o mode=755 run /new/run
mkdir -p /new/dev/shm /new/dev/pts /new/run/lock
mount -t tmpfs -o mode=1777,size=85% shm /new/dev/shm
mount -t devpts -o ptmxmode=666 pts /new/dev/pts
mount -t cgroup2 -o nsdelegate cgroup2 /new/sys/fs/cgroup
mount -t debugfs debugfs /new/sys/kernel/debug
mount -t tracefs tracefs /new/sys/kernel/tracing
mount -t bpf bpf /new/sys/fs/bpf
# What systemd does on a real machine: children of the root group may use these.
echo "+cpuset +cpu +memory +pids +io" >/new/sys/fs/cgroup/cgroup.subtree_control
ip link set lo up

# Directories below /tmp or /run that the caller wants to see: a tmpfs lies over those.
number=0
for directory in $LAB_SHOW; do
    number=$((number + 1))
    mkdir -p "/new$directory" "/rw/$number" "/rw/$number.work"
    mount -t overlay -o "lowerdir=/host$directory,upperdir=/rw/$number,workdir=/rw/$number.work" over "/new$directory" ||
        fail "$directory cannot be shown"
done

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "HOME=$LAB_HOME"
mkdir -p "/new$HOME"
/bin/busybox chroot /new "$LAB_NODE" "$LAB_SERVER"
fail "the command server ended with $?"
