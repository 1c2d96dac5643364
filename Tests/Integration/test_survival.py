# SPDX-License-Identifier: Apache-2.0
"""Containers outlive the daemon: kill -9 under load loses nothing."""
import json

from harness import wait_until

WRITERS = 20


def test_kill_under_twenty_writers(own_daemon, registry):
    daemon = own_daemon()
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    names = [f"w{number}" for number in range(WRITERS)]
    # Ten go on for long, ten end with codes of their own while no daemon is there.
    script = "i=0; while [ $i -lt $0 ]; do echo line $i; i=$((i+1)); done; echo last; [ $1 = stay ] && exec sleep 1000; exit $1"
    for number, name in enumerate(names):
        what = "stay" if number % 2 == 0 else str(number)
        client.ok("run", "-d", "--name", name, "busybox", "sh", "-c", script, "20000", what)
    daemon.kill()
    # The daemon is away while the odd ones end.
    daemon.restart()
    rows = {c["Names"][0][1:]: c["State"] for c in daemon.api("GET", "/containers/json?all=1")[1]}
    for number, name in enumerate(names):
        if number % 2 == 0:
            assert rows[name] == "running", name
        else:
            status, answer = daemon.api("POST", f"/containers/{name}/wait")
            assert (status, answer["StatusCode"]) == (200, number)
    expected = [f"line {i}" for i in range(20000)] + ["last"]
    for name in names:
        wait_until(lambda: client.run("logs", "--tail", "1", name).stdout == "last\n", f"{name} wrote its last line", 120)
        assert client.run("logs", name).stdout.splitlines() == expected, f"{name}: a line is lost or doubled"
    # Attach and exec work on what was started before.
    assert client.ok("exec", "w0", "echo", "still here") == "still here"


def test_attach_and_stdin_after_a_restart(own_daemon, registry):
    daemon = own_daemon()
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    client.ok("run", "-di", "--name", "cat", "busybox", "cat")
    daemon.kill()
    daemon.restart()
    attached = client.start("attach", "cat", text=True)
    attached.stdin.write("through a new daemon\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == "through a new daemon\n"
    # Not SIGTERM: the client would pass that on, and a `cat` that is process 1 takes no notice of it.
    attached.kill()
    attached.communicate()
    assert client.ok("inspect", "-f", "{{.State.Running}}", "cat") == "true"


def test_restart_policy_acts_after_a_crash(own_daemon, registry):
    daemon = own_daemon()
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    client.ok("run", "-d", "--name", "always", "--restart", "always", "busybox", "sleep", "1000")
    pid = int(client.ok("inspect", "-f", "{{.State.Pid}}", "always"))
    daemon.kill()
    import os
    import signal
    os.kill(pid, signal.SIGKILL)
    daemon.restart()
    wait_until(lambda: client.ok("inspect", "-f", "{{.State.Running}} {{.State.Pid}}", "always") not in ("", f"true {pid}")
               and client.ok("inspect", "-f", "{{.State.Running}}", "always") == "true", "it is started again")


def test_published_port_survives(own_daemon, registry):
    import socket
    from harness import free_port
    daemon = own_daemon()
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    port = free_port()
    client.ok("run", "-d", "-p", f"{port}:80", "--name", "web", "busybox", "sh", "-c", "while :; do echo here | nc -l -p 80; done")

    def answer():
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                return connection.recv(100) == b"here\n"
        except OSError:
            return False

    wait_until(answer, "the port answers")
    daemon.kill()
    wait_until(answer, "the port answers without a daemon")
    daemon.restart()
    wait_until(answer, "the port answers after the restart")
    clash = client.run("run", "--rm", "-p", f"{port}:80", "busybox", "true")
    assert clash.returncode == 125 and "address already in use" in clash.stderr + clash.stdout or "already allocated" in clash.stderr


def test_state_survives_a_graceful_stop(own_daemon, registry):
    daemon = own_daemon()
    daemon.pull(registry, "busybox:latest")
    client = daemon.client()
    client.ok("run", "-d", "--name", "runs", "busybox", "sleep", "1000")
    client.ok("create", "--name", "waits", "--label", "k=v", "busybox", "true")
    daemon.stop()
    daemon.restart()
    assert client.ok("inspect", "-f", "{{.State.Status}}", "runs") == "running"
    assert json.loads(client.ok("inspect", "-f", "{{json .Config.Labels}}", "waits")) == {"k": "v"}
    assert client.run("start", "-a", "waits").returncode == 0
