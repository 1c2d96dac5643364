# SPDX-License-Identifier: Apache-2.0
"""The daemon's own life: listeners, certificates, configuration, several side by side."""
import grp
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess

import pytest

from harness import free_port, wait_until


def refused(daemon, *arguments):
    """What a second apusd says when it may not start."""
    place = daemon.root / "other"
    result = subprocess.run(
        [str(daemon.programs / "apusd"), "--data-root", str(place / "d"), "--exec-root", str(place / "x"),
         "--pidfile", str(place / "pid"), *map(str, arguments)], capture_output=True, text=True, timeout=30)
    assert result.returncode == 1, result.stderr
    shutil.rmtree(place, ignore_errors=True)
    return result.stderr


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate authority with one server and one client, in the files that a Docker client looks for."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem",
            "-subj", "/CN=ca", "-days", "2")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    for name in ("server", "client"):
        place = folder / name
        place.mkdir()
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", place / "key.pem", "-out", place / "csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", place / "csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem",
                "-CAcreateserial", "-out", place / "cert.pem", "-days", "2", "-extfile", extensions)
        shutil.copy(folder / "ca.pem", place / "ca.pem")
    return folder


def test_socket_is_for_its_group(daemon):
    found = os.stat(daemon.socket)
    assert stat.S_IMODE(found.st_mode) == 0o660
    groups = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    assert found.st_gid == groups.get("docker", groups.get("apus", 0))


def test_plain_tcp_beyond_loopback_is_refused(daemon):
    for host in ("tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://:0"):
        assert "without TLS" in refused(daemon, "-H", host)


def test_plain_tcp_on_loopback(own_daemon):
    port = free_port()
    daemon = own_daemon("-H", f"tcp://127.0.0.1:{port}")
    client = daemon.client()
    client.environment["DOCKER_HOST"] = f"tcp://127.0.0.1:{port}"
    assert client.ok("run", "--rm", "hello-world").startswith("Hello from apus!")


def test_only_clients_with_a_certificate_get_in(own_daemon, certificates):
    port = free_port()
    server = certificates / "server"
    daemon = own_daemon("-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", server / "ca.pem",
                        "--tlscert", server / "cert.pem", "--tlskey", server / "key.pem")
    names = ["apus"] + (["docker"] if shutil.which("docker") else [])
    for name in names:
        client = daemon.client(name)
        client.environment |= {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_TLS_VERIFY": "1",
                               "DOCKER_CERT_PATH": str(certificates / "client")}
        assert client.ok("run", "--rm", "hello-world").startswith("Hello from apus!")
        client.environment["DOCKER_CERT_PATH"] = str(daemon.root / "nothing")
        assert client.run("version").returncode != 0
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        # TLS 1.3 tells a client without a certificate only when it reads.
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                secure.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
                assert secure.recv(100) != b"", "answered without a certificate"
    assert daemon.api("GET", "/version")[0] == 200


