# SPDX-License-Identifier: Apache-2.0
"""The same recorded list of commands through the stock client and ours: exit codes and, where it is ours to decide, bytes."""
import json
import re
import socket
import urllib.request

import pexpect
import pytest

from harness import free_port, wait_until

pytestmark = pytest.mark.usefixtures("busybox")


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


def test_hello_world(client):
    output = client.ok("run", "--rm", "hello-world")
    assert "apus" in output


def test_nginx_from_pull_to_rm(client, daemon, registry):
    image = f"127.0.0.1:{registry.port}/nginx"
    name, port = f"web-{client.name}", free_port()
    assert "latest" in client.ok("pull", image, timeout=180)
    identifier = client.ok("run", "-d", "-p", f"{port}:80", "--name", name, image)
    assert re.fullmatch(r"[0-9a-f]{64}", identifier)

    def answers():
        try:
            return fetch(f"http://127.0.0.1:{port}/")[0] == 200
        except OSError:
            return False

    wait_until(answers, "nginx answers")
    rows = client.ok("ps", "--filter", f"name={name}").splitlines()
    assert len(rows) == 2 and rows[0].split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert f"0.0.0.0:{port}->80/tcp" in rows[1] and rows[1].startswith(identifier[:12]) and rows[1].endswith(name)
    assert client.ok("port", name).splitlines()[0] == f"80/tcp -> 0.0.0.0:{port}"
    assert client.ok("exec", name, "sh", "-c", "echo inside; exit 0") == "inside"
    address = client.ok("inspect", "-f", "{{ .NetworkSettings.IPAddress }}", name)
    assert address.startswith(daemon.subnet)
    assert client.ok("inspect", "-f", "{{.State.Status}} {{.State.Running}}", name) == "running true"
    assert "nginx" in client.ok("top", name)
    client.ok("stop", name)
    assert client.ok("inspect", "-f", "{{.State.Status}}", name) == "exited"
    client.ok("start", name)
    wait_until(answers, "nginx answers after the second start")
    client.ok("rm", "-f", name)
    assert name not in client.ok("ps", "-a")
    client.ok("rmi", image)


def test_shell_in_a_terminal(client, busybox):
    shell = pexpect.spawn(str(client.program), ["run", "--rm", "-it", "--name", f"tty-{client.name}", busybox, "sh"],
                          env=client.environment, encoding="utf-8", timeout=30, dimensions=(40, 100))
    shell.expect("# ")
    shell.sendline("tty; stty size")
    shell.expect("/dev/pts/0")
    shell.expect("40 100")
    shell.setwinsize(50, 120)
    shell.sendline("while [ \"$(stty size)\" != '50 120' ]; do :; done; echo re''sized")
    shell.expect("resized")
    shell.sendline("exit 7")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 7


def test_exec_in_a_terminal(client, busybox):
    name = f"exec-{client.name}"
    client.ok("run", "-d", "--name", name, busybox, "sleep", "1000")
    shell = pexpect.spawn(str(client.program), ["exec", "-it", name, "sh"], env=client.environment, encoding="utf-8", timeout=30)
    shell.expect("# ")
    shell.sendline("echo $((6*7))")
    shell.expect("42")
    shell.sendline("exit 3")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 3
    client.ok("rm", "-f", name)


def test_stdin_half_close(client, busybox):
    assert client.ok("run", "--rm", "-i", busybox, "sh", "-c", "cat; echo end", stdin="one\ntwo\n") == "one\ntwo\nend"
    big = "x" * 1_000_000
    assert client.ok("run", "--rm", "-i", busybox, "wc", "-c", stdin=big) == "1000000"


def test_streams_stay_apart(client, busybox):
    result = client.run("run", "--rm", busybox, "sh", "-c", "echo out; echo err >&2; exit 5")
    assert (result.returncode, result.stdout, result.stderr) == (5, "out\n", "err\n")


def test_logs(client, busybox):
    name = f"logs-{client.name}"
    client.ok("run", "--name", name, busybox, "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2")
    result = client.run("logs", name)
    assert result.stdout == "".join(f"line {i}\n" for i in range(1, 6)) and result.stderr == "bad\n"
    assert client.ok("logs", "--tail", "2", name).splitlines()[-1] == "line 5"
    stamped = client.ok("logs", "-t", name).splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line \d", line) for line in stamped)
    third = stamped[2].split()[0]
    assert client.ok("logs", "--since", third, name).splitlines()[0] == "line 3"
    client.ok("rm", name)


