# SPDX-License-Identifier: Apache-2.0
"""A daemon without privileges: pulls, runs, publishes, survives, says what is missing."""
import pathlib
import shutil
import socket
import tempfile
import urllib.request

import pytest

from conftest import PROGRAMS
from harness import free_port, wait_until
from rootless import FIRST, USER, Relay, RootlessDaemon, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"this machine lacks {', '.join(missing())}")


def make(**options):
    return RootlessDaemon(PROGRAMS, pathlib.Path(tempfile.mkdtemp(prefix="apus-t-", dir="/var/tmp")), **options)


def own_address():
    """An address of this machine that is not loopback: what a rootless daemon reaches it by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no address but loopback")


@pytest.fixture(scope="module")
def relay(registry):
    relay = Relay(registry.port)
    yield f"{own_address()}:{relay.port}"
    relay.listener.close()


@pytest.fixture(scope="module")
def rootless(relay):
    daemon = make(extra=["--insecure-registry", relay])
    try:
        daemon.start()
        yield daemon
        for container in daemon.api("GET", "/containers/json?all=1")[1]:
            daemon.api("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        daemon.stop()
        wait_until(lambda: not daemon.processes(), f"all processes of the user end: {daemon.processes()}")
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.process.kill()
        shutil.rmtree(daemon.root, ignore_errors=True)


@pytest.fixture(scope="module")
def busybox(rootless, relay):
    rootless.client().ok("pull", f"{relay}/busybox:latest", timeout=180)
    return f"{relay}/busybox:latest"


@pytest.fixture(params=["docker", "apus"])
def stock(request, rootless):
    if request.param == "docker" and shutil.which("docker") is None:
        pytest.skip("no docker client on this machine")
    return rootless.client(request.param)


def test_it_is_a_users_daemon(rootless, stock):
    info = rootless.api("GET", "/info")[1]
    assert "name=rootless" in info["SecurityOptions"]
    assert info["DockerRootDir"] == str(rootless.home / ".local/share/apus")
    assert f"export DOCKER_HOST=unix://{rootless.socket}" in rootless.log.read_text()
    assert pathlib.Path(f"/proc/{rootless.process.pid}").stat().st_uid == USER
    assert "Hello from" in stock.ok("run", "--rm", "hello-world")


def test_run_and_exec(rootless, stock, busybox):
    identifier = stock.ok("run", "-d", "-m", "64m", busybox, "sleep", "1000").splitlines()[-1]
    try:
        assert stock.ok("exec", identifier, "sh", "-c", "id -u; echo x >/dev/null; touch /tmp/file; hostname") .split()[0] == "0"
        assert stock.run("exec", identifier, "sh", "-c", "exit 7").returncode == 7
        # Other users of the container are subordinate ids of the user's.
        pid = int(stock.ok("inspect", "-f", "{{.State.Pid}}", identifier))
        assert pathlib.Path(f"/proc/{pid}").stat().st_uid == USER
        assert stock.ok("exec", "-u", "1000", identifier, "sh", "-c", "id -u; sleep 0.1 & wait") == "1000"
        assert "sleep" in stock.ok("top", identifier)
    finally:
        stock.ok("rm", "-f", identifier)
    found = stock.ok("run", "--rm", "-u", "1000", busybox, "cat", "/proc/self/uid_map")
    assert found.split()[:3] == ["0", str(USER), "1"] or str(FIRST) in found, found


def test_files_keep_their_owners(rootless, stock, busybox):
    stock.ok("run", "--rm", "-v", "owners:/data", busybox, "sh", "-c", "touch /data/a && chown 1000:1000 /data/a")
    assert stock.ok("run", "--rm", "-v", "owners:/data", busybox, "stat", "-c", "%u", "/data/a") == "1000"
    place = rootless.data / "volumes/owners/_data/a"
    assert place.stat().st_uid == FIRST + 999
    stock.ok("volume", "rm", "owners")


def test_published_ports(rootless, stock, busybox):
    port = free_port()
    identifier = stock.ok("run", "-d", "-p", f"127.0.0.1:{port}:80", "-p", "80", busybox, "sh", "-c",
                          "echo inside >/tmp/index.html; httpd -f -p 80 -h /tmp").splitlines()[-1]
    try:
        chosen = int(stock.ok("port", identifier, "80").split()[-1].rsplit(":", 1)[1])
        for number in {port, chosen}:
            assert fetch(number) == b"inside\n"
        bound = rootless.api("GET", f"/containers/{identifier}/json")[1]["NetworkSettings"]["Ports"]["80/tcp"]
        assert {"HostIp": "127.0.0.1", "HostPort": str(port)} in bound
        with socket.create_server(("127.0.0.1", 0)) as taken:
            result = stock.run("run", "--rm", "-p", f"127.0.0.1:{taken.getsockname()[1]}:80", busybox, "true")
            assert result.returncode == 125 and "address already in use" in result.stderr, result
        result = stock.run("run", "--rm", "-p", "81:80", busybox, "true")
        assert result.returncode == 125 and "net.ipv4.ip_unprivileged_port_start" in result.stderr, result
    finally:
        stock.ok("rm", "-f", identifier)
    for number in (port, chosen):
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", number), timeout=5).close()


def fetch(port):
    def answer():
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/index.html", timeout=5) as page:
                return page.read()
        except OSError:
            return None
    return wait_until(answer, f"port {port} answers")


def test_containers_reach_each_other_and_the_world(rootless, stock, busybox, relay):
    server = stock.ok("run", "-d", busybox, "sh", "-c", "echo other >/tmp/index.html; httpd -f -p 80 -h /tmp").splitlines()[-1]
    try:
        address = stock.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", server)
        script = f"for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://{address}/index.html && break; done"
        assert stock.ok("run", "--rm", busybox, "sh", "-c", script) == "other"
        # The machine's own service, seen from a container.
        assert stock.run("run", "--rm", busybox, "wget", "-q", "-O", "-", f"http://{relay}/v2/").returncode == 0
        assert "10.0.2.3" in stock.ok("run", "--rm", busybox, "cat", "/etc/resolv.conf")
    finally:
        stock.ok("rm", "-f", server)


def test_containers_outlive_a_killed_daemon(rootless, busybox):
    client, port = rootless.client(), free_port()
    identifier = client.ok("run", "-d", "-p", f"{port}:80", busybox, "sh", "-c", "echo again >/tmp/index.html; httpd -f -p 80 -h /tmp").splitlines()[-1]
    assert fetch(port) == b"again\n"
    before = (rootless.execution / "rootless/holder").read_text()
    rootless.kill()
    assert fetch(port) == b"again\n"
    rootless.restart()
    assert (rootless.execution / "rootless/holder").read_text() == before
    assert client.ok("exec", identifier, "echo", "alive") == "alive"
    assert fetch(port) == b"again\n"
    client.ok("rm", "-f", identifier)


@pytest.mark.parametrize("flags, script, shown", [
    (["--privileged"], "mkdir -p /m && mount -t tmpfs x /m && echo mounted; ls /dev/ptmx", "mounted /dev/ptmx"),
    (["--ipc", "host"], "ls -d /dev/shm", "/dev/shm"),
    (["--pid", "host"], "test $$ -gt 2 && echo outside", "outside"),
    (["--network", "host"], "ip -o link show tap0 | wc -l", "1"),
    (["--oom-score-adj", "-500"], "cat /proc/self/oom_score_adj", "0"),
    (["--sysctl", "net.core.somaxconn=99", "--read-only", "--init"], "cat /proc/sys/net/core/somaxconn", "99"),
])
def test_flags_that_ask_for_much_get_what_the_user_has(rootless, busybox, flags, script, shown):
    assert " ".join(rootless.client().ok("run", "--rm", *flags, busybox, "sh", "-c", script).split()) == shown


def test_layers_are_merged(rootless, busybox):
    """Whiteouts and opaque folders work with the kernel's overlay in a user namespace."""
    client = rootless.client()
    result = client.ok("run", "--rm", busybox, "sh", "-c", "rm -r /home && mkdir /home && touch /home/new && ls /home && rm /bin/vi && ls /bin/vi 2>&1; true")
    assert result.split()[0] == "new" and "No such file" in result


def test_what_is_missing_is_told(rootless):
    for options, words in [
        ({"subordinate": False}, ["no subordinate ids", "apus-test", "/etc/subuid", "usermod --add-subuids"]),
        ({"extra": ["-H", "tcp://127.0.0.1:0"]}, ["tcp://127.0.0.1:0 cannot be reached", "unix://"]),
        ({"session": "/nonexistent"}, ["XDG_RUNTIME_DIR /nonexistent: no such file or directory"]),
    ]:
        daemon = make(**options)
        networks = daemon.processes().count("slirp4netns")
        try:
            code, told = daemon.try_start()
            assert code == 1 and all(word in told for word in words), told
            assert daemon.processes().count("slirp4netns") == networks
        finally:
            shutil.rmtree(daemon.root, ignore_errors=True)
