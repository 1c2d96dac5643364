#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `manual.sh PROGRAMS FOLDER`: man1 and man8 below FOLDER. The client writes its own pages; the others are docs/man/*.8,
# whose lines `.\" COMMANDS` and `.\" OPTIONS` are replaced by what the program says with --help.
set -euo pipefail
programs=$1 folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$folder"
mkdir -p "$folder/man1" "$folder/man8"
"$programs/apus" __man "$folder/man1"

roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g'; }

# `  -D, --debug   text` or `   --log value, -l   text`
options() {
    roff | sed -nE \
        -e 's/^ *(\\-[A-Za-z]), *(\\-\\-[^ ,]+) +(.*)$/.TP\n\\fB\1\\fR, \\fB\2\\fR\n\3/p;t' \
        -e 's/^ *(\\-\\-[^ ,]+), (\\-[A-Za-z]) +(.*)$/.TP\n\\fB\2\\fR, \\fB\1\\fR\n\3/p;t' \
        -e 's/^ *(\\-\\-[^ ,]+) value +(.*)$/.TP\n\\fB\1\\fR=\\fIvalue\\fR\n\2/p;t' \
        -e 's/^ *(\\-\\-[^ ,]+) +(.*)$/.TP\n\\fB\1\\fR\n\2/p'
}

commands() { sed -n '/COMMANDS:/,/OPTIONS:/p' | roff | sed -nE 's/^   ([a-z]+)  +(.*)$/.TP\n\\fB\1\\fR\n\2/p'; }

for page in "$root"/docs/man/*.8; do
    program=$programs/$(basename "$page" .8)
    help=$("$program" --help)
    while IFS= read -r line; do
        case $line in
        '.\" OPTIONS') options <<<"$help" ;;
        '.\" COMMANDS') commands <<<"$help" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$page" >"$folder/man8/$(basename "$page")"
done
