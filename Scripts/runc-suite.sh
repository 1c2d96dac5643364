#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# runc-suite.sh CHECKOUT RUNTIME [REFERENCE]: runs the integration tests of a runc checkout, file by file, with RUNTIME and, when
# one is given, with REFERENCE, and prints a table: file, passed, failed, skipped. Fails when RUNTIME fails a test that REFERENCE passes.
# CHECKOUT needs `make test-binaries` and its test images (CHECKOUT/tests/integration/get-images.sh); this machine bats, jq, gawk and go.
# Environment: FILES (names of .bats files, default all), RESULTS (folder for the logs, default a fresh one; kept runs of REFERENCE
# found there are not repeated), SCRATCH (where containers live, default /var/tmp; a tmpfs is quicker), TEST_SECONDS (for one file, default 900).
set -uo pipefail
[ $# -ge 2 ] || { echo "usage: runc-suite.sh CHECKOUT RUNTIME [REFERENCE]" >&2; exit 2; }
suite=$(cd "$1/tests/integration" && pwd) || exit 2
runtime=$(readlink -f "$2")
reference=${3:+$(readlink -f "$3")}
for program in bats jq gawk go script "$runtime" ${reference:+"$reference"}; do
    command -v "$program" >/dev/null || { echo "runc-suite.sh: $program is missing" >&2; exit 2; }
done
results=${RESULTS:-$(mktemp -d /var/tmp/runc-suite-XXXX)}
mkdir -p "$results/runtime" "$results/reference"

# run FILE PROGRAM LOG: with a terminal, as many tests want one, on which nobody types: the end of its input would reach containers.
run() {
    local scratch
    scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/runc-bats-XXXX")
    chmod a+x "$scratch"
    # Some tests compare the name that the help and the messages speak of.
    ln -s "$2" "$scratch/runc"
    (cd "$suite" && RUNC=$scratch/runc TMPDIR=$scratch BATS_TMPDIR=$scratch timeout -k 10 "${TEST_SECONDS:-900}" \
        script -qec "bats -t '$1' >'$3' 2>&1" /dev/null) >/dev/null <> <(:)
    [ $? -ne 124 ] || echo "not ok 999 $1 ran out of time" >>"$3"
    rm -rf "$scratch"
}

# count LOG: passed failed skipped
count() {
    gawk '/^ok .* # skip/ {s++; next} /^ok / {p++} /^not ok / {f++} END {printf "%d %d %d", p, f, s}' "$1"
}

names() { sed -nE "s/^$2 [0-9]+ (.*)$/\1/p" "$1" | grep -v ' # skip' | sort; }

files=${FILES:-$(cd "$suite" && ls ./*.bats)}
worse=""
declare -A total=([p]=0 [f]=0 [s]=0 [rp]=0 [rf]=0 [rs]=0)
printf '| file | passed | failed | skipped |%s\n' "${reference:+ reference: passed | failed | skipped |}"
printf '|---|---|---|---|%s\n' "${reference:+---|---|---|}"
for file in $files; do
    file=$(basename "$file")
    log=$results/runtime/$file.tap
    run "$file" "$runtime" "$log"
    read -r passed failed skipped <<<"$(count "$log")"
    row="| ${file%.bats} | $passed | $failed | $skipped |"
    ((total[p] += passed, total[f] += failed, total[s] += skipped))
    if [ -n "$reference" ]; then
        other=$results/reference/$file.tap
        [ -s "$other" ] || run "$file" "$reference" "$other"
        read -r p f s <<<"$(count "$other")"
        row+=" $p | $f | $s |"
        ((total[rp] += p, total[rf] += f, total[rs] += s))
        lost=$(comm -12 <(names "$log" "not ok") <(names "$other" ok))
        [ -z "$lost" ] || worse+="$(sed "s/^/${file%.bats}: /" <<<"$lost")"$'\n'
    fi
    echo "$row"
done
echo "| all | ${total[p]} | ${total[f]} | ${total[s]} |${reference:+ ${total[rp]} | ${total[rf]} | ${total[rs]} |}"
echo
echo "Logs: $results"
[ -z "$worse" ] || { echo "Failed here, passed by the reference:"; echo -n "$worse"; exit 1; }