def test_sockets_handed_over_by_the_service_manager(daemon):
    """`-H fd://` with the protocol of sd_listen_fds(3)."""
    place = daemon.root / "activated"
    place.mkdir()
    path = place / "a.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        # LISTEN_PID must name the process that executes apusd, so a shell sets it.
        process = subprocess.Popen(
            ["bash", "-c", 'exec 3<&"$1"; shift; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "bash", str(listener.fileno()),
             str(daemon.programs / "apusd"), "-H", "fd://", "--data-root", str(place / "d"), "--exec-root", str(place / "x"),
             "--pidfile", str(place / "pid"), "--bip", f"{daemon.subnet.rsplit('.', 1)[0]}.251.1/24"],
            pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        client = daemon.client()
        client.environment["DOCKER_HOST"] = f"unix://{path}"
        assert client.ok("run", "--rm", "hello-world").startswith("Hello from apus!")
    finally:
        process.terminate()
        process.wait(30)
    assert path.exists(), "a socket that somebody else made is not the daemon's to remove"
    shutil.rmtree(place)


def test_one_daemon_per_root_socket_and_pid_file(daemon):
    assert "is using the data root" in refused(daemon, "--data-root", daemon.data, "-H", f"unix://{daemon.root}/b.sock")
    assert "another process is listening" in refused(daemon, "-H", f"unix://{daemon.socket}")
    assert "is still running" in refused(daemon, "--pidfile", daemon.root / "pid", "-H", f"unix://{daemon.root}/b.sock")
    assert daemon.request("GET", "/_ping")[0] == 200


@pytest.mark.parametrize("content, expected", [
    ({"nosuch": 1}, "nosuch"), ({"debug": "yes"}, "debug"), ({"hosts": ["unix:///x"]}, "both as a flag and in the configuration file"),
    ({"bip": "10.0.0.0/99"}, "10.0.0.0/99"), ("{", "JSON"), ({"features": {"a": 1}}, "features"),
])
def test_configuration_files_are_strict(daemon, content, expected):
    path = daemon.root / "daemon.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert expected in refused(daemon, "--config-file", path, "-H", f"unix://{daemon.root}/b.sock")


@pytest.mark.parametrize("arguments, expected", [
    (["--nosuch"], "--nosuch"), (["--log-level", "loud"], "loud"), (["-H", "carrier://pigeon"], "carrier"),
    (["--bip", "nowhere"], "nowhere"), (["--tlsverify", "-H", "tcp://127.0.0.1:0"], "--tlscert"),
])
def test_flags_are_strict(daemon, arguments, expected):
    assert expected in refused(daemon, *arguments)


def test_configuration_from_a_file(own_daemon, tmp_path):
    path = tmp_path / "daemon.json"
    path.write_text(json.dumps({"debug": True, "labels": ["rack=7"], "insecure-registries": ["10.9.8.7:5000"]}))
    daemon = own_daemon("--config-file", path)
    info = daemon.api("GET", "/info")[1]
    assert info["Debug"] is True and info["Labels"] == ["rack=7"]
    assert "10.9.8.7:5000" in info["RegistryConfig"]["IndexConfigs"]


def test_daemons_side_by_side(own_daemon, registry):
    """Same names and the same images, nothing shared, and one's end is nothing to the other."""
    first, second = own_daemon(), own_daemon()
    clients = [first.client(), second.client()]
    for daemon, client in zip((first, second), clients):
        daemon.pull(registry, "busybox:latest")
        client.ok("run", "-d", "--name", "same", "-p", "127.0.0.1::80", "busybox", "sh", "-c",
                  f"while :; do echo {daemon.subnet} | nc -l -p 80; done")

    def answer(client):
        host, port = client.ok("port", "same", "80").split(":")
        try:
            with socket.create_connection((host, int(port)), 5) as connection:
                return connection.recv(100).decode().strip()
        except OSError:
            return None

    for daemon, client in zip((first, second), clients):
        wait_until(lambda: answer(client) == daemon.subnet, "each daemon's port leads to its own container")
    bridges = [daemon.bridge_ports()[0] for daemon in (first, second)]
    assert bridges[0] and bridges[1] and bridges[0] != bridges[1]
    clients[0].ok("rm", "-f", "same")
    first.stop()
    wait_until(lambda: answer(clients[1]) == second.subnet, "the other goes on")
    first.start()


def test_metrics_for_prometheus(own_daemon):
    port = free_port()
    daemon = own_daemon("--metrics-addr", f"127.0.0.1:{port}")

    def get(path):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        return answer.split("\r\n\r\n", 1)

    head, body = get("/metrics")
    assert " 200 " in head and "text/plain; version=0.0.4" in head
    samples = dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
    assert samples['engine_daemon_container_states_containers{state="running"}'] == "0"
    assert float(samples["process_resident_memory_bytes"]) > 1 << 20
    assert any(name.startswith("engine_daemon_engine_info{") and 'os_type="linux"' in name for name in samples)
    assert " 404 " in get("/containers/json")[0], "the API is not served there"
    assert "metrics-addr" in refused(daemon, "--metrics-addr", "nowhere")


def test_terminating_signals_end_it_in_order(own_daemon):
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = own_daemon()
        daemon.process.send_signal(number)
        assert daemon.process.wait(30) == 0
        assert not daemon.socket.exists() and not (daemon.root / "pid").exists()
        daemon.start()
