#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# runtime-tools.sh CHECKOUT RUNTIME [REFERENCE]: runs the validation programs of an opencontainers/runtime-tools checkout with RUNTIME and,
# when one is given, with REFERENCE, and prints a table. Fails when RUNTIME does not pass one that passes cleanly with REFERENCE.
# Builds the programs in the checkout with go. Environment: NAMES (programs, default all), TEST_SECONDS (for one, default 60).
set -uo pipefail
[ $# -ge 2 ] || { echo "usage: runtime-tools.sh CHECKOUT RUNTIME [REFERENCE]" >&2; exit 2; }
cd "$1" || exit 2
runtime=$(readlink -f "$2")
reference=${3:+$(readlink -f "$3")}
export CGO_ENABLED=0 GOFLAGS=-mod=vendor
[ -x runtimetest ] || go build -o runtimetest ./cmd/runtimetest || exit 2

# verdict PROGRAM NAME: clean (all its tests pass), partly (some do not), or failed.
verdict() {
    local output good bad status
    output=$(RUNTIME=$1 timeout -k 5 "${TEST_SECONDS:-60}" "./validation/$2/$2.t" 2>&1 </dev/null)
    status=$?
    good=$(grep '^ *ok ' <<<"$output" | grep -cvi '# skip')
    bad=$(grep -c '^ *not ok ' <<<"$output")
    if [ $status -eq 0 ] && [ "$bad" -eq 0 ] && [ "$good" -gt 0 ]; then
        echo clean
    elif [ "$good" -gt 0 ]; then
        echo "partly ($good ok, $bad not, exit $status)"
    else
        echo "failed (exit $status)"
    fi
}

clean=0 both=0 expected=0 worse=""
echo "| program | result |${reference:+ reference |}"
echo "|---|---|${reference:+---|}"
for name in ${NAMES:-$(cd validation && ls -d -- */ | tr -d / | grep -v '^util$')}; do
    [ -x "validation/$name/$name.t" ] || go build -o "validation/$name/$name.t" "./validation/$name" || exit 2
    ours=$(verdict "$runtime" "$name")
    [ "$ours" = clean ] && clean=$((clean + 1))
    row="| $name | $ours |"
    if [ -n "$reference" ]; then
        theirs=$(verdict "$reference" "$name")
        row+=" $theirs |"
        if [ "$theirs" = clean ]; then
            expected=$((expected + 1))
            if [ "$ours" = clean ]; then both=$((both + 1)); else worse+=" $name"; fi
        fi
    fi
    echo "$row"
done
echo
echo "Clean: $clean${reference:+; of the $expected that are with the reference: $both}"
[ -z "$worse" ] || { echo "Not clean here, but with the reference:$worse"; exit 1; }
