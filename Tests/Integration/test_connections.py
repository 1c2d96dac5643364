# SPDX-License-Identifier: Apache-2.0
"""Connections from outside: clients that leave, WebSockets, a lack of descriptors, somebody else's socket, shutdown."""
import base64
import json
import os
import resource
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import wait_until


@pytest.fixture(autouse=True)
def still_up(daemon):
    yield
    assert daemon.api("GET", "/version")[0] == 200


def connect(daemon):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(str(daemon.socket))
    return client


def ask(daemon, method, path, *fields):
    """A connection on which the request is out and the head of the answer is in, with what followed the head."""
    client = connect(daemon)
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields]
    if method == "POST":
        lines.append("Content-Length: 0")
    client.sendall("\r\n".join(lines + ["", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = client.recv(65536)
        assert piece, answer
        answer += piece
    head, rest = answer.split(b"\r\n\r\n", 1)
    return client, head.decode(), rest


def sockets(daemon):
    """How many sockets the daemon has open."""
    folder = f"/proc/{daemon.process.pid}/fd"
    found = 0
    for name in os.listdir(folder):
        try:
            found += os.readlink(f"{folder}/{name}").startswith("socket:")
        except OSError:
            pass
    return found


@pytest.mark.parametrize("half", [True, False])
def test_clients_that_leave(daemon, busybox, half):
    """Nothing happens in these streams: only the client's FIN can end them."""
    client = daemon.client()
    client.ok("run", "-d", "--name", "quiet", busybox, "sleep", "1000")
    try:
        before = sockets(daemon)
        streams = [("GET", "/events"), ("GET", "/containers/quiet/logs?follow=1&stdout=1"), ("POST", "/containers/quiet/wait")]
        open_streams = [ask(daemon, method, path)[0] for method, path in streams for _ in range(10)]
        assert sockets(daemon) >= 30
        for stream in open_streams:
            if half:
                stream.shutdown(socket.SHUT_WR)
            else:
                stream.close()
        wait_until(lambda: sockets(daemon) <= before, f"{before} sockets again, not {sockets(daemon)}", 10)
        for stream in open_streams:
            stream.close()
    finally:
        client.ok("rm", "-f", "quiet")


def test_attach_outlives_the_end_of_its_input(daemon, busybox):
    """What `echo | docker run -i` does: FIN long before the output ends."""
    identifier = daemon.api("POST", "/containers/create", {
        "Image": "busybox", "Cmd": ["sh", "-c", "cat; sleep 1; echo later"], "OpenStdin": True, "StdinOnce": True, "Tty": False})[1]["Id"]
    try:
        stream, head, rest = ask(daemon, "POST", f"/containers/{identifier}/attach?stream=1&stdin=1&stdout=1", "Upgrade: tcp", "Connection: Upgrade")
        assert " 101 " in head
        assert daemon.api("POST", f"/containers/{identifier}/start")[0] == 204
        stream.sendall(b"early\n")
        stream.shutdown(socket.SHUT_WR)
        while piece := stream.recv(65536):
            rest += piece
        assert b"early\n" in rest and b"later\n" in rest
    finally:
        daemon.api("DELETE", f"/containers/{identifier}?force=1")


def test_no_reset_for_a_client_that_still_writes(daemon, busybox):
    """What `yes | docker run -i` does: the output ends while the client writes; it must see an end, not ECONNRESET."""
    for _ in range(10):
        identifier = daemon.api("POST", "/containers/create", {
            "Image": "busybox", "Cmd": ["sh", "-c", "head -c 100 >/dev/null; echo done"], "OpenStdin": True, "StdinOnce": True})[1]["Id"]
        stream, _, rest = ask(daemon, "POST", f"/containers/{identifier}/attach?stream=1&stdin=1&stdout=1", "Upgrade: tcp", "Connection: Upgrade")

        def write():
            try:
                while True:
                    stream.sendall(b"y" * 4096)
            except OSError:
                pass

        writer = threading.Thread(target=write)
        writer.start()
        assert daemon.api("POST", f"/containers/{identifier}/start")[0] == 204
        while piece := stream.recv(65536):
            rest += piece
        stream.shutdown(socket.SHUT_RDWR)
        writer.join()
        assert rest.endswith(b"done\n")
        daemon.api("DELETE", f"/containers/{identifier}?force=1")


def frame(code, payload=b""):
    mask = os.urandom(4)
    return bytes([0x80 | code, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))


class WebSocket:
    def __init__(self, daemon, path):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket, head, self.rest = ask(daemon, "GET", path, "Upgrade: websocket", "Connection: Upgrade",
                                           f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
        assert " 101 " in head

    def next(self):
        """(opcode, payload) of the next frame; None at the end."""
        def need(count):
            while len(self.rest) < count:
                piece = self.socket.recv(65536)
                if not piece:
                    return False
                self.rest += piece
            return True
        if not need(2):
            return None
        code, length, header = self.rest[0] & 15, self.rest[1], 2
        assert length < 127
        if length == 126:
            need(4)
            length, header = struct.unpack(">H", self.rest[2:4])[0], 4
        need(header + length)
        payload, self.rest = self.rest[header:header + length], self.rest[header + length:]
        return code, payload


@pytest.fixture()
def echo(daemon, busybox):
    identifier = daemon.api("POST", "/containers/create", {
        "Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "Tty": False})[1]["Id"]
    assert daemon.api("POST", f"/containers/{identifier}/start")[0] == 204
    yield identifier
    daemon.api("DELETE", f"/containers/{identifier}?force=1")


def test_websocket(daemon, echo):
    stream = WebSocket(daemon, f"/containers/{echo}/attach/ws?stream=1&stdin=1&stdout=1")
    stream.socket.sendall(frame(9, b"are you there"))
    assert stream.next() == (10, b"are you there")
    stream.socket.sendall(frame(2, b"hello\n"))
    assert stream.next() == (2, b"hello\n")
    stream.socket.sendall(frame(8, struct.pack(">H", 1001)))
    assert stream.next() == (8, struct.pack(">H", 1001))
    assert stream.next() is None
    assert daemon.api("GET", f"/containers/{echo}/json")[1]["State"]["Running"]


@pytest.mark.parametrize("bytes_sent, code", [
    (b"\x82\x05hello", 1002), (b"\x82\xff" + b"\xff" * 8, 1009), (b"\x82\xff\x01\0\0\0\0\0\0\x05", 1009), (b"\x83\x80\0\0\0\0", 1002)])
def test_websocket_violations(daemon, echo, bytes_sent, code):
    stream = WebSocket(daemon, f"/containers/{echo}/attach/ws?stream=1&stdin=1&stdout=1")
    stream.socket.sendall(bytes_sent)
    assert stream.next() == (8, struct.pack(">H", code))
    assert stream.next() is None


def test_no_descriptors_left(own_daemon):
    """accept(2) fails for a while; the clients wait, and the listener goes on afterwards."""
    daemon = own_daemon()
    pid = daemon.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    clients = []
    try:
        taken = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (taken + 5, limits[1]))
        for _ in range(20):
            client = connect(daemon)
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n")
            clients.append(client)
        wait_until(lambda: "could not be accepted" in daemon.log.read_text(), "accept fails")
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    for client in clients:
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.close()
    assert daemon.api("GET", "/version")[0] == 200


def refused(daemon, tmp_path, address):
    """What a second daemon says that cannot listen."""
    result = subprocess.run(
        [str(daemon.programs / "apusd"), "--data-root", str(tmp_path / "d"), "--exec-root", str(tmp_path / "x"), "--pidfile",
         str(tmp_path / "pid"), "--bridge", "none", "-H", address], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    return result.stdout + result.stderr


def test_socket_of_a_living_daemon(daemon, tmp_path):
    text = refused(daemon, tmp_path, f"unix://{daemon.socket}")
    assert f"can't create unix socket {daemon.socket}: another process is listening on it" in text
    assert os.stat(daemon.socket).st_mode & 0o777 == 0o660


def test_port_in_use_by_another(daemon, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = refused(daemon, tmp_path, f"tcp://127.0.0.1:{port}")
    assert f"can't listen on 127.0.0.1:{port}: " in text and "already in use" in text.lower()


def test_shutdown_ends_streams_and_answers(own_daemon):
    daemon = own_daemon()
    events, _, _ = ask(daemon, "GET", "/events")
    idle = connect(daemon)
    begin = time.monotonic()
    daemon.stop()
    assert time.monotonic() - begin < 10
    assert idle.recv(1) == b""
    while events.recv(65536):
        pass
    assert not daemon.socket.exists()
    daemon.start()


@pytest.mark.parametrize("method, path, name", [
    ("GET", "/images/json?manifests=1", "manifests"), ("GET", "/images/busybox/json?platform=linux%2Farm64", "platform"),
    ("GET", "/images/busybox/history?platform=linux%2Farm64", "platform"),
    ("DELETE", "/images/busybox?platforms=%7B%22os%22%3A%22linux%22%7D", "platforms")])
def test_parameters_that_are_not_supported_are_named(daemon, busybox, method, path, name):
    status, answer = daemon.api(method, path)
    assert status == 501 and answer["message"] == f"the parameter {name} is not supported yet"


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /version HTTP/1.1\nHost: a\n\n", 400), (b"\x16\x03\x01\x02\x00", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400)])
def test_nonsense(daemon, request_bytes, status):
    client = connect(daemon)
    client.sendall(request_bytes)
    answer = client.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    for field in (b"Api-Version: ", b"Docker-Experimental: ", b"Ostype: linux", b"Server: Apus/"):
        assert field in head
    assert json.loads(body)["message"]
    client.close()
