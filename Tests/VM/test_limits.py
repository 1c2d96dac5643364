# SPDX-License-Identifier: Apache-2.0
"""Limits as control groups of version 2 hold them: at the start, after an update, and what happens at the limit."""
import os
import pathlib
import subprocess
import time

from machine import CGROUPS, Running, Skip, short

MEGABYTE = 1 << 20


def holds(client, flags, expected):
    with Running(client, *flags) as container:
        for file, value in expected.items():
            if not (container.folder() / file).exists():
                raise AssertionError(f"no {file} in {container.folder()}: {sorted(os.listdir(container.folder()))}")
            assert container.held(file) == value, f"{flags}: {file} holds {container.held(file)!r}, not {value!r}"


@short
def test_memory_and_swap(client, busybox):
    holds(client, ["-m", "64m"], {"memory.max": str(64 * MEGABYTE), "memory.swap.max": str(64 * MEGABYTE)})


def test_swap_of_its_own_none_and_without_end(client, busybox):
    holds(client, ["-m", "64m", "--memory-swap", "64m"], {"memory.max": str(64 * MEGABYTE), "memory.swap.max": "0"})
    holds(client, ["-m", "64m", "--memory-swap", "-1"], {"memory.max": str(64 * MEGABYTE), "memory.swap.max": "max"})
    holds(client, ["-m", "64m", "--memory-swap", "100m"], {"memory.swap.max": str(36 * MEGABYTE)})


def test_memory_reservation(client, busybox):
    holds(client, ["-m", "64m", "--memory-reservation", "32m"], {"memory.low": str(32 * MEGABYTE)})


def test_pids(client, busybox):
    holds(client, ["--pids-limit", "17"], {"pids.max": "17"})
    holds(client, ["--pids-limit", "-1"], {"pids.max": "max"})


def test_pids_limit_stops_a_fork_bomb(client, busybox):
    with Running(client, "--pids-limit", "20") as container:
        result = container.sh("for i in $(seq 40); do sleep 5 & done; true")
        assert "fork" in result.stderr.lower(), result
        events = dict(line.split() for line in container.held("pids.events").splitlines())
        assert int(events["max"]) > 0, events


def test_cpu(client, busybox):
    holds(client, ["--cpus", "0.5"], {"cpu.max": "50000 100000"})


def test_cpu_shares_periods_and_sets(client, busybox):
    holds(client, ["--cpu-period", "50000", "--cpu-quota", "20000"], {"cpu.max": "20000 50000"})
    holds(client, ["--cpu-quota", "20000"], {"cpu.max": "20000 100000"})
    # 1 + (shares - 2) * 9999 / 262142, the conversion every runtime uses.
    holds(client, ["--cpu-shares", "1024"], {"cpu.weight": "39"})
    holds(client, ["--cpu-shares", "262144"], {"cpu.weight": "10000"})
    holds(client, ["--cpuset-cpus", "1", "--cpuset-mems", "0"], {"cpuset.cpus": "1", "cpuset.cpus.effective": "1", "cpuset.mems": "0"})


def test_io_throttles(client, busybox):
    number = pathlib.Path("/sys/block/vda/dev").read_text().strip()
    with Running(client, "--device-read-bps", "/dev/vda:1mb", "--device-write-iops", "/dev/vda:77") as container:
        assert container.held("io.max") == f"{number} rbps={MEGABYTE} wbps=max riops=max wiops=77"
    with Running(client, "--device-write-bps", "/dev/vda:2mb", "--device-read-iops", "/dev/vda:50") as container:
        assert container.held("io.max") == f"{number} rbps=max wbps={2 * MEGABYTE} riops=50 wiops=max"


def test_io_weights(client, busybox):
    with Running(client, "--blkio-weight", "500") as container:
        files = {name: container.held(name) for name in ("io.bfq.weight", "io.weight") if (container.folder() / name).exists()}
        if not files:
            raise Skip("this kernel weighs no block devices")
        wanted = {"io.bfq.weight": "default 500", "io.weight": f"default {1 + 490 * 9999 // 990}"}
        name = "io.bfq.weight" if "io.bfq.weight" in files else "io.weight"
        assert files[name] == wanted[name], files


