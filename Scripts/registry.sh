#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# registry.sh start|stop FOLDER PORT: Debian's docker-registry on 127.0.0.1:PORT with FOLDER as storage, filled from the OCI layouts
# under $APUS_IMAGES (.cache/images).
set -euo pipefail
verb=$1 folder=$2 port=$3
images=${APUS_IMAGES:-$(dirname "$0")/../.cache/images}
address=127.0.0.1:$port

case $verb in
start)
    mkdir -p "$folder"
    printf 'version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: %s}\n  delete: {enabled: true}\nhttp: {addr: %s}\n' \
        "$folder/storage" "$address" > "$folder/config.yml"
    setsid docker-registry serve "$folder/config.yml" >"$folder/log" 2>&1 </dev/null &
    echo $! > "$folder/pid"
    for _ in $(seq 200); do
        curl -fsS "http://$address/v2/" >/dev/null 2>&1 && break
        kill -0 "$(cat "$folder/pid")" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
        sleep 0.05
    done
    for layout in "$images"/*/; do
        [ -e "$layout/index.json" ] || continue
        python3 "$(dirname "$0")/push_layout.py" "$layout" "http://$address"
    done
    ;;
stop)
    [ -e "$folder/pid" ] && kill "$(cat "$folder/pid")" 2>/dev/null
    rm -f "$folder/pid"
    ;;
*)
    echo "usage: registry.sh start|stop FOLDER PORT" >&2
    exit 2
    ;;
esac
