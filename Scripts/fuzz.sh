#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make fuzz`: libFuzzer over the parsers of config.json, seccomp profiles and the shim's protocol; each for FUZZ_SECONDS (60).
# Found inputs go on from .cache/fuzz/TARGET; what crashes is kept there as crash-*.
set -euo pipefail
swift=${SWIFT:-swift} cache=${CACHE:-.cache} seconds=${FUZZ_SECONDS:-60}
targets=(${FUZZ_TARGETS:-config seccomp shim})
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v "$swift")")")")
archive=$(find "$toolchain/lib/clang" -name "libclang_rt.fuzzer_no_main*$(uname -m)*.a" -print -quit)
[ -n "$archive" ] || { echo "this Swift has no libFuzzer (libclang_rt.fuzzer_no_main) below $toolchain" >&2; exit 1; }
APUS_FUZZ=$archive "$swift" build --scratch-path .build-fuzz --product apus-fuzz
# Swift's own report of a crash would keep libFuzzer from saving the input.
export SWIFT_BACKTRACE=enable=no
status=0
for target in "${targets[@]}"; do
    mkdir -p "$cache/fuzz/$target"
    echo "== $target for $seconds s"
    nice -n 19 .build-fuzz/debug/apus-fuzz "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$cache/fuzz/$target/crash-" "$cache/fuzz/$target" "Tests/Fuzz/corpus/$target" 2>&1 |
        grep -vE '^(INFO|NEW|REDUCE)' || true
    if compgen -G "$cache/fuzz/$target/crash-*" >/dev/null; then
        echo "$target: crashes in $cache/fuzz/$target" >&2
        status=1
    fi
done
exit $status
