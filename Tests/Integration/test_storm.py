# SPDX-License-Identifier: Apache-2.0
"""Many short containers at once: no error, and nothing left over."""
import concurrent.futures
import os
import pathlib

from harness import wait_quiet

RUNS = int(os.environ.get("APUS_STORM_RUNS", "500"))


def test_five_hundred_runs_eight_at_a_time(daemon, busybox):
    client = daemon.client()
    client.ok("run", "--rm", busybox, "true")
    descriptors = len(list(pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir()))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: client.run("run", "--rm", busybox, "true"), range(RUNS)))
    failures = [(r.returncode, r.stderr) for r in results if r.returncode != 0 or r.stderr]
    assert failures == []
    # The client returns when the container is gone; the kernel takes links and cgroups apart a little later.
    assert daemon.api("GET", "/containers/json?all=1")[1] == []
    assert wait_quiet(lambda: daemon.bridge_ports()[1]) == []
    assert wait_quiet(lambda: daemon.machine()["shims"]) == []
    assert daemon.machine()["mounts"] == daemon.before["mounts"]
    assert daemon.files() == []
    snapshots = [p for p in (daemon.data / "snapshots").iterdir()]
    images = daemon.api("GET", "/images/json")[1]
    assert len(snapshots) <= 2 * len(images) + 1, snapshots
    open_files = pathlib.Path(f"/proc/{daemon.process.pid}/fd")
    more = wait_quiet(lambda: [f"{now} descriptors"] if (now := len(list(open_files.iterdir()))) > descriptors + 8 else [])
    assert more == [], f"descriptors leak in the daemon, which had {descriptors}"


def test_fork_bomb_stays_inside(daemon, busybox):
    client = daemon.client()
    result = client.run("run", "--rm", "--pids-limit", "30", busybox, "sh", "-c",
                        "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done; echo all", timeout=60)
    assert "all" not in result.stdout and result.returncode != 0
    assert daemon.api("GET", "/_ping".replace("_ping", "version"))[0] == 200
