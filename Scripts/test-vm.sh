#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-vm.sh [short|full]: boots Debian's cloud kernel under QEMU's software emulation with this machine's tree as its read-only root
# and runs Tests/VM there, for what needs cgroup v2 alone, eBPF, AppArmor, ipvlan or a whole machine of one's own. APUS_VM_ONLY=WORD
# chooses tests. Ends with `N passed, M failed, K skipped`; status 77 says that there is no QEMU to run them.
set -uo pipefail
cd "$(dirname "$0")/.."
form=${1:-full}
project=$PWD
cache=$(realpath -m "${CACHE:-.cache}/vm") images=$(realpath -m "${CACHE:-.cache}/images") programs=$(realpath -m "${APUS_PROGRAMS:-${SCRATCH:-.build}/debug}")
seconds=${APUS_VM_SECONDS:-$([ "$form" = short ] && echo 240 || echo 900)}

skip() {
    echo "tests in a guest machine: skipped, $1"
    exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "the guest is an x86_64 one"
[ "$(id -u)" -eq 0 ] || skip "root is needed to share this machine's tree with the guest"
unshare --mount true 2>/dev/null || skip "this machine lets nobody mount"
Scripts/install-packages.sh vm >/dev/null 2>&1 || skip "QEMU and its companions cannot be installed"
virtiofsd=
for place in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do [ -x $place ] && virtiofsd=$place && break; done
[ -n "$virtiofsd" ] || skip "there is no virtiofsd"
for program in apus apusd apus-runtime apus-hello; do
    [ -x "$programs/$program" ] || { echo "$programs/$program is missing: build first" >&2; exit 1; }
done
[ -e "$images/READY" ] || Scripts/make-images.sh || exit 1

# The kernel: fetched once, unpacked, never installed.
tree=$cache/kernel/tree
fetch_kernel() {
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p' | head -n 1)
    if [ -z "$package" ]; then
        apt-get update -qq
        package=$(apt-cache depends linux-image-cloud-amd64 | sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p' | head -n 1)
    fi
    [ -n "$package" ] || return 1
    rm -rf "$cache/kernel" && mkdir -p "$cache/kernel" &&
        (cd "$cache/kernel" && apt-get download -qq "$package" && dpkg-deb -x "$package"_*.deb tree && rm -f ./*.deb)
}
ls "$tree"/boot/vmlinuz-* >/dev/null 2>&1 || fetch_kernel || skip "Debian's cloud kernel cannot be fetched"
kernel=$(ls "$tree"/boot/vmlinuz-* | head -n 1)
version=${kernel##*/vmlinuz-}
modules=$tree/lib/modules
[ -e "$modules/$version/modules.dep" ] || depmod -b "$tree" "$version" || exit 1

work=$(mktemp -d /var/tmp/apus-vm-XXXX)
machine= share=
cleanup() {
    [ -n "$machine" ] && kill "$machine" 2>/dev/null
    [ -n "$share" ] && kill "$share" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The first program and what it loads.
initrd() {
    local root=$work/initrd file
    mkdir -p "$root"/{bin,modules,proc,sys,dev}
    cp /bin/busybox "$root/bin/" && ln -s busybox "$root/bin/sh" && install -m 0755 Scripts/vm/init "$root/init"
    for module in virtio_pci virtio_blk virtio_console virtiofs overlay virtio_rng; do
        modprobe -d "$tree" -S "$version" --show-depends "$module"
    done | sed -nE 's/^insmod ([^ ]+).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$root/modules/" && echo "${file##*/}"
    done >"$root/modules/order"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
}
initrd || exit 1
truncate -s 6G "$work/disk.img" && mke2fs -q -F -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 "$work/disk.img" || exit 1
truncate -s 128M "$work/swap.img"

# This machine's tree, read-only even for a guest gone wrong; folders on other file systems are bound in.
mkdir "$work/view"
unshare --mount --propagation private bash -c '
    view=$1 daemon=$2 socket=$3; shift 3
    mount --bind / "$view" || exit 1
    for folder in "$@"; do
        [ "$(stat -c %d "$folder")" = "$(stat -c %d /)" ] || { mkdir -p "$view$folder" && mount --bind "$folder" "$view$folder"; } || exit 1
        mount -o remount,bind,ro "$view$folder" 2>/dev/null
    done
    mount -o remount,bind,ro "$view" || exit 1
    exec "$daemon" --socket-path="$socket" -o source="$view" -o cache=always
' share "$work/view" "$virtiofsd" "$work/share.sock" "$project" "$(realpath "$programs")" "$modules" "$images" >"$work/share.log" 2>&1 &
share=$!
for _ in $(seq 200); do
    [ -S "$work/share.sock" ] && break
    kill -0 "$share" 2>/dev/null || { cat "$work/share.log" >&2; exit 1; }
    read -rt 0.05 <> <(:) || :
done

memory=${APUS_VM_MEMORY:-1536}
: >"$work/results"
qemu-system-x86_64 -M q35,memory-backend=ram -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" \
    -object memory-backend-memfd,id=ram,size="${memory}M",share=on \
    -nodefaults -no-user-config -nographic -no-reboot -serial "file:$work/console" \
    -kernel "$kernel" -initrd "$work/initrd.gz" \
    -append "console=ttyS0 quiet panic=-1 reboot=t apparmor=1 security=apparmor apus.project=$project apus.programs=$programs apus.images=$images apus.modules=$modules apus.form=$form apus.only=${APUS_VM_ONLY:-}" \
    -chardev "socket,id=fs,path=$work/share.sock" -device vhost-user-fs-pci,chardev=fs,tag=host \
    -drive "id=d0,file=$work/disk.img,format=raw,if=none,cache=unsafe" -device virtio-blk-pci,drive=d0 \
    -drive "id=d1,file=$work/swap.img,format=raw,if=none,cache=unsafe" -device virtio-blk-pci,drive=d1 \
    -device virtio-rng-pci -device virtio-serial-pci -chardev "file,id=c0,path=$work/results" -device virtserialport,chardev=c0,name=apus.0 \
    </dev/null >"$work/qemu.log" 2>&1 &
machine=$!

console() {
    echo "$1; the guest's console:" >&2
    tail -n 40 "$work/console" "$work/qemu.log" "$work/share.log" >&2
}
started=$SECONDS
until grep -q '^userspace' "$work/results"; do
    if ! kill -0 "$machine" 2>/dev/null || [ $((SECONDS - started)) -gt 60 ]; then
        console "no userspace after $((SECONDS - started)) s"
        exit 1
    fi
    read -rt 0.1 <> <(:) || :
done
tail -n +1 -f --pid="$machine" "$work/results" | grep -v --line-buffered '^end ' &
printer=$!
while kill -0 "$machine" 2>/dev/null; do
    if [ $((SECONDS - started)) -gt "$seconds" ]; then
        console "not done after $seconds s"
        break
    fi
    read -rt 0.2 <> <(:) || :
done
kill "$machine" 2>/dev/null
wait "$printer" 2>/dev/null
machine=
mkdir -p "${CACHE:-.cache}/logs" && cp "$work/results" "${CACHE:-.cache}/logs/vm.log"
status=$(sed -nE 's/^end ([0-9]+)\r?$/\1/p' "$work/results")
[ -n "$status" ] || { console "the guest ended before its tests"; exit 1; }
exit "$status"
