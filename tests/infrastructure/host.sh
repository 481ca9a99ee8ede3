#!/usr/bin/env bash
# The first process of a host that is made of namespaces: host.sh NAME FOLDER HOSTS PACKAGES [DISK]
# It sees this machine's files, and what it writes stays its own. FOLDER has `root` (empty), `data` (Docker's) and `ssh`;
# HOSTS are lines of /etc/hosts; PACKAGES is a folder of Debian packages with what this machine lacks of an sshd; DISK, as in
# 1500m, gives Docker a disk of its own.
set -euo pipefail
name=$1 folder=$2 hosts=$3 packages=$4 disk=${5:-}

hostname "$name"
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder/root"
new=$folder/root/new
mkdir "$folder"/root/{upper,work,new}
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/root/upper,workdir=$folder/root/work" "$new"
[ -z "$disk" ] || mount -t tmpfs -o "size=$disk" tmpfs "$folder/data"
# An overlay cannot lie on an overlay.
mount --bind "$folder/data" "$new/var/lib/docker"
mount -t proc proc "$new/proc"
mount -t sysfs sysfs "$new/sys"
mount --rbind /sys/fs/cgroup "$new/sys/fs/cgroup"
mount --rbind /dev "$new/dev"
mount -t tmpfs tmpfs "$new/run"
mkdir "$new/old"
cd "$new"
pivot_root . old
umount -l /old
ip link set lo up

for package in "$packages"/*.deb; do
	[ ! -e "$package" ] || dpkg-deb --fsys-tarfile "$package" | tar --extract --directory / --keep-directory-symlink
done
rm -rf /etc/docker
mkdir -p /etc/docker /run/sshd
# A group of the host's own, so that it can be removed afterwards.
echo "{\"cgroup-parent\": \"/$name\"}" >/etc/docker/daemon.json
# Debian's init script would mount control groups that this machine has not, and raise limits that it may not.
echo 'cgroup /sys/fs/cgroup cgroup noauto 0 0' >>/etc/fstab
[ ! -e /etc/init.d/docker ] || sed -i 's/^\(\s*\)ulimit .*/\1true/' /etc/init.d/docker
printf '%s\n' "$hosts" >>/etc/hosts
grep -q ^sshd: /etc/passwd || echo sshd:x:74:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd
/usr/sbin/sshd -D -e -f "$folder/ssh/config" &
# Bash waits for orphans too.
wait
