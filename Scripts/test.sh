#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make test`: builds, runs the suites named as arguments, ends with a line that counts all of them.
set -uo pipefail
swift=${SWIFT:-swift} scratch=${SCRATCH:-.build} cache=${CACHE:-.cache}
flags=(--scratch-path "$scratch" --explicit-target-dependency-import-check error)
mkdir -p "$cache/logs"
passed=0 failed=0 skipped=0

# Format, headers, sizes, layers of imports: one test that fails as a whole.
lint() {
    if Scripts/check.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

unit() {
    local log=$cache/logs/unit.log
    "$swift" build "${flags[@]}" --build-tests || { failed=$((failed + 1)); return; }
    "$swift" test "${flags[@]}" --skip-build --parallel 2>&1 | tee "$log" | cut -c1-400 | grep -vE '^(◇|􀟈|\[[0-9]+/[0-9]+\]|✔|􁁛)|started\.$'
    local status=${PIPESTATUS[0]}
    local ok bad skip
    ok=$(grep -cE '^(✔|􁁛) +Test .* passed' "$log")
    bad=$(grep -E '^(✘|􀢄) +Test .* failed after ' "$log" | grep -cvE '^(✘|􀢄) +Test run ')
    skip=$(grep -cE '^(➜|􀙟|􁔔) +Test .* skipped' "$log")
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

integration() {
    local venv=$cache/venv log=$cache/logs/integration.log
    if [ "$(id -u)" -ne 0 ]; then
        echo "integration tests need root: skipped"
        skipped=$((skipped + 1))
        return
    fi
    "$swift" build "${flags[@]}" || { failed=$((failed + 1)); return; }
    if [ ! -e "$venv/ready" ]; then
        python3 -m venv "$venv" && "$venv/bin/pip" install -q -r Tests/Integration/requirements.txt && touch "$venv/ready" ||
            { echo "the Python packages of the integration tests cannot be installed"; failed=$((failed + 1)); return; }
    fi
    Scripts/make-images.sh || { echo "the test images cannot be made"; failed=$((failed + 1)); return; }
    APUS_PROGRAMS=$(cd "$scratch/debug" && pwd) APUS_IMAGES=$(cd "$cache/images" && pwd) \
        "$venv/bin/python" -m pytest -q -n "${APUS_TEST_JOBS:-2}" --dist loadfile -p no:cacheprovider -rsf ${APUS_TEST_PATHS:-Tests/Integration} 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]}
    local summary count
    summary=$(tail -n 1 "$log")
    count() { grep -oE "[0-9]+ $1" <<<"$summary" | grep -oE '[0-9]+' | head -n 1; }
    local ok bad errors skip
    ok=$(count passed) bad=$(count failed) errors=$(count error) skip=$(count skipped)
    bad=$((${bad:-0} + ${errors:-0}))
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + ${ok:-0})) failed=$((failed + bad)) skipped=$((skipped + ${skip:-0}))
}

# The short form of `make test-vm`; a machine without QEMU skips it by name.
vm() {
    local log=$cache/logs/vm-short.log summary
    SCRATCH=$scratch CACHE=$cache Scripts/test-vm.sh short 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]} ok bad skip
    if [ "$status" -eq 77 ]; then
        skipped=$((skipped + 1))
        return
    fi
    summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log" | tail -n 1)
    read -r ok _ bad _ skip _ <<<"$summary"
    bad=${bad:-0}
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + ${ok:-0})) failed=$((failed + bad)) skipped=$((skipped + ${skip:-0}))
}

for suite in "$@"; do "$suite"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
