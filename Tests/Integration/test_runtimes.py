# SPDX-License-Identifier: Apache-2.0
"""Containers of apusd that another OCI runtime makes: runc and crun from the machine, named in daemon.json's `runtimes`."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import PROGRAMS
from harness import Daemon, wait_until

# crun of Debian 12 refuses the hybrid layout of control groups: its daemon sees version 1 alone.
WITHOUT_V2 = ["unshare", "-m", "sh", "-c",
              'mount --make-rslave / && { ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified; } && exec "$@"', "sh"]


class WrappedDaemon(Daemon):
    """A daemon started through another program."""

    def start(self):
        wrapper = self.root / "bin"
        if not wrapper.exists():
            wrapper.mkdir()
            for name in ("apus", "apus-runtime", "apus-hello"):
                if (self.programs / name).exists():
                    (wrapper / name).symlink_to(self.programs / name)
            words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in WITHOUT_V2)
            (wrapper / "apusd").write_text(f'#!/bin/sh\nexec {words} {self.programs / "apusd"} "$@"\n')
            (wrapper / "apusd").chmod(0o755)
            self.programs = wrapper
        super().start()


@pytest.fixture(scope="module", params=["runc", "crun"])
def foreign(request, registry):
    """A daemon that knows the runtime, with busybox; the calls of the runtime are written down."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"no {request.param} on this machine")
    root = pathlib.Path(tempfile.mkdtemp(prefix="apus-r-", dir="/var/tmp"))
    calls = root / "calls"
    calls.touch()
    wrapper = root / request.param
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {calls}\nshift\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    (root / "daemon.json").write_text(json.dumps({
        "runtimes": {request.param: {"path": str(wrapper), "runtimeArgs": ["--chosen"]}}}))
    daemon = (WrappedDaemon if request.param == "crun" else Daemon)(PROGRAMS, root, ["--config-file", root / "daemon.json"])
    daemon.start()
    daemon.runtime, daemon.calls, daemon.cli = request.param, calls, daemon.client()
    daemon.pull(registry, "busybox:latest")
    yield daemon
    problems = daemon.destroy()
    made = calls.read_text()
    shutil.rmtree(root, ignore_errors=True)
    assert problems == [], f"left behind: {problems}"
    assert "--chosen" in made and {"create", "start", "delete"} <= set(made.split())


def run(daemon, *words, **options):
    return daemon.cli.run("run", "--rm", "--runtime", daemon.runtime, *words, **options)


def background(daemon, *words):
    return daemon.cli.ok("run", "-d", "--runtime", daemon.runtime, *words).splitlines()[-1]


def calls_of(daemon, command):
    return [line for line in daemon.calls.read_text().splitlines() if f" {command} " in f" {line} "]


def test_the_daemon_says_what_it_knows(foreign):
    info = foreign.api("GET", "/info")[1]
    assert info["DefaultRuntime"] == "apus" and {"apus", foreign.runtime} <= set(info["Runtimes"])
    assert info["Runtimes"][foreign.runtime] == {"path": str(foreign.root / foreign.runtime), "runtimeArgs": ["--chosen"]}


