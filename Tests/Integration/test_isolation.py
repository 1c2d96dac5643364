# SPDX-License-Identifier: Apache-2.0
"""Shared and private namespaces, groups, kernel settings; and what a container that wants to hurt its host cannot do."""
import os
import pathlib
import resource
import subprocess
import time

import pytest

from harness import wait_until


def run(daemon, *words, **options):
    return daemon.client().run("run", "--rm", *words, **options)


def usable():
    """The host still makes processes, quickly."""
    begin = time.monotonic()
    assert subprocess.run(["true"]).returncode == 0
    return time.monotonic() - begin < 10


BOMB = "bomb() { bomb | bomb & }; bomb; sleep 1000"


def test_fork_bomb_under_pids_limit(daemon, busybox):
    client = daemon.client()
    identifier = client.ok("run", "-d", "--pids-limit", "50", "--cpus", "0.5", busybox, "sh", "-c", BOMB).splitlines()[-1]
    group = next(pathlib.Path(folder, identifier) for folder, folders, _ in os.walk("/sys/fs/cgroup") if identifier in folders
                 and pathlib.Path(folder, identifier, "pids.max").exists())
    wait_until(lambda: int((group / "pids.events").read_text().split()[1]) > 10, "forks are refused")
    assert int((group / "pids.current").read_text()) <= 50 and usable()
    assert daemon.api("GET", "/version")[0] == 200
    client.ok("rm", "-f", identifier)
    assert not group.exists()


def test_fork_bomb_under_nproc(daemon, busybox):
    """nproc counts a user's processes over the whole host; uid 54321 has none but the container's."""
    client = daemon.client()
    identifier = client.ok("run", "-d", "-u", "54321", "--ulimit", "nproc=40", "--cpus", "0.5", busybox, "sh", "-c", BOMB).splitlines()[-1]

    def processes():
        return sum(1 for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit() and owner(entry) == 54321)

    def owner(entry):
        try:
            return entry.stat().st_uid
        except OSError:
            return None
    wait_until(lambda: "fork" in (lambda done: done.stdout + done.stderr)(client.run("logs", "--tail", "20", identifier)), "forks are refused")
    assert processes() <= 40 and usable()
    client.ok("rm", "-f", identifier)
    wait_until(lambda: processes() == 0, "all are gone")


def namespace(kind, process="self"):
    return os.readlink(f"/proc/{process}/ns/{kind}")


@pytest.mark.parametrize("flag, kind", [("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts")])
def test_the_hosts_namespace_or_its_own(daemon, busybox, flag, kind):
    inside = ["busybox", "readlink", f"/proc/self/ns/{kind}"]
    assert run(daemon, flag, "host", *inside).stdout.strip() == namespace(kind)
    assert run(daemon, *inside).stdout.strip() not in ("", namespace(kind))


@pytest.mark.parametrize("flag, kind, own", [("--pid", "pid", []), ("--ipc", "ipc", ["--ipc", "shareable"])])
def test_another_containers_namespace(daemon, busybox, flag, kind, own):
    client = daemon.client()
    identifier = client.ok("run", "-d", *own, busybox, "sh", "-c", "echo shared > /dev/shm/file; sleep 1000").splitlines()[-1]
    pid = daemon.api("GET", f"/containers/{identifier}/json")[1]["State"]["Pid"]
    done = run(daemon, flag, f"container:{identifier}", busybox, "sh", "-c", f"readlink /proc/self/ns/{kind}; cat /dev/shm/file")
    assert done.stdout.split()[0] == namespace(kind, pid)
    assert ("shared" in done.stdout) == (kind == "ipc")
    client.ok("stop", "-t", "0", identifier)
    done = run(daemon, flag, f"container:{identifier}", busybox, "true")
    assert done.returncode == 125 and "non running container" in done.stderr
    client.ok("rm", identifier)


def test_a_private_ipc_namespace_is_not_shared(daemon, busybox):
    client = daemon.client()
    identifier = client.ok("run", "-d", "--ipc", "private", busybox, "sleep", "1000").splitlines()[-1]
    done = run(daemon, "--ipc", f"container:{identifier}", busybox, "true")
    client.ok("rm", "-f", identifier)
    assert done.returncode == 125 and "non-shareable IPC" in done.stderr


@pytest.mark.parametrize("flags, said", [
    (["--pid", "nonsense"], "invalid PID mode"), (["--ipc", "nonsense"], "invalid IPC mode"), (["--uts", "nonsense"], "invalid UTS mode"),
    (["--sysctl", "kernel.panic=1"], "not in a separate kernel namespace"),
    (["--network", "host", "--sysctl", "net.ipv4.ip_forward=1"], "not allowed in host network namespace"),
    (["--ipc", "host", "--sysctl", "kernel.msgmax=1"], "not allowed in the hosts ipc namespace"),
    (["--security-opt", "label=type:nope_t"], "SELinux"), (["--group-add", "no-such-group"], "no-such-group"),
    (["--ulimit", "nonsense=1"], "ulimit"), (["--cgroupns", "nonsense"], "cgroup"),
])
def test_what_makes_no_sense_here_is_refused(daemon, busybox, flags, said):
    if said == "SELinux" and pathlib.Path("/sys/fs/selinux").exists():
        pytest.skip("this machine has SELinux")
    done = run(daemon, *flags, busybox, "true")
    assert done.returncode == 125 and said.lower() in done.stderr.lower(), done.stderr


def test_kernel_memory_is_refused(daemon, busybox):
    status, answer = daemon.api("POST", "/containers/create", {"Image": busybox, "HostConfig": {"KernelMemory": 1 << 26}})
    if status == 201:
        daemon.api("DELETE", f"/containers/{answer['Id']}")
    assert (status == 400 or status == 501 or any("ernel" in text for text in answer.get("Warnings") or [])), answer


def test_the_systemd_driver_is_refused(tmp_path):
    from conftest import PROGRAMS
    done = subprocess.run([PROGRAMS / "apusd", "--validate", "--exec-opt", "native.cgroupdriver=systemd"], capture_output=True, text=True)
    assert done.returncode != 0 and "exec-opt" in done.stdout + done.stderr


def test_no_shared_memory_at_all(daemon, busybox):
    found = run(daemon, "--ipc", "none", busybox, "sh", "-c", "grep -c /dev/shm /proc/mounts; readlink /proc/self/ns/ipc").stdout.split()
    assert found[0] == "0" and found[1] != namespace("ipc")


def test_groups_settings_and_memory(daemon, busybox):
    assert "77" in run(daemon, "--group-add", "77", busybox, "id", "-G").stdout.split()
    assert run(daemon, "--sysctl", "net.ipv4.ip_forward=1", busybox, "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    assert "1.0M" in run(daemon, "--shm-size", "1m", busybox, "df", "-h", "/dev/shm").stdout
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert run(daemon, "--ulimit", f"nofile=100:{min(hard, 200)}", busybox, "sh", "-c", "ulimit -n; ulimit -Hn").stdout.split() == ["100", str(min(hard, 200))]


def test_privileged_gives_what_there_is(daemon, busybox):
    done = run(daemon, "--privileged", busybox, "sh", "-c", "grep CapBnd /proc/self/status; mount -t tmpfs x /tmp && echo mounted; ls /dev | wc -l")
    ours = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd"))
    assert f"CapBnd:\t{ours}" in done.stdout and "mounted" in done.stdout, done.stderr
