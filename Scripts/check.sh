#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make check`: what a reviewer need not look for. Format and lint, headers, file sizes, forbidden imports.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0
complain() {
    echo "$1"
    status=1
}

swift format lint --strict --parallel --recursive Sources Tests Package.swift || status=1

while read -r file; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: no SPDX header"
done < <(git ls-files 'Sources/*.swift' 'Sources/*.c' 'Sources/*.h' 'Tests/*.swift' 'Tests/*.py' 'Scripts/*')

# A file over 400 lines answers more than one question: split it by verb. Tables of facts are exempt and say so.
while read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 400 ] && ! head -n 5 "$file" | grep -q 'Table of facts'; then complain "$file: $lines lines"; fi
done < <(git ls-files 'Sources/*.swift')

grep -rnE '^(package |public |internal |private )?import Foundation$' Sources && complain "full Foundation is not used here (docs/ARCHITECTURE.md)"
grep -rnE '^(package |public |internal |private )?import (FoundationEssentials|NIO|Dispatch|_Concurrency)' \
    Sources/Base Sources/Platform/Linux Sources/Formats/OCI Sources/Runtime && complain "the runtime's targets stand on glibc alone"
exit $status
