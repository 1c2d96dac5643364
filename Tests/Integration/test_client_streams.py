# SPDX-License-Identifier: Apache-2.0
"""The client when the other ends fail it: readers that leave, full disks, signals, a daemon that dies, a shell far away."""
import os
import pathlib
import resource
import shutil
import signal
import subprocess

import pexpect
import pytest

from conftest import make_daemon
from harness import wait_until

BIG = 256 << 20


@pytest.fixture()
def apus(daemon):
    return daemon.client("apus")


def memory(process):
    """Exit code of a process that has been started, and whether its resident memory ever took much. The kernel's peak begins
    with that of the process it was forked from: this one."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    limit = max(100 << 10, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return process.returncode, "bounded" if usage.ru_maxrss <= limit else f"{usage.ru_maxrss} KiB"


def shell(client, command, **options):
    """A line for bash in which $apus is the client; pipefail tells what the left side of a pipe ended with."""
    return subprocess.run(["bash", "-c", f"apus={client.program}; {command}"], env=client.environment, capture_output=True,
                          text=True, timeout=90, stdin=subprocess.DEVNULL, **options)


# Readers that leave.

@pytest.mark.parametrize("command", [
    "logs many", "logs -f many", "run --rm busybox yes", "exec running yes", "save busybox", "ps -a", "run --help", "version"])
def test_a_reader_that_leaves_is_no_error_to_talk_about(apus, busybox, command):
    if command.startswith("logs"):
        apus.run("rm", "-f", "many")
        apus.ok("run", "-d", "--name", "many", busybox, "sh", "-c", "yes | head -n 200000; sleep 1000")
        wait_until(lambda: len(apus.ok("logs", "--tail", "200000", "many", timeout=90)) > 300_000, "many lines")
    if command.startswith("exec"):
        apus.ok("run", "-d", "--name", "running", busybox, "sleep", "1000")
    result = shell(apus, f"set -o pipefail; $apus {command} | head -c 1 > /dev/null; echo ${{PIPESTATUS[0]}}")
    # By the signal, as every program in a pipe; a short output may have been written whole before the reader left.
    assert result.stdout.strip() in (("141",) if command.split()[0] in ("run", "exec", "save", "logs") and "help" not in command
                                     else ("141", "0"))
    assert result.stderr == ""
    for name in ("many", "running"):
        apus.run("rm", "-f", name)


# Places that take nothing.

@pytest.mark.parametrize("command", ["ps", "images", "version", "run --rm busybox echo x", "save busybox", "inspect busybox",
                                     "run --rm -t busybox echo x", "--help"])
def test_output_that_cannot_be_written_is_an_error(apus, busybox, command):
    result = shell(apus, f"$apus {command} > /dev/full")
    assert (result.returncode, result.stderr) == (1, "write /dev/stdout: no space left on device\n")


@pytest.fixture()
def small(tmp_path):
    """A file system with room for 64 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_save_to_a_full_disk_leaves_nothing(apus, busybox, small):
    result = apus.run("save", "-o", small / "image.tar", busybox)
    assert result.returncode == 1 and "no space left on device" in result.stderr
    assert list(small.iterdir()) == []


def test_save_keeps_the_old_file_when_it_fails(apus, busybox, small):
    (small / "image.tar").write_text("old")
    assert apus.run("save", "-o", small / "image.tar", busybox).returncode == 1
    assert (small / "image.tar").read_text() == "old" and len(list(small.iterdir())) == 1


@pytest.mark.parametrize("path, words", [
    ("/nosuch/x", "stat /nosuch: no such file or directory"), ("/", "cannot write to a directory"),
    ("/dev/null", '"/dev/null" must be a regular file'), ("/proc/x", "open /proc/x.tmp-")])
def test_save_to_places_that_are_none(apus, busybox, path, words):
    result = apus.run("save", "-o", path, busybox)
    assert result.returncode == 1 and result.stderr.startswith("failed to save image: ") and words in result.stderr


def test_cidfile_of_a_container_that_was_not_made(apus, busybox, tmp_path):
    result = apus.run("run", "--cidfile", tmp_path / "id", "--pull", "never", "nosuch", "true")
    assert result.returncode == 125 and not (tmp_path / "id").exists()


# Sizes.

