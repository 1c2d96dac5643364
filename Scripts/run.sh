#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run`: starts the daemon if none answers, runs a first container, says what to try next.
set -euo pipefail
programs=$(cd "$1" && pwd)
socket=${APUS_SOCKET:-/run/apus/apus.sock}
export DOCKER_HOST=unix://$socket

if ! "$programs/apus" version --format '{{.Server.Version}}' >/dev/null 2>&1; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "no daemon answers on $socket, and starting one needs root: sudo make run" >&2
        exit 1
    fi
    mkdir -p "$(dirname "$socket")" /var/log
    echo "starting apusd on $socket (log: /var/log/apusd.log)"
    setsid "$programs/apusd" -H "unix://$socket" --data-root "${APUS_DATA_ROOT:-/var/lib/apus}" \
        --exec-root "${APUS_EXEC_ROOT:-/run/apus}" --pidfile "${APUS_PIDFILE:-/run/apus/apusd.pid}" \
        ${APUS_FLAGS:-} >>/var/log/apusd.log 2>&1 </dev/null &
    daemon=$!
    for _ in $(seq 200); do
        "$programs/apus" version --format '{{.Server.Version}}' >/dev/null 2>&1 && break
        if ! kill -0 "$daemon" 2>/dev/null; then
            echo "apusd ended at once; its last words:" >&2
            tail -n 5 /var/log/apusd.log >&2
            exit 1
        fi
        read -rt 0.05 <> <(:) || :
    done
fi
"$programs/apus" run --rm hello-world
cat <<NEXT

The daemon answers on $socket. Try next:
    export DOCKER_HOST=$DOCKER_HOST PATH=$programs:\$PATH
    apus version                      what runs
    apus images                       what is stored
    make images                       busybox, debian and nginx from Debian's packages, as OCI layouts
    docker ps                         your docker client works too: same API, same socket
NEXT