def test_logs_follow_ends_with_the_container(client, busybox):
    name = f"follow-{client.name}"
    client.ok("run", "-d", "--name", name, busybox, "sh", "-c", "echo a; read line < /dev/zero & sleep 0.3; echo b")
    assert client.ok("logs", "-f", name) == "a\nb"
    client.ok("rm", "-f", name)


def test_attach(client, busybox):
    name = f"attach-{client.name}"
    client.ok("run", "-dit", "--name", name, busybox, "sh")
    terminal = pexpect.spawn(str(client.program), ["attach", name], env=client.environment, encoding="utf-8", timeout=30)
    terminal.sendline("echo he''llo")
    terminal.expect("hello")
    terminal.send("\x10\x11")  # ctrl-p ctrl-q leaves it running
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert client.ok("inspect", "-f", "{{.State.Running}}", name) == "true"
    client.ok("rm", "-f", name)


def test_limits_reach_the_container(client, busybox):
    script = "ulimit -n; cat /proc/self/limits | grep 'open files' | tr -s ' '; hostname; id -u; pwd; echo $A; ls / | head -1"
    output = client.ok("run", "--rm", "-m", "64m", "--cpus", "0.5", "--pids-limit", "50", "--ulimit", "nofile=123:456",
                       "--hostname", "box", "-u", "65534", "-w", "/tmp", "-e", "A=b c", busybox, "sh", "-c", script)
    lines = output.splitlines()
    assert lines[0] == "123" and "123 456" in lines[1] and lines[2:6] == ["box", "65534", "/tmp", "b c"]


def test_read_only_root_with_tmpfs(client, busybox):
    result = client.run("run", "--rm", "--read-only", "--tmpfs", "/run:size=1m", busybox, "sh", "-c",
                        "echo x > /run/ok && cat /run/ok; echo y > /file")
    assert result.returncode == 1 and result.stdout == "x\n" and "Read-only" in result.stderr


def test_volumes_and_binds(client, busybox, tmp_path):
    (tmp_path / "given").write_text("from the host\n")
    volume = f"vol-{client.name}"
    client.ok("run", "--rm", "-v", f"{volume}:/data", busybox, "sh", "-c", "echo kept > /data/file")
    assert client.ok("run", "--rm", "-v", f"{volume}:/data:ro", busybox, "cat", "/data/file") == "kept"
    assert client.ok("run", "--rm", "-v", f"{tmp_path}:/host", busybox, "cat", "/host/given") == "from the host"
    assert client.run("run", "--rm", "-v", f"{tmp_path}:/host:ro", busybox, "touch", "/host/x").returncode == 1
    client.ok("volume", "rm", volume)


