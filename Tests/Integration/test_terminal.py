# SPDX-License-Identifier: Apache-2.0
"""What a person at a terminal sees: sizes, keys, signals, progress, and the terminal given back as it was."""
import re

import pexpect
import pytest

from harness import wait_until

pytestmark = pytest.mark.usefixtures("busybox")
DETACH = "\x10\x11"


def terminal(client, *arguments, size=(24, 80)):
    """The client in a terminal of its own."""
    return pexpect.spawn(str(client.program), list(map(str, arguments)), env=client.environment, encoding="utf-8",
                         timeout=30, dimensions=size)


def in_shell(client, *arguments):
    """The client as a child of a shell in a terminal, which tells how it left the terminal: stty -a before and after."""
    words = " ".join([str(client.program), *map(str, arguments)])
    return pexpect.spawn("/bin/sh", ["-c", f"stty -g > before; {words}; echo code=$?; stty -g > after"],
                         env=client.environment, encoding="utf-8", timeout=30, cwd=client.config)


def restored(client):
    before, after = (client.config / "before").read_text(), (client.config / "after").read_text()
    return before.strip() != "" and before == after


def running(client, name):
    return client.ok("inspect", "-f", "{{.State.Running}}", name) == "true"


def test_run_has_the_size_of_the_terminal_and_follows_it(client, busybox):
    shell = terminal(client, "run", "--rm", "-it", busybox, "sh", size=(31, 97))
    shell.expect("# ")

    def size():
        shell.sendline("echo [$(stty size)]")
        shell.expect(r"\[(\d+ \d+)\]")
        return shell.match.group(1)

    # The first size may arrive after the shell: the stock client sends it when the container runs.
    wait_until(lambda: size() == "31 97", "the size at the start")
    shell.setwinsize(40, 120)
    wait_until(lambda: size() == "40 120", "the size after a change")
    shell.sendline("exit 7")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 7


def test_exec_has_the_size_of_the_terminal_and_follows_it(client, busybox):
    name = f"size-{client.name}"
    client.ok("run", "-d", "--name", name, busybox, "sleep", "1000")
    shell = terminal(client, "exec", "-it", name, "sh", size=(33, 99))
    shell.expect("# ")

    def size():
        shell.sendline("echo [$(stty size)]")
        shell.expect(r"\[(\d+ \d+)\]")
        return shell.match.group(1)

    wait_until(lambda: size() == "33 99", "the size at the start")
    shell.setwinsize(44, 111)
    wait_until(lambda: size() == "44 111", "the size after a change")
    shell.sendline("exit 4")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 4
    client.ok("rm", "-f", name)


def test_detaching_leaves_the_container_and_restores_the_terminal(client, busybox):
    name = f"detach-{client.name}"
    shell = in_shell(client, "run", "-it", "--name", name, busybox, "sh")
    shell.expect("# ")
    shell.send(DETACH)
    shell.expect("code=0")
    shell.expect(pexpect.EOF)
    assert running(client, name) and restored(client)
    # And back: the same shell, which still answers.
    shell = in_shell(client, "attach", name)
    shell.sendline("echo ba''ck")
    shell.expect("back")
    shell.send(DETACH)
    shell.expect(r"code=\d")
    shell.expect(pexpect.EOF)
    assert running(client, name) and restored(client)
    client.ok("rm", "-f", name)


def test_other_detach_keys(client, busybox):
    name = f"keys-{client.name}"
    shell = in_shell(client, "run", "-it", "--detach-keys", "ctrl-a,d", "--name", name, busybox, "sh")
    shell.expect("# ")
    shell.sendline("\x10echo st''ill")  # Only half of the usual sequence, and it is not the sequence any more.
    shell.expect("still")
    shell.send("\x01d")
    shell.expect("code=0")
    shell.expect(pexpect.EOF)
    assert running(client, name) and restored(client)
    client.ok("rm", "-f", name)


