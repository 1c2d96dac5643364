#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing for the purposes named as arguments: build, test, bench.
set -euo pipefail

declare -A wanted=(
    [build]="gcc make binutils git ca-certificates libseccomp-dev libnftables-dev libisal-dev zlib1g-dev libzstd-dev libsqlite3-dev"
    [test]="python3 python3-venv curl iproute2 nftables procps busybox-static debootstrap docker-registry tmux e2fsprogs openssl uidmap slirp4netns"
    [vm]="python3 iproute2 nftables procps busybox-static e2fsprogs kmod cpio qemu-system-x86 apparmor uidmap slirp4netns"
    [bench]="docker.io podman crun runc hyperfine wrk iperf3"
)
packages=()
for purpose in "$@"; do
    for package in ${wanted[$purpose]}; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || packages+=("$package")
    done
done
[ ${#packages[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "these packages are missing: ${packages[*]}; install them, or run this as root" >&2
    exit 1
fi
echo "installing ${packages[*]}"
# Daemons that a package would start (dockerd, a registry) stay off: tests and benchmarks start their own.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 0755 "$policy" && made_policy=yes
fi
trap '[ "$made_policy" = yes ] && rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}
