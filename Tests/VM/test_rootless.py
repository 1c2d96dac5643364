# SPDX-License-Identifier: Apache-2.0
"""A daemon without privileges that was given a control group of version 2 to divide, and one that was given none."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import wait_until
from machine import CGROUPS, PLACE, PROGRAMS, Skip, fixture, short
from rootless import USER, Relay, RootlessDaemon, missing

MEGABYTE = 1 << 20


class User:
    """The daemon for the time of a block, with busybox; the group is given to the user."""

    def __init__(self, delegated, pulls):
        subprocess.run(["modprobe", "-a", "tun", "veth", "bridge", "nf_tables"], check=True)
        if not pathlib.Path("/dev/net/tun").exists():
            os.makedirs("/dev/net", exist_ok=True)
            os.mknod("/dev/net/tun", 0o020666, os.makedev(10, 200))
        if missing():
            raise Skip(f"this guest lacks {', '.join(missing())}")
        if not pathlib.Path("/sys/class/net/outside0").exists():
            for words in ("link add outside0 type dummy", "address add 192.0.2.10/24 dev outside0", "link set outside0 up"):
                subprocess.run(["ip", *words.split()], check=True)
        self.group = None
        if delegated:
            (CGROUPS / "cgroup.subtree_control").write_text("+cpu +cpuset +io +memory +pids")
            self.group = CGROUPS / "apus-user"
            self.group.mkdir()
            for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
                os.chown(self.group / name, USER, USER)
        self.relay, extra = None, []
        self.image = "busybox"
        if pulls:
            self.relay = Relay(fixture("registry").port)
            self.image = f"192.0.2.10:{self.relay.port}/busybox:latest"
            extra = ["--insecure-registry", f"192.0.2.10:{self.relay.port}"]
        self.daemon = RootlessDaemon(
            PROGRAMS, pathlib.Path(tempfile.mkdtemp(prefix="apus-u-", dir=PLACE)), extra=extra, group=str(self.group or ""))

    def __enter__(self):
        self.daemon.start()
        client = self.daemon.client()
        client.ok(*(["pull", self.image] if self.relay else ["load", "-i", fixture("archive")]), timeout=180)
        return self.daemon, client

    def __exit__(self, *_):
        for container in self.daemon.api("GET", "/containers/json?all=1")[1]:
            self.daemon.api("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        self.daemon.stop()
        wait_until(lambda: not self.daemon.processes(), f"all processes of the user end: {self.daemon.processes()}")
        if self.relay:
            self.relay.listener.close()
        shutil.rmtree(self.daemon.root, ignore_errors=True)
        if self.group:
            for folder, folders, _ in os.walk(self.group, topdown=False):
                for name in folders:
                    os.rmdir(os.path.join(folder, name))
            self.group.rmdir()


@short
def test_limits_in_a_delegated_group():
    user = User(delegated=True, pulls=False)
    with user as (daemon, client):
        info = daemon.api("GET", "/info")[1]
        assert "name=rootless" in info["SecurityOptions"] and info["CgroupDriver"] == "cgroupfs", info
        assert info["MemoryLimit"] and info["PidsLimit"] and info["CpuCfsQuota"], info
        identifier = client.ok("run", "-d", "-m", "64m", "--pids-limit", "30", "--cpus", "0.5", user.image, "sleep", "1000").splitlines()[-1]
        folder = next(pathlib.Path(f, identifier) for f, names, _ in os.walk(user.group) if identifier in names)
        held = [(folder / name).read_text().strip() for name in ("memory.max", "pids.max", "cpu.max")]
        assert held == [str(64 * MEGABYTE), "30", "50000 100000"], held
        assert client.ok("exec", identifier, "cat", "/proc/self/cgroup") == "0::/"
        client.ok("pause", identifier)
        client.ok("unpause", identifier)
        client.ok("update", "-m", "48m", "--memory-swap", "48m", identifier)
        assert (folder / "memory.max").read_text().strip() == str(48 * MEGABYTE)
        assert "sleep" in client.ok("top", identifier)
        # The next daemon finds namespaces and group again.
        daemon.kill()
        daemon.restart()
        assert client.ok("exec", identifier, "echo", "alive") == "alive"
        client.ok("rm", "-f", identifier)
        assert not folder.exists()


def test_limits_are_discarded_without_a_group():
    user = User(delegated=False, pulls=True)
    with user as (daemon, client):
        assert daemon.api("GET", "/info")[1]["CgroupDriver"] == "none"
        result = client.run("run", "--rm", "-m", "64m", user.image, "echo", "ran")
        assert result.returncode == 0 and result.stdout == "ran\n" and "discarded" in result.stderr, result
        identifier = client.ok("run", "-d", user.image, "sleep", "1000").splitlines()[-1]
        assert "sleep" in client.ok("top", identifier)
        client.ok("stop", "-t", "1", identifier)
