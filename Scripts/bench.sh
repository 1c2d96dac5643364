#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make bench`: apus beside dockerd and podman in one interleaved run, medians. Everything runs in roots of its own.
# Environment: APUS_BENCH_RUNS (rounds, default 15), APUS_BENCH_PEERS=no leaves the peers out.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=$(cd "$1" && pwd)
rounds=${APUS_BENCH_RUNS:-15}
work=$(mktemp -d /var/tmp/apus-bench-XXXX)
[ "${APUS_BENCH_PEERS:-yes}" = yes ] && Scripts/install-packages.sh bench
Scripts/install-packages.sh test
Scripts/make-images.sh
python3 Scripts/bench.py "$programs" "$work" "$rounds" "${APUS_IMAGES:-.cache/images}"
echo
exec python3 Scripts/bench_runtime.py "$programs/apus-runtime" "$rounds"