def test_output_without_end_in_bounded_memory(apus, busybox):
    process = apus.start("run", "--rm", "--log-driver", "none", busybox, "head", "-c", str(BIG), "/dev/zero", stdin=subprocess.DEVNULL)
    count = subprocess.run(["wc", "-c"], stdin=process.stdout, capture_output=True, text=True, timeout=90).stdout
    process.stdout.close()
    assert (*memory(process), int(count)) == (0, "bounded", BIG)


def test_input_without_end_in_bounded_memory(apus, busybox):
    with subprocess.Popen(["head", "-c", str(BIG), "/dev/zero"], stdout=subprocess.PIPE) as source:
        process = apus.start("run", "--rm", "-i", busybox, "wc", "-c", stdin=source.stdout)
        source.stdout.close()
        count = process.stdout.read()
        assert (*memory(process), int(count)) == (0, "bounded", BIG)


def test_input_that_nobody_reads_does_not_keep_the_client(apus, busybox):
    result = shell(apus, "yes | $apus run --rm -i busybox sh -c 'read line; echo $line; exit 3'; echo ${PIPESTATUS[1]}")
    assert result.stdout == "y\n3\n" and result.stderr == ""


# Signals.

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["logs -f quiet", "events", "wait quiet", "attach --sig-proxy=false quiet"])
def test_a_signal_ends_what_only_watches(apus, busybox, command, number):
    apus.run("rm", "-f", "quiet")
    apus.ok("run", "-d", "--name", "quiet", busybox, "sh", "-c", "echo ready; sleep 1000")
    process = apus.start(*command.split(), stdin=subprocess.DEVNULL)
    if command.startswith("logs"):
        assert process.stdout.readline() == b"ready\n"
    else:
        # It waits for the daemon when it sleeps in the kernel with a socket open.
        wait_until(lambda: any("socket:" in os.readlink(f"/proc/{process.pid}/fd/{fd}")
                               for fd in os.listdir(f"/proc/{process.pid}/fd")), "the client is connected")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == -number and err == b""
    assert apus.ok("inspect", "-f", "{{.State.Running}}", "quiet") == "true"
    apus.ok("rm", "-f", "quiet")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_from_outside_gives_the_terminal_back(apus, busybox, number):
    apus.run("rm", "-f", "held")
    apus.ok("run", "-d", "--name", "held", busybox, "sleep", "1000")
    terminal = pexpect.spawn("/bin/bash", ["-c", f"stty -g > before; {apus.program} exec -it held sh; echo code=$?; stty -g > after"],
                             env=apus.environment, encoding="utf-8", timeout=30, cwd=apus.config)
    terminal.expect("# ")
    child = int(pathlib.Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()[0])
    os.kill(child, number)
    terminal.expect(f"code={128 + number}")
    terminal.expect(pexpect.EOF)
    assert (apus.config / "before").read_text() == (apus.config / "after").read_text() != ""
    apus.ok("rm", "-f", "held")


# A daemon that dies.

LOST = "the connection to the daemon was lost: unexpected EOF\n"


@pytest.fixture(scope="module")
def doomed(registry):
    daemon = make_daemon()
    daemon.pull(registry, "busybox:latest")
    yield daemon
    problems = daemon.destroy()
    shutil.rmtree(daemon.root, ignore_errors=True)
    assert problems == []


def killed_under(daemon, process, ready):
    """What the client says when the daemon dies after the client printed `ready`."""
    line = process.stdout.readline()
    assert line == ready
    daemon.kill()
    out, err = process.communicate(timeout=20)
    daemon.restart()
    return process.returncode, err.decode()


def test_logs_of_a_daemon_that_dies(doomed):
    client = doomed.client("apus")
    client.ok("run", "-d", "--name", "logged", "busybox", "sh", "-c", "echo ready; sleep 1000")
    assert killed_under(doomed, client.start("logs", "-f", "logged"), b"ready\n") == (1, LOST)


def test_run_under_a_daemon_that_dies(doomed):
    client = doomed.client("apus")
    code, said = killed_under(doomed, client.start("run", "--name", "ran", "busybox", "sh", "-c", "echo ready; sleep 1000"), b"ready\n")
    assert code == 125 and said.startswith("error waiting for container: " + LOST.strip())
    assert client.ok("inspect", "-f", "{{.State.Running}}", "ran") == "true"