def test_io_weight_of_a_device(client, busybox):
    number = pathlib.Path("/sys/block/vda/dev").read_text().strip()
    subprocess.run(["modprobe", "bfq"], check=True)
    scheduler = pathlib.Path("/sys/block/vda/queue/scheduler")
    before = scheduler.read_text().split("[")[1].split("]")[0]
    scheduler.write_text("bfq")
    try:
        with Running(client, "--blkio-weight-device", "/dev/vda:300") as container:
            assert f"{number} 300" in container.held("io.bfq.weight").splitlines(), container.held("io.bfq.weight")
    finally:
        scheduler.write_text(before)


@short
def test_update_of_a_running_container(daemon, client, busybox):
    with Running(client, "-m", "64m") as container:
        status, answer = daemon.api("POST", f"/containers/{container.id}/update", {
            "Memory": 32 * MEGABYTE, "MemorySwap": 48 * MEGABYTE, "NanoCpus": 250_000_000, "PidsLimit": 40, "CpuShares": 512,
            "CpusetCpus": "0", "MemoryReservation": 16 * MEGABYTE})
        assert status == 200 and not answer["Warnings"], answer
        found = {file: container.held(file) for file in
                 ("memory.max", "memory.swap.max", "cpu.max", "pids.max", "cpu.weight", "cpuset.cpus", "memory.low")}
        assert found == {
            "memory.max": str(32 * MEGABYTE), "memory.swap.max": str(16 * MEGABYTE), "cpu.max": "25000 100000", "pids.max": "40",
            "cpu.weight": "20", "cpuset.cpus": "0", "memory.low": str(16 * MEGABYTE)}, found
        assert container.sh("true").returncode == 0


def test_update_takes_memory_limits_up_and_away(daemon, client, busybox):
    with Running(client, "-m", "32m", "--memory-swap", "32m") as container:
        client.ok("update", "-m", "128m", "--memory-swap", "256m", container.id)
        assert (container.held("memory.max"), container.held("memory.swap.max")) == (str(128 * MEGABYTE), str(128 * MEGABYTE))
        client.ok("update", "--memory-swap", "-1", container.id)
        assert container.held("memory.swap.max") == "max"


@short
def test_out_of_memory_is_told(daemon, client, busybox):
    client.run("run", "--name", "hog", "-m", "16m", "--memory-swap", "16m", busybox, "sh", "-c", "tail /dev/zero")
    state = daemon.api("GET", "/containers/hog/json")[1]["State"]
    client.ok("rm", "hog")
    assert state["OOMKilled"] is True and state["ExitCode"] == 137, state


def test_out_of_memory_sends_an_event(daemon, client, busybox):
    since = str(int(time.time()) - 1)
    with Running(client, "--name", "eater", "-m", "16m", "--memory-swap", "16m") as container:
        assert container.sh("tail /dev/zero").returncode == 137
        until = str(int(time.time()) + 1)
        told = client.ok("events", "--since", since, "--until", until, "--filter", "event=oom", "--format", "{{.Actor.ID}}")
        assert container.id in told.split(), told
        # The main process lives: the kernel chose the eater.
        assert client.ok("inspect", "-f", "{{.State.Running}}", container.id) == "true"


def test_what_version_2_lacks_is_told(client, busybox):
    for flags, text in [(["--memory-swappiness", "7", "-m", "64m"], "swappiness"), (["--oom-kill-disable", "-m", "64m"], "OomKillDisable")]:
        result = client.run("create", *flags, busybox)
        assert text.lower() in result.stderr.lower(), (flags, result)
        if result.returncode == 0:
            client.ok("rm", result.stdout.split()[-1])


def test_parent_of_ones_own(client, busybox):
    with Running(client, "--cgroup-parent", "/apus-parent/below", "-m", "64m") as container:
        assert container.folder() == CGROUPS / "apus-parent/below" / container.id
        assert container.held("memory.max") == str(64 * MEGABYTE)
    (CGROUPS / "apus-parent/below").rmdir()
    (CGROUPS / "apus-parent").rmdir()
