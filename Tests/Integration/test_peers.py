# SPDX-License-Identifier: Apache-2.0
"""Other engines on apus-runtime: each case is a container that Debian's dockerd and podman make, run and end with it."""
import json
import os
import pathlib
import shutil
import tempfile

import pytest

from conftest import PROGRAMS
from harness import wait_until
from peers import Docker, Podman, subnet


@pytest.fixture(scope="module", params=["docker", "podman"])
def peer(request, registry):
    root = pathlib.Path(tempfile.mkdtemp(prefix="apus-p-", dir="/var/tmp"))
    try:
        if request.param == "docker":
            made = Docker(PROGRAMS, root, subnet(1), f"apusp{os.getpid() % 100000}")
        else:
            made = Podman(PROGRAMS, root)
        made.pull(registry)
        yield made
        problems = made.close()
        calls = made.calls.read_text()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    assert problems == [], f"left behind: {problems}"
    assert {"create", "start", "delete"} <= set(calls.split()), "the engine did not call the runtime"


def ends(peer, identifier):
    return int(peer.ok("wait", identifier))


def streams_and_code(peer):
    done = peer.container(peer.image, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def missing_program(peer):
    assert peer.container(peer.image, "/no/such/program").returncode == 127
    assert peer.container(peer.image, "no-such-program").returncode == 127


def program_without_permission(peer):
    assert peer.container(peer.image, "/etc/passwd").returncode == 126


def terminal(peer):
    done = peer.output("-t", peer.image, "sh", "-c", "tty; test -t 0 && test -t 1 && echo both")
    assert done.split() in (["/dev/pts/0", "both"], ["/dev/console", "both"])


def terminal_of_user(peer):
    assert "crw--w----" in peer.output("-t", "-u", "1000:1000", peer.image, "sh", "-c", "ls -l $(tty)")


def input_to_the_end(peer):
    text = "line\n" * 20000
    assert peer.container("-i", peer.image, "cat", stdin=text).stdout == text


def logs(peer):
    identifier = peer.start(peer.image, "sh", "-c", "for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 3")
    assert ends(peer, identifier) == 3
    found = peer.run("logs", identifier)
    assert (found.stdout, found.stderr) == ("line 1\nline 2\nline 3\n", "oops\n")
    peer.ok("rm", identifier)


def create_then_start(peer):
    identifier = peer.ok("create", *peer.flags, peer.image, "sh", "-c", "echo later; exit 4")
    peer.identifiers.add(identifier)
    done = peer.run("start", "-a", identifier)
    assert (done.returncode, done.stdout) == (4, "later\n")
    peer.ok("rm", identifier)


def execs(peer):
    identifier = peer.start("-e", "OUTER=yes", peer.image, "sleep", "1000")
    done = peer.run("exec", "-e", "INNER=ja", "-w", "/tmp", identifier, "sh", "-c", "echo $OUTER $INNER $PWD; exit 5")
    assert (done.returncode, done.stdout) == (5, "yes ja /tmp\n")
    assert peer.ok("exec", "-u", "1000:1001", identifier, "id").startswith("uid=1000 gid=1001")
    assert peer.run("exec", "-i", identifier, "cat", stdin="typed").stdout == "typed"
    assert "/dev/pts/" in peer.ok("exec", "-t", identifier, "tty")
    assert peer.run("exec", identifier, "no-such-program").returncode in (126, 127)
    peer.ok("exec", "-d", identifier, "sh", "-c", "echo done > /tmp/mark")
    wait_until(lambda: peer.run("exec", identifier, "cat", "/tmp/mark").stdout == "done\n", "the detached exec wrote")
    assert len(peer.ok("top", identifier).splitlines()) == 2
    peer.ok("rm", "-f", identifier)


def stop_by_signal(peer):
    identifier = peer.start(peer.image, "sh", "-c", "trap 'echo bye; exit 9' TERM; echo up; while true; do sleep 0.1; done")
    peer.wait_for_log(identifier, "up")
    peer.ok("stop", "-t", "20", identifier)
    assert peer.inspect(identifier)["State"]["ExitCode"] == 9
    peer.wait_for_log(identifier, "bye")
    peer.ok("rm", identifier)


def stop_by_force(peer):
    identifier = peer.start(peer.image, "sh", "-c", "trap '' TERM; echo up; while true; do sleep 0.1; done")
    peer.wait_for_log(identifier, "up")
    peer.ok("stop", "-t", "1", identifier)
    assert peer.inspect(identifier)["State"]["ExitCode"] == 137
    peer.ok("rm", identifier)


def kill_with_signal(peer):
    identifier = peer.start(peer.image, "sh", "-c", "trap 'echo got usr1' USR1; echo up; while true; do sleep 0.1; done")
    peer.wait_for_log(identifier, "up")
    peer.ok("kill", "-s", "USR1", identifier)
    peer.wait_for_log(identifier, "got usr1")
    peer.ok("kill", identifier)
    assert ends(peer, identifier) == 137
    peer.ok("rm", identifier)


def pause(peer):
    identifier = peer.start(peer.image, "sleep", "1000")
    peer.ok("pause", identifier)
    assert peer.inspect(identifier)["State"]["Status"] == "paused"
    assert peer.run("exec", identifier, "true").returncode != 0
    peer.ok("unpause", identifier)
    assert peer.run("exec", identifier, "true").returncode == 0
    peer.ok("rm", "-f", identifier)


def restart(peer):
    identifier = peer.start(peer.image, "sh", "-c", "echo start >> /count; exec sleep 1000")
    wait_until(lambda: peer.run("exec", identifier, "cat", "/count").stdout == "start\n", "the first start")
    peer.ok("restart", "-t", "0", identifier)
    wait_until(lambda: peer.run("exec", identifier, "cat", "/count").stdout == "start\nstart\n", "the second start")
    peer.ok("rm", "-f", identifier)


def restart_policy(peer):
    identifier = peer.start("--restart", "on-failure:2", peer.image, "sh", "-c", "echo run; exit 6")
    wait_until(lambda: peer.run("logs", identifier).stdout == "run\n" * 3, "two restarts")
    wait_until(lambda: peer.restarts(identifier) == 2, "two restarts are counted")
    peer.ok("rm", "-f", identifier)


def limits(peer):
    found = peer.output("-m", "64m", "--pids-limit", "33", "--cpu-shares", "300", peer.image, "sh", "-c",
                        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null"
                        " || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max")
    assert found.split()[:2] == [str(64 << 20), "33"]


def limits_change(peer):
    identifier = peer.start("-m", "64m", peer.image, "sleep", "1000")
    peer.ok("update", "-m", "96m", "--memory-swap", "192m", identifier)
    found = peer.ok("exec", identifier, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max")
    assert found == str(96 << 20)
    peer.ok("rm", "-f", identifier)


def out_of_memory(peer):
    identifier = peer.start("-m", "20m", "--memory-swap", "20m", peer.image, "tail", "/dev/zero")
    assert ends(peer, identifier) == 137
    # conmon of Debian 12 does not tell with version 1 of control groups, whatever the runtime.
    if peer.name == "docker":
        wait_until(lambda: peer.inspect(identifier)["State"]["OOMKilled"], "the engine heard why")
    peer.ok("rm", identifier)


def rlimits(peer):
    assert peer.output("--ulimit", "nofile=123:456", "--ulimit", "nproc=4096", peer.image, "sh", "-c", "ulimit -n; ulimit -Hn") == "123\n456"


def users(peer):
    words = peer.output("-u", "1000:1001", "--group-add", "77", peer.image, "sh", "-c", "id -u; id -g; id -G").split()
    assert words[:2] == ["1000", "1001"] and set(words[2:]) == {"77", "1001"}
    assert peer.output("-u", "daemon", peer.image, "id", "-u") == "1"


def capabilities(peer):
    assert "CapEff:\t0000000000000400" in peer.output("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", peer.image, "cat", "/proc/self/status")
    assert peer.container("--cap-drop", "CHOWN", peer.image, "chown", "1", "/tmp").returncode == 1


def read_only_root(peer):
    done = peer.container("--read-only", "--tmpfs", "/scratch:size=1m", peer.image, "sh", "-c", "echo x > /scratch/x && cat /scratch/x; echo y > /y")
    assert done.stdout == "x\n" and done.returncode != 0 and "Read-only" in done.stderr


def volumes(peer):
    folder = peer.root / "shared"
    folder.mkdir(exist_ok=True)
    (folder / "in").write_text("from outside")
    assert peer.output("-v", f"{folder}:/v", peer.image, "sh", "-c", "cat /v/in; echo from inside > /v/out") == "from outside"
    assert (folder / "out").read_text() == "from inside\n"
    assert "Read-only" in peer.container("-v", f"{folder}:/v:ro", peer.image, "touch", "/v/x").stderr
    peer.output("-v", "named:/v", peer.image, "sh", "-c", "echo kept > /v/file")
    assert peer.output("-v", "named:/v", peer.image, "cat", "/v/file") == "kept"
    peer.ok("volume", "rm", "named")


def init(peer):
    needed = "docker-init" if peer.name == "docker" else "/usr/libexec/podman/catatonit"
    if shutil.which(needed) is None:
        pytest.skip(f"no {needed} on this machine")
    found = peer.output("--init", peer.image, "sh", "-c", "cat /proc/1/comm; echo $$")
    assert found.splitlines()[0] in ("docker-init", "catatonit", "tini") and found.splitlines()[1] != "1"


def host_processes(peer):
    assert peer.output("--pid", "host", peer.image, "readlink", "/proc/self/ns/pid") == os.readlink("/proc/self/ns/pid")
    assert peer.output(peer.image, "sh", "-c", "echo $$") == "1"


def shared_processes(peer):
    identifier = peer.start(peer.image, "sleep", "1234")
    assert "sleep 1234" in peer.output("--pid", f"container:{identifier}", peer.image, "ps")
    peer.ok("rm", "-f", identifier)


def seccomp_profile(peer):
    profile = peer.root / "no-mkdir.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}))
    done = peer.container("--security-opt", f"seccomp={profile}", peer.image, "mkdir", "/tmp/x")
    assert done.returncode == 1 and "not permitted" in done.stderr
    assert "Seccomp:\t2" in peer.output(peer.image, "cat", "/proc/self/status")
    assert "Seccomp:\t0" in peer.output("--security-opt", "seccomp=unconfined", peer.image, "cat", "/proc/self/status")


def no_new_privileges(peer):
    assert "NoNewPrivs:\t1" in peer.output("--security-opt", "no-new-privileges", peer.image, "cat", "/proc/self/status")


def names(peer):
    assert peer.output("--hostname", "chosen", peer.image, "sh", "-c", "hostname; cat /etc/hostname") == "chosen\nchosen"
    assert peer.output("--uts", "host", peer.image, "hostname") == os.uname().nodename


def shared_memory(peer):
    assert "1.0M" in peer.output("--shm-size", "1m", peer.image, "df", "-h", "/dev/shm")
    assert peer.output("--ipc", "host", peer.image, "readlink", "/proc/self/ns/ipc") == os.readlink("/proc/self/ns/ipc")


def kernel_settings(peer):
    assert peer.output("--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=4096", peer.image, "sh", "-c",
                       "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax") == "1\n4096"


def masked_paths(peer):
    found = peer.container(peer.image, "sh", "-c", "wc -c < /proc/keys; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/pid_max")
    assert found.stdout.split() == ["0", "0"] and "Read-only" in found.stderr


def devices(peer):
    assert peer.output("--device", "/dev/zero:/dev/nothing", peer.image, "sh", "-c", "head -c 3 /dev/nothing | wc -c") == "3"
    assert peer.container("--cap-add", "MKNOD", peer.image, "sh", "-c", "mknod /tmp/mem c 1 1 && cat /tmp/mem").returncode != 0


def privileged(peer):
    found = peer.container("--privileged", peer.image, "sh", "-c", "grep CapBnd /proc/self/status; mount -t tmpfs x /tmp && echo mounted")
    if "permitted" in found.stderr and found.returncode != 0:
        pytest.skip(f"the engine asks for a capability this machine lacks: {found.stderr.strip()[-200:]}")
    assert "mounted" in found.stdout


def network(peer):
    if peer.name == "docker":
        assert f"inet {peer.subnet}." in peer.output(peer.image, "ip", "address", "show", "eth0")
    assert "eth0" not in peer.output("--network", "none", peer.image, "ip", "link")
    identifier = peer.start(peer.image, "sleep", "1000")
    inside = peer.ok("exec", identifier, "readlink", "/proc/self/ns/net")
    assert peer.output("--network", f"container:{identifier}", peer.image, "readlink", "/proc/self/ns/net") == inside
    peer.ok("rm", "-f", identifier)


def remove_running(peer):
    identifier = peer.start("--name", "victim", peer.image, "sh", "-c", "trap '' TERM; while true; do sleep 1; done")
    pid = peer.inspect(identifier)["State"]["Pid"]
    peer.ok("rm", "-f", identifier)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the process has gone")
    assert peer.run("inspect", identifier).returncode != 0


def statistics(peer):
    identifier = peer.start("-m", "64m", peer.image, "sleep", "1000")
    shown = peer.ok("stats", "--no-stream", identifier)
    assert "64MiB" in shown or "67.11MB" in shown
    peer.ok("rm", "-f", identifier)


def several_at_once(peer):
    identifiers = [peer.start(peer.image, "sh", "-c", f"echo {number}; exit {number}") for number in range(1, 6)]
    assert [ends(peer, identifier) for identifier in identifiers] == [1, 2, 3, 4, 5]
    peer.ok("rm", *identifiers)


CASES = [
    streams_and_code, missing_program, program_without_permission, terminal, terminal_of_user, input_to_the_end, logs, create_then_start,
    execs, stop_by_signal, stop_by_force, kill_with_signal, pause, restart, restart_policy, limits, limits_change, out_of_memory, rlimits,
    users, capabilities, read_only_root, volumes, init, host_processes, shared_processes, seccomp_profile, no_new_privileges, names,
    shared_memory, kernel_settings, masked_paths, devices, privileged, network, remove_running, statistics, several_at_once,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_peer(peer, case):
    case(peer)


def check_mapped(peer, *flags):
    found = peer.output(*flags, peer.image, "sh", "-c", "id -u; cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x")
    words = found.split()
    assert words[0] == "0" and words[1:4] == ["0", "300000", "65536"] and words[-1] == "0"


def test_docker_with_users_of_its_own(registry):
    root = pathlib.Path(tempfile.mkdtemp(prefix="apus-p-", dir="/var/tmp"))
    # The remapped root must reach its files.
    root.chmod(0o755)
    try:
        made = Docker(PROGRAMS, root, subnet(2), f"apusq{os.getpid() % 100000}", "--userns-remap", "daemon")
        made.pull(registry)
        check_mapped(made)
        identifier = made.start(made.image, "sleep", "1000")
        assert made.ok("exec", identifier, "id", "-u") == "0"
        pid = made.inspect(identifier)["State"]["Pid"]
        assert f"Uid:\t300000" in open(f"/proc/{pid}/status").read()
        assert made.output("--userns", "host", made.image, "sh", "-c", "cat /proc/self/uid_map").split()[1] == "0"
        made.ok("rm", "-f", identifier)
        problems = made.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    assert problems == []


def test_podman_with_users_of_its_own(registry):
    root = pathlib.Path(tempfile.mkdtemp(prefix="apus-p-", dir="/var/tmp"))
    root.chmod(0o755)
    try:
        made = Podman(PROGRAMS, root)
        made.pull(registry)
        check_mapped(made, "--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536")
        problems = made.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    assert problems == []
