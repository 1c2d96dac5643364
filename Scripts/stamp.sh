#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `stamp.sh PROGRAM...`: writes commit and time into finished programs (Sources/Platform/CBuild); those without the
# section, and those that carry this commit already, stay as they are. SOURCE_DATE_EPOCH makes the time reproducible.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# git archive writes the commit here, so that a tarball knows it too (.gitattributes).
commit='$Format:%h$'
case $commit in
'$'*)
    commit=unknown
    # A copy without a repository of its own must not report that of a folder above it.
    if [ "$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
        commit=$(git -C "$root" describe --always --dirty --abbrev=7 --exclude '*')
    fi
    ;;
esac
time=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ printf '%s' "${commit:0:63}" | dd bs=64 conv=sync status=none; printf '%s' "$time" | dd bs=32 conv=sync status=none; } >"$folder/stamp"
for program in "$@"; do
    rm -f "$folder/old"
    objcopy --dump-section apus_build="$folder/old" "$program" "$folder/copy" 2>/dev/null || true
    [ -s "$folder/old" ] || continue
    [ "$(head -c 64 "$folder/old" | tr -d '\0')" = "$commit" ] && [ -z "${SOURCE_DATE_EPOCH:-}" ] && continue
    # Beside the old one and renamed: a program that runs keeps its file.
    objcopy --update-section apus_build="$folder/stamp" "$program" "$program.stamped"
    mv "$program.stamped" "$program"
done