def test_capabilities(client, busybox):
    show = ["grep", "CapEff", "/proc/self/status"]
    assert client.ok("run", "--rm", busybox, *show).split()[1] == "00000000a80425fb"
    assert client.ok("run", "--rm", "--cap-drop", "ALL", busybox, *show).split()[1] == "0" * 16
    assert client.ok("run", "--rm", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", busybox, *show).split()[1] == "0000000000001000"
    everything = int(client.ok("run", "--rm", "--privileged", busybox, *show).split()[1], 16)
    assert everything & 0x1000 and everything > 0xA80425FB


def test_init_reaps(client, busybox):
    output = client.ok("run", "--rm", "--init", busybox, "sh", "-c", "echo $$; cat /proc/1/comm")
    assert output.splitlines()[0] != "1"
    assert client.run("run", "--rm", "--init", busybox, "sh", "-c", "exit 9").returncode == 9


def test_signals_and_codes(client, busybox):
    assert client.run("run", "--rm", busybox, "sh", "-c", "sh -c 'kill -9 $$'; exit $?").returncode == 137
    name = f"signal-{client.name}"
    client.ok("run", "-d", "--name", name, busybox, "sh", "-c", "trap 'exit 42' USR1; while :; do sleep 0.05; done")
    client.ok("kill", "-s", "USR1", name)
    assert client.ok("wait", name) == "42"
    assert client.ok("inspect", "-f", "{{.State.ExitCode}}", name) == "42"
    client.ok("rm", name)


def test_pause_and_rename(client, busybox):
    name = f"pause-{client.name}"
    client.ok("run", "-d", "--name", name, busybox, "sleep", "1000")
    client.ok("pause", name)
    assert "(Paused)" in client.ok("ps", "--filter", f"name={name}", "--format", "{{.Status}}")
    client.ok("unpause", name)
    client.ok("rename", name, f"{name}-2")
    assert client.ok("ps", "--filter", f"name={name}-2", "--format", "{{.Names}}") == f"{name}-2"
    client.ok("rm", "-f", f"{name}-2")


def test_names_and_hosts(client, busybox):
    output = client.ok("run", "--rm", "--add-host", "some.where:10.1.2.3", "--hostname", "me", busybox, "cat", "/etc/hosts")
    assert re.search(r"^10\.1\.2\.3\s+some\.where$", output, re.M) and re.search(r"\bme$", output, re.M)


def test_network_none_and_host(client, busybox):
    assert client.ok("run", "--rm", "--network", "none", busybox, "ls", "/sys/class/net") == "lo"
    assert client.ok("run", "--rm", "--network", "host", busybox, "hostname") == socket.gethostname()


def test_published_ports_everywhere(client, daemon, busybox):
    name, port = f"ports-{client.name}", free_port()
    serve = "while :; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhere' | nc -l -p 80; done"
    client.ok("run", "-d", "--name", name, "-p", f"{port}:80", "-p", "53/udp", busybox, "sh", "-c", serve)
    host = daemon.subnet + ".1"

    def reached(address):
        try:
            return fetch(f"http://{address}:{port}/")[1] == b"here"
        except OSError:
            return False

    wait_until(lambda: reached("127.0.0.1"), "the port on loopback")
    wait_until(lambda: reached(host), "the port on the bridge's own address")
    assert re.match(r"0\.0\.0\.0:\d+", client.ok("port", name, "53/udp"))
    wait_until(lambda: client.run("run", "--rm", busybox, "sh", "-c", f"nc -w 5 {host} {port} </dev/null").stdout.endswith("here"),
               "the port from another container")
    client.ok("rm", "-f", name)
    assert not reached("127.0.0.1")


def test_save_load_import(client, daemon, busybox, tmp_path):
    archive = client.ok("save", busybox, text=False)
    before = client.ok("inspect", "-f", "{{.Id}}", busybox)
    client.ok("tag", busybox, f"keep-{client.name}")
    loaded = client.run("load", stdin=archive, text=False)
    assert loaded.returncode == 0 and b"Loaded image: busybox:latest" in loaded.stdout
    assert client.ok("inspect", "-f", "{{.Id}}", busybox) == before
    client.ok("rmi", f"keep-{client.name}")
    import io
    import tarfile
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as writer:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = 3
        writer.addfile(entry, io.BytesIO(b"hi\n"))
    imported = client.run("import", "-", f"imported-{client.name}:v1", stdin=tar.getvalue(), text=False)
    assert imported.returncode == 0 and imported.stdout.startswith(b"sha256:")
    assert client.ok("images", "--format", "{{.Repository}}:{{.Tag}}", f"imported-{client.name}") == f"imported-{client.name}:v1"
    client.ok("rmi", f"imported-{client.name}:v1")


def test_events(client, busybox):
    name = f"events-{client.name}"
    watcher = client.start("events", "--filter", f"container={name}", "--format", "{{.Action}}")
    # The stream starts when the daemon has the request; a first event proves it.
    seen = []
    client.ok("run", "--name", name, "--rm", busybox, "true")
    import time
    stop = time.time()
    past = client.ok("events", "--since", str(int(stop) - 60), "--until", f"{stop:.3f}", "--filter", f"container={name}",
                     "--format", "{{.Action}}").splitlines()
    assert [a for a in past if a in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"]
    watcher.terminate()
    watcher.communicate()


def test_formats(client, busybox):
    name = f"format-{client.name}"
    client.ok("run", "-d", "--name", name, "--label", "a=b", busybox, "sleep", "100")
    assert client.ok("ps", "--filter", "label=a=b", "--format", "{{.Names}}") == name
    row = json.loads(client.ok("ps", "--filter", f"name={name}", "--format", "{{json .}}"))
    assert row["Names"] == name and row["Image"] == "busybox" and row["State"] == "running"
    assert client.ok("ps", "-q", "--no-trunc", "--filter", f"name={name}") == client.ok("inspect", "-f", "{{.Id}}", name)
    table = client.ok("ps", "--filter", f"name={name}", "--format", "table {{.Names}}\t{{.Image}}").splitlines()
    assert table[0].split() == ["NAMES", "IMAGE"] and table[1].split() == [name, "busybox"]
    client.ok("rm", "-f", name)


def test_restart_policy(client, busybox):
    name = f"again-{client.name}"
    client.ok("run", "-d", "--name", name, "--restart", "on-failure:2", busybox, "sh", "-c", "exit 3")
    wait_until(lambda: client.ok("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", name) == "2 exited", "two restarts")
    client.ok("rm", name)
