#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make images`: busybox, debian and nginx made from Debian's packages, left as OCI layouts under $APUS_IMAGES (.cache/images).
# The second run finds them and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
images=${APUS_IMAGES:-.cache/images}
[ -e "$images/READY" ] && exit 0
mkdir -p "$images"
# Two runs at once: the second waits, then finds the work done.
exec 9>"$images/.lock"
flock 9
[ -e "$images/READY" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "making the test images needs root (debootstrap)" >&2
    exit 1
fi
Scripts/install-packages.sh test
work=$(mktemp -d /var/tmp/apus-images-XXXX)
cleanup() {
    local mounted
    for mounted in $(awk -v work="$work/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do umount -l "$mounted"; done
    rm -rf "$work"
}
trap cleanup EXIT

# The host's own package source, so that no mirror is named here.
mirror() {
    sed -nE 's/^deb( \[[^]]*\])? (http[^ ]+) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1
    sed -nE 's/^URIs: *([^ ]+).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1
}
source=$(mirror 2>/dev/null | head -n 1 || true)

echo "making busybox"
root=$work/busybox
mkdir -p "$root"/{bin,etc,tmp,root,proc,sys,dev,var,usr/bin,home}
chmod 1777 "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' > "$root/etc/passwd"
printf 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n' > "$root/etc/group"
python3 Scripts/oci_layout.py "$images/busybox" latest --cmd sh --layer "$root"

echo "making debian"
root=$work/debian
debootstrap --variant=minbase --keep-debootstrap-dir bookworm "$root" ${source:+"$source"} >"$work/debootstrap.log" 2>&1 || {
    tail -n 20 "$work/debootstrap.log" >&2
    exit 1
}
rm -rf "$root"/debootstrap "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
python3 Scripts/oci_layout.py "$images/debian" bookworm --cmd bash --layer "$root"

echo "making nginx"
cp -a "$root" "$work/nginx"
cp /etc/resolv.conf "$work/nginx/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' > "$work/nginx/usr/sbin/policy-rc.d" && chmod 0755 "$work/nginx/usr/sbin/policy-rc.d"
[ -d /etc/apt/apt.conf.d ] && cp -a /etc/apt/apt.conf.d/. "$work/nginx/etc/apt/apt.conf.d/"
mount -t proc proc "$work/nginx/proc"
chroot "$work/nginx" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light' \
    >"$work/nginx.log" 2>&1 || {
    tail -n 20 "$work/nginx.log" >&2
    exit 1
}
umount "$work/nginx/proc"
rm -rf "$work/nginx/usr/sbin/policy-rc.d" "$work"/nginx/var/cache/apt/archives/*.deb "$work"/nginx/var/lib/apt/lists/*
ln -sf /dev/stdout "$work/nginx/var/log/nginx/access.log"
ln -sf /dev/stderr "$work/nginx/var/log/nginx/error.log"
python3 Scripts/oci_layout.py "$images/nginx" latest --cmd nginx --cmd=-g --cmd 'daemon off;' --port 80/tcp --stop-signal SIGQUIT \
    --layer "$root" --changes "$root" "$work/nginx"
touch "$images/READY"
echo "test images are in $images"