def test_streams_and_code(foreign):
    done = run(foreign, "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_failures_have_their_codes(foreign):
    assert run(foreign, "busybox", "no-such-program").returncode == 127
    assert run(foreign, "busybox", "/no/such/program").returncode == 127
    assert run(foreign, "busybox", "/etc/passwd").returncode == 126


def test_input(foreign):
    text = "line\n" * 20000
    assert run(foreign, "-i", "busybox", "cat", stdin=text).stdout == text


def test_terminal(foreign):
    done = run(foreign, "-t", "busybox", "sh", "-c", "tty; test -t 0 && test -t 1 && echo both")
    assert done.stdout.split() == ["/dev/pts/0", "both"], done.stderr


def test_logs_and_inspect(foreign):
    identifier = background(foreign, "busybox", "sh", "-c", "echo one; echo two >&2; exit 3")
    assert foreign.cli.ok("wait", identifier) == "3"
    done = foreign.cli.run("logs", identifier)
    assert (done.stdout, done.stderr) == ("one\n", "two\n")
    view = foreign.api("GET", f"/containers/{identifier}/json")[1]
    assert view["HostConfig"]["Runtime"] == foreign.runtime and view["State"]["ExitCode"] == 3
    foreign.cli.ok("rm", identifier)


def test_the_container_is_as_fenced_as_ours(foreign):
    script = "grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status; cat /proc/sys/kernel/msgmax; touch /proc/sys/x 2>&1; wc -c < /proc/keys"
    words = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--sysctl", "kernel.msgmax=4096", "busybox", "sh", "-c", script]
    theirs, ours = run(foreign, *words), foreign.cli.run("run", "--rm", *words)
    assert theirs.stdout == ours.stdout and "Seccomp:\t2" in ours.stdout, theirs.stderr


def test_network_and_names(foreign):
    found = run(foreign, "--hostname", "chosen", "busybox", "sh", "-c", "hostname; ip -o address show eth0; cat /etc/hosts").stdout
    assert found.startswith("chosen\n") and f"inet {foreign.subnet}." in found and "chosen" in found.splitlines()[-1]


def test_volumes_and_read_only_root(foreign):
    folder = foreign.root / "shared"
    folder.mkdir()
    (folder / "in").write_text("from outside\n")
    done = run(foreign, "--read-only", "--tmpfs", "/scratch", "-v", f"{folder}:/v", "-v", "kept:/k", "busybox", "sh", "-c",
               "cat /v/in; echo x > /v/out; echo y > /k/file; echo z > /scratch/z && cat /scratch/z; touch /no")
    assert done.stdout == "from outside\nz\n" and "Read-only" in done.stderr
    assert (folder / "out").read_text() == "x\n"
    assert run(foreign, "-v", "kept:/k:ro", "busybox", "cat", "/k/file").stdout == "y\n"
    foreign.cli.ok("volume", "rm", "kept")


def test_mounts_that_share_with_the_host_are_refused(foreign):
    done = run(foreign, "-v", f"{foreign.root}:/v:rshared", "busybox", "true")
    assert done.returncode == 125 and "only possible with the runtime apus" in done.stderr


def test_init(foreign):
    found = run(foreign, "--init", "busybox", "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '; echo; echo $$; exit 5")
    assert found.returncode == 5 and found.stdout.startswith("/sbin/docker-init -- sh") and found.stdout.splitlines()[1] != "1"


def test_exec(foreign):
    identifier = background(foreign, "-e", "OUTER=yes", "busybox", "sleep", "1000")
    done = foreign.cli.run("exec", "-e", "INNER=ja", "-w", "/tmp", identifier, "sh", "-c", "echo $OUTER $INNER $PWD; exit 5")
    assert (done.returncode, done.stdout) == (5, "yes ja /tmp\n"), done.stderr
    assert foreign.cli.run("exec", "-i", identifier, "cat", stdin="typed").stdout == "typed"
    assert foreign.cli.ok("exec", "-t", identifier, "tty").startswith("/dev/pts/")
    assert foreign.cli.ok("exec", "-u", "1000:1001", identifier, "id", "-u") == "1000"
    assert foreign.cli.run("exec", identifier, "no-such-program").returncode in (126, 127)
    assert [foreign.cli.run("exec", identifier, "sh", "-c", f"exit {n}").returncode for n in range(5)] == list(range(5))
    assert all("--process" in line and "--pid-file" in line for line in calls_of(foreign, "exec"))
    foreign.cli.ok("rm", "-f", identifier)


def test_stop_kill_and_restart(foreign):
    identifier = background(foreign, "busybox", "sh", "-c", "trap 'exit 9' TERM; trap 'echo usr1' USR1; echo up; while true; do sleep 0.1; done")
    wait_until(lambda: "up" in foreign.cli.ok("logs", identifier), "it runs")
    foreign.cli.ok("kill", "-s", "USR1", identifier)
    wait_until(lambda: "usr1" in foreign.cli.ok("logs", identifier), "the signal arrived")
    foreign.cli.ok("stop", "-t", "20", identifier)
    assert foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["ExitCode"] == 9
    foreign.cli.ok("start", identifier)
    foreign.cli.ok("kill", identifier)
    wait_until(lambda: foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["ExitCode"] == 137, "it is killed")
    assert calls_of(foreign, "kill")
    foreign.cli.ok("rm", identifier)


def test_pause_and_limits_that_change(foreign):
    identifier = background(foreign, "-m", "64m", "--pids-limit", "40", "busybox", "sleep", "1000")
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    assert foreign.cli.ok("exec", identifier, "sh", "-c", limit) == str(64 << 20)
    foreign.cli.ok("update", "-m", "96m", "--memory-swap", "192m", identifier)
    assert foreign.cli.ok("exec", identifier, "sh", "-c", limit) == str(96 << 20)
    foreign.cli.ok("pause", identifier)
    assert foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["Status"] == "paused"
    foreign.cli.ok("unpause", identifier)
    assert foreign.cli.ok("exec", identifier, "echo", "awake") == "awake"
    foreign.cli.ok("pause", identifier)
    foreign.cli.ok("rm", "-f", identifier)
    assert calls_of(foreign, "pause") and calls_of(foreign, "resume") and calls_of(foreign, "update")


def test_out_of_memory(foreign):
    identifier = background(foreign, "-m", "20m", "--memory-swap", "20m", "busybox", "tail", "/dev/zero")
    assert foreign.cli.ok("wait", identifier) == "137"
    assert foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["OOMKilled"]
    foreign.cli.ok("rm", identifier)


def test_containers_survive_the_daemon(foreign):
    identifier = background(foreign, "busybox", "sh", "-c", "while ! test -e /go; do sleep 0.1; done; echo after; exit 6")
    foreign.kill()
    foreign.restart()
    assert foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["Running"]
    foreign.cli.ok("exec", identifier, "touch", "/go")
    assert foreign.cli.ok("wait", identifier) == "6"
    assert foreign.cli.ok("logs", identifier) == "after"
    foreign.cli.ok("rm", identifier)


def test_a_shim_that_is_killed_leaves_nothing(foreign):
    identifier = background(foreign, "busybox", "sleep", "1000")
    pid = foreign.api("GET", f"/containers/{identifier}/json")[1]["State"]["Pid"]
    shim = int(next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("PPid")).split()[1])
    assert "apus-runtime" in pathlib.Path(f"/proc/{shim}/cmdline").read_text()
    os.kill(shim, signal.SIGKILL)
    assert foreign.cli.ok("wait", identifier) == "137"
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the container's process has gone")
    foreign.cli.ok("rm", identifier)


