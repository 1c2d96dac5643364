# SPDX-License-Identifier: Apache-2.0
"""The life of a container on a machine that has control groups of version 2 alone."""
from harness import wait_until
from machine import Running, group, short


@short
def test_hello_world(client):
    assert "Hello from" in client.ok("run", "--rm", "hello-world")


@short
def test_daemon_tells_version_2(daemon):
    info = daemon.api("GET", "/info")[1]
    assert (info["CgroupVersion"], info["CgroupDriver"]) == ("2", "cgroupfs"), info
    assert not [w for w in info["Warnings"] or [] if "cgroup" in w.lower() or "No " in w and "oom kill" not in w.lower()], info["Warnings"]


@short
def test_run_and_exec(client, busybox):
    with Running(client) as container:
        assert container.sh("echo out; exit 3").returncode == 3
        assert str(daemon_pid(client, container.id)) in container.held("cgroup.procs").split()
        assert client.ok("exec", container.id, "cat", "/proc/1/comm") == "sleep"
        assert "sleep" in client.ok("top", container.id)


def daemon_pid(client, identifier):
    return int(client.ok("inspect", "-f", "{{.State.Pid}}", identifier))


def test_group_goes_with_the_container(client, busybox):
    with Running(client) as container:
        folder = container.folder()
    wait_until(lambda: not folder.exists(), f"{folder} is removed")


@short
def test_containers_outlive_a_killed_daemon(daemon, client, busybox):
    with Running(client, "-m", "64m") as container:
        daemon.kill()
        assert group(container.id).exists()
        daemon.restart()
        assert container.sh("echo alive").stdout == "alive\n"
        client.ok("update", "-m", "48m", "--memory-swap", "48m", container.id)
        assert container.held("memory.max") == str(48 << 20)


def test_pause_freezes_the_group(client, busybox):
    with Running(client) as container:
        client.ok("pause", container.id)
        assert container.held("cgroup.freeze") == "1" and "frozen 1" in container.held("cgroup.events")
        client.ok("unpause", container.id)
        assert container.held("cgroup.freeze") == "0"
        assert container.sh("true").returncode == 0