def test_the_terminal_is_restored_after_the_end(client, busybox):
    shell = in_shell(client, "run", "--rm", "-it", busybox, "sh")
    shell.expect("# ")
    shell.sendline("exit 5")
    shell.expect("code=5")
    shell.expect(pexpect.EOF)
    assert restored(client)
    shell = in_shell(client, "run", "--rm", "-it", busybox, "/no/such/program")
    shell.expect("code=127")
    shell.expect(pexpect.EOF)
    assert restored(client)


def test_the_terminal_is_restored_when_the_container_is_killed(client, busybox):
    name = f"killed-{client.name}"
    shell = in_shell(client, "run", "-it", "--name", name, busybox, "sh")
    shell.expect("# ")
    client.ok("kill", name)
    shell.expect("code=137")
    shell.expect(pexpect.EOF)
    assert restored(client)
    client.ok("rm", name)


def test_interrupt_reaches_the_process(client, busybox):
    """Without a terminal in the container the client gets SIGINT and passes it on."""
    script = "trap 'echo caught; exit 33' INT; echo ready; while :; do sleep 0.05; done"
    client_process = terminal(client, "run", "--rm", busybox, "sh", "-c", script)
    client_process.expect("ready")
    client_process.sendintr()
    client_process.expect("caught")
    client_process.expect(pexpect.EOF)
    client_process.close()
    assert client_process.exitstatus == 33


def test_interrupt_key_in_the_terminal_of_the_container(client, busybox):
    """In raw mode ctrl-c is a byte; the container's own terminal makes the signal."""
    shell = terminal(client, "run", "--rm", "-it", busybox, "sh")
    shell.expect("# ")
    shell.sendline("sleep 1000")
    shell.expect("sleep 1000")
    shell.send("\x03")
    shell.expect("# ")
    shell.sendline("echo code=$?")
    shell.expect("code=130")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


def test_without_signal_proxy_the_client_alone_ends(client, busybox):
    if client.name == "docker":
        pytest.skip("the stock client wants to be interrupted three times, some time apart")
    name = f"noproxy-{client.name}"
    process = terminal(client, "run", "--sig-proxy=false", "--name", name, busybox, "sh", "-c",
                       "echo ready; while :; do sleep 0.05; done")
    process.expect("ready")
    process.sendintr()
    process.expect(pexpect.EOF)
    process.close()
    assert running(client, name)
    client.ok("rm", "-f", name)


def test_a_terminal_is_asked_for_only_with_one(client, busybox):
    result = client.run("run", "--rm", "-it", busybox, "true")
    assert result.returncode == 1 and result.stderr == "the input device is not a TTY\n"


def test_pull_draws_bars_on_a_terminal_and_lines_in_a_pipe(client, registry):
    image = f"127.0.0.1:{registry.port}/debian"
    client.run("rmi", "-f", image)
    process = terminal(client, "pull", image, size=(40, 100))
    process.expect(pexpect.EOF, timeout=180)
    process.close()
    assert process.exitstatus == 0
    drawn = process.before
    # Cursor up, line cleared, cursor down: a line per layer that is written over.
    assert re.search(r"\x1b\[\d+A", drawn) and "\x1b[2K" in drawn and re.search(r"\x1b\[\d+B", drawn)
    assert "Pull complete" in drawn and "Status: Downloaded newer image" in drawn
    client.ok("rmi", "-f", image)
    lines = client.ok("pull", image, timeout=180).splitlines()
    assert not any("\x1b" in line or "\r" in line for line in lines)
    assert lines[0] == "Using default tag: latest" and lines[-1] == f"{image}:latest"
    assert any(re.fullmatch(r"[0-9a-f]{12}: Pull complete", line) for line in lines)
    assert not any("Downloading" in line for line in lines)
    client.ok("rmi", "-f", image)


def test_attach_survives_a_client_that_is_killed(client, busybox):
    name = f"gone-{client.name}"
    client.ok("run", "-dit", "--name", name, busybox, "sh")
    shell = terminal(client, "attach", name)
    shell.sendline("echo o''ne")
    shell.expect("one")
    shell.kill(9)
    shell.close()
    assert running(client, name)
    shell = terminal(client, "attach", name)
    shell.sendline("echo t''wo")
    shell.expect("two")
    shell.sendline("exit 6")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 6
    client.ok("rm", "-f", name)