def test_unknown_runtime(foreign):
    for body in ({"Image": "busybox", "HostConfig": {"Runtime": "nope"}}, {"Image": "busybox", "Runtime": "nope"}):
        status, answer = foreign.api("POST", "/containers/create", body)
        assert (status, answer["message"]) == (400, "unknown or invalid runtime name: nope")


def test_runtime_beside_the_image(foreign):
    status, made = foreign.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "Runtime": foreign.runtime})
    assert status == 201
    assert foreign.api("GET", f"/containers/{made['Id']}/json")[1]["HostConfig"]["Runtime"] == foreign.runtime
    foreign.cli.ok("rm", made["Id"])
    status, answer = foreign.api("POST", "/containers/create", {
        "Image": "busybox", "Runtime": "apus", "HostConfig": {"Runtime": foreign.runtime}})
    assert status == 400 and "conflicting options" in answer["message"]


def test_default_runtime_by_flag(own_daemon, registry):
    runc = shutil.which("runc")
    if runc is None:
        pytest.skip("no runc on this machine")
    daemon = own_daemon("--add-runtime", f"other={runc}", "--default-runtime", "other")
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    assert daemon.api("GET", "/info")[1]["DefaultRuntime"] == "other"
    assert client.ok("run", "--name", "made", "busybox", "echo", "hello") == "hello"
    assert daemon.api("GET", "/containers/made/json")[1]["HostConfig"]["Runtime"] == "other"
    assert client.ok("run", "--rm", "--runtime", "apus", "busybox", "echo", "ours") == "ours"


@pytest.mark.parametrize("arguments, said", [
    (["--default-runtime", "nope"], "specified default runtime 'nope' does not exist"),
    (["--add-runtime", "nope"], "must be in the form of name=path"),
    (["--add-runtime", "apus=/bin/true"], "runtime name 'apus' is reserved"),
    (["--config-file", "FILE"], "runtimeType is not supported"),
])
def test_settings_that_make_no_sense(tmp_path, arguments, said):
    file = tmp_path / "daemon.json"
    file.write_text(json.dumps({"runtimes": {"kata": {"runtimeType": "io.containerd.kata.v2"}}}))
    words = [str(file) if word == "FILE" else word for word in arguments]
    done = subprocess.run([PROGRAMS / "apusd", "--validate", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and said in done.stdout + done.stderr