def test_exec_under_a_daemon_that_dies(doomed):
    client = doomed.client("apus")
    client.ok("run", "-d", "--name", "executed", "busybox", "sleep", "1000")
    code, said = killed_under(doomed, client.start("exec", "executed", "sh", "-c", "echo ready; sleep 1000"), b"ready\n")
    # It asks for the exit code and finds nobody, or somebody who is just leaving.
    assert code == 1 and ("Is the docker daemon running?" in said or "the daemon closed the connection" in said)


def test_terminal_under_a_daemon_that_dies(doomed):
    client = doomed.client("apus")
    terminal = pexpect.spawn("/bin/sh", ["-c", f"stty -g > before; {client.program} run --name shown -it busybox sh; echo code=$?; stty -g > after"],
                             env=client.environment, encoding="utf-8", timeout=30, cwd=client.config)
    terminal.expect("# ")
    doomed.kill()
    terminal.expect("the connection to the daemon was lost")
    terminal.expect("code=125")
    terminal.expect(pexpect.EOF)
    doomed.restart()
    assert (client.config / "before").read_text() == (client.config / "after").read_text() != ""


def test_load_into_a_daemon_that_dies(doomed):
    client = doomed.client("apus")
    process = client.start("load")
    process.stdin.write(b"\0" * (1 << 20))
    process.stdin.flush()
    doomed.kill()
    try:
        process.stdin.write(b"\0" * (1 << 20))
    except BrokenPipeError:
        pass  # The client has noticed before.
    process.stdin = None
    out, err = process.communicate(timeout=20)
    doomed.restart()
    assert process.returncode == 1 and b"daemon" in err


# A daemon behind a shell.

@pytest.fixture()
def far(daemon, tmp_path):
    """An `ssh` that keeps what it was asked and runs the command here, where apus is or is not in the path."""
    script = tmp_path / "ssh"
    script.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$FAR/asked\"\nfor word; do last=$word; done\n"
                      "PATH=\"$FAR/bin:/usr/bin:/bin\" exec sh -c \"$last\"\n")
    script.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/apus").symlink_to(daemon.programs / "apus")
    client = daemon.client("apus")
    client.environment = {**client.environment, "PATH": f"{tmp_path}:{client.environment['PATH']}", "FAR": str(tmp_path)}
    del client.environment["DOCKER_HOST"]
    return client, tmp_path


def test_ssh_hosts(far, daemon, busybox):
    client, folder = far
    host = f"ssh://me@there:2222{daemon.socket}"
    assert client.ok("-H", host, "version", "-f", "{{.Server.Version}}") == client.ok("-H", f"unix://{daemon.socket}", "version", "-f", "{{.Server.Version}}")
    asked = (folder / "asked").read_text().splitlines()
    assert asked[:-1] == ["-o", "ConnectTimeout=30", "-T", "-l", "me", "-p", "2222", "--", "there"]
    result = client.run("-H", host, "run", "--rm", "-i", busybox, "sh", "-c", "cat; echo end; exit 6", stdin="x" * 300_000)
    assert (result.returncode, result.stdout, result.stderr) == (6, "x" * 300_000 + "end\n", "")


def test_ssh_path_is_no_shell_text(far, tmp_path):
    client, folder = far
    result = client.run("-H", f"ssh://there/a'; touch {tmp_path}/harm; '", "version")
    assert result.returncode == 1 and not (tmp_path / "harm").exists()


def test_ssh_that_fails(far):
    client, folder = far
    (folder / "ssh").write_text("#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")
    result = client.run("-H", "ssh://there", "ps")
    # What ssh says, and that there was no daemon at its end.
    assert result.returncode == 1 and result.stderr.startswith("Permission denied (publickey).\n") and "the daemon" in result.stderr


def test_dial_stdio_by_hand(daemon):
    client = daemon.client("apus")
    answer = client.run("system", "dial-stdio", stdin="GET /_ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.returncode == 0 and answer.stdout.startswith("HTTP/1.1 200 OK") and answer.stdout.endswith("OK")
    refused = subprocess.run([str(client.program), "-H", "unix:///nosuch", "system", "dial-stdio"], capture_output=True, text=True)
    assert refused.returncode == 1 and "Is the docker daemon running?" in refused.stderr
