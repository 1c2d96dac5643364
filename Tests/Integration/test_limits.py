# SPDX-License-Identifier: Apache-2.0
"""Limits as the kernel holds them, at the start and after an update. Control groups of version 1; the machine test has version 2."""
import os
import pathlib

import pytest

CGROUPS = pathlib.Path("/sys/fs/cgroup")
pytestmark = pytest.mark.skipif(not (CGROUPS / "memory/memory.limit_in_bytes").exists(), reason="no control groups of version 1")


def held(identifier, controller, file):
    """A control file of the container's group; None where there is no such file."""
    for folder, folders, _ in os.walk(CGROUPS / controller):
        if identifier in folders:
            path = pathlib.Path(folder, identifier, file)
            return path.read_text().strip() if path.exists() else None
    raise AssertionError(f"no {controller} group of {identifier}")


@pytest.fixture()
def running(daemon, busybox):
    """Starts containers with flags; gives their ids."""
    client, identifiers = daemon.client(), []

    def start(*flags):
        identifiers.append(client.ok("run", "-d", *flags, busybox, "sleep", "1000").splitlines()[-1])
        return identifiers[-1]

    yield start
    for identifier in identifiers:
        client.ok("rm", "-f", identifier)


@pytest.mark.parametrize("flags, controller, file, value", [
    (["-m", "64m"], "memory", "memory.limit_in_bytes", str(64 << 20)),
    (["-m", "64m"], "memory", "memory.memsw.limit_in_bytes", str(128 << 20)),
    (["-m", "64m", "--memory-swap", "64m"], "memory", "memory.memsw.limit_in_bytes", str(64 << 20)),
    (["--memory-reservation", "32m"], "memory", "memory.soft_limit_in_bytes", str(32 << 20)),
    (["-m", "64m", "--memory-swappiness", "7"], "memory", "memory.swappiness", "7"),
    (["--cpu-shares", "300"], "cpu", "cpu.shares", "300"),
    (["--cpus", "0.5"], "cpu", "cpu.cfs_quota_us", "50000"),
    (["--cpu-period", "50000", "--cpu-quota", "20000"], "cpu", "cpu.cfs_period_us", "50000"),
    (["--cpu-period", "50000", "--cpu-quota", "20000"], "cpu", "cpu.cfs_quota_us", "20000"),
    (["--cpuset-cpus", "0"], "cpuset", "cpuset.cpus", "0"),
    (["--pids-limit", "17"], "pids", "pids.max", "17"),
    (["--pids-limit", "-1"], "pids", "pids.max", "max"),
])
def test_flag_reaches_the_kernel(running, flags, controller, file, value):
    identifier = running(*flags)
    found = held(identifier, controller, file)
    if found is None:
        pytest.skip(f"this kernel has no {file}")
    assert found == value


def test_throttles_name_the_device(running):
    disk = os.stat("/").st_dev
    path = pathlib.Path(f"/dev/block/{os.major(disk)}:{os.minor(disk)}")
    if not path.exists():
        pytest.skip("the root file system is not on a block device")
    identifier = running("--device-read-bps", f"{path.resolve()}:1mb", "--device-write-iops", f"{path.resolve()}:77")
    number = f"{os.major(disk)}:{os.minor(disk)}"
    assert held(identifier, "blkio", "blkio.throttle.read_bps_device") == f"{number} {1 << 20}"
    assert held(identifier, "blkio", "blkio.throttle.write_iops_device") == f"{number} 77"


def test_what_the_kernel_lacks_is_told(daemon, busybox):
    if (CGROUPS / "blkio/blkio.weight").exists() or (CGROUPS / "blkio/blkio.bfq.weight").exists():
        pytest.skip("this kernel weighs block devices")
    result = daemon.client().run("create", "--blkio-weight", "300", busybox)
    assert result.returncode == 0 and "does not support Block I/O weight" in result.stderr


def test_update_changes_a_running_container(daemon, busybox, running):
    identifier = running("-m", "64m", "--restart", "no")
    path = f"/containers/{identifier}/update"
    status, answer = daemon.api("POST", path, {
        "Memory": 32 << 20, "NanoCpus": 250_000_000, "PidsLimit": 40, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}})
    assert status == 200 and not answer["Warnings"]
    assert held(identifier, "memory", "memory.limit_in_bytes") == str(32 << 20)
    assert held(identifier, "cpu", "cpu.cfs_quota_us") == "25000"
    assert held(identifier, "pids", "pids.max") == "40"
    host = daemon.api("GET", f"/containers/{identifier}/json")[1]["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (32 << 20, 250_000_000, 40)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    for body, status, text in [
        ({"Memory": 900 << 20}, 409, "Memory limit should be smaller than already set memoryswap limit"),
        ({"Memory": 1 << 20}, 400, "Minimum memory limit allowed is 6MB"),
        ({"CpuPeriod": 50_000}, 409, "CPU Period cannot be updated as NanoCPUs has already been set"),
        ({"RestartPolicy": {"Name": "sometimes"}}, 400, "sometimes"),
        ({"OomKillDisable": True}, 501, "OomKillDisable"),
        ({"Nonsense": 1}, 501, "Nonsense"),
    ]:
        found, answer = daemon.api("POST", path, body)
        assert found == status and text in answer["message"], body
    assert held(identifier, "memory", "memory.limit_in_bytes") == str(32 << 20)


def test_update_of_a_container_that_does_not_run_holds_at_its_start(daemon, busybox):
    client = daemon.client()
    identifier = client.ok("create", busybox, "sleep", "1000")
    assert daemon.api("POST", f"/containers/{identifier}/update", {"PidsLimit": 33})[0] == 200
    client.ok("start", identifier)
    assert held(identifier, "pids", "pids.max") == "33"
    client.ok("rm", "-f", identifier)


def test_out_of_memory_is_told(daemon, busybox):
    client = daemon.client()
    client.run("run", "--name", "hog", "-m", "16m", "--memory-swap", "16m", busybox, "sh", "-c", "tail /dev/zero")
    state = daemon.api("GET", "/containers/hog/json")[1]["State"]
    assert state["OOMKilled"] is True and state["ExitCode"] == 137
    client.ok("rm", "hog")
