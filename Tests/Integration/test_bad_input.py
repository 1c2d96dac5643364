# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with a request, an image or the disk: Docker's status, a clear message, the daemon stays up."""
import gzip
import hashlib
import http.server
import io
import json
import pathlib
import subprocess
import tarfile
import threading

import pytest

from harness import free_port


@pytest.fixture(autouse=True)
def still_up(daemon):
    yield
    assert daemon.api("GET", "/version")[0] == 200


def create(daemon, name=None, **configuration):
    query = f"?name={name}" if name else ""
    return daemon.api("POST", f"/containers/create{query}", {"Image": "busybox", **configuration})


def test_unknown_image(daemon):
    status, answer = daemon.api("POST", "/containers/create", {"Image": "no-such:image"})
    assert (status, answer["message"]) == (404, "No such image: no-such:image")


@pytest.mark.parametrize("reference", ["UPPER/case", "a b", "-x", "a:b:c", "a@sha256:123"])
def test_bad_reference(daemon, reference):
    status, answer = daemon.api("POST", "/containers/create", {"Image": reference})
    assert status in (400, 404) and answer["message"]


def test_bad_reference_in_pull(daemon):
    result = daemon.client().run("pull", "UPPER/case")
    assert result.returncode == 1 and "invalid reference format" in result.stderr


def test_name_conflict(daemon, busybox):
    assert create(daemon, "taken")[0] == 201
    status, answer = create(daemon, "taken")
    assert status == 409 and answer["message"].startswith('Conflict. The container name "/taken" is already in use by container')


@pytest.mark.parametrize("name", ["-x", "a/b", "x y", "."])
def test_bad_name(daemon, busybox, name):
    from urllib.parse import quote
    status, answer = daemon.api("POST", f"/containers/create?name={quote(name, safe='')}", {"Image": "busybox"})
    assert status == 400 and "Invalid container name" in answer["message"]


def test_no_such_container(daemon):
    for method, path in [("GET", "/containers/nope/json"), ("POST", "/containers/nope/start"), ("DELETE", "/containers/nope"),
                         ("GET", "/containers/nope/logs?stdout=1"), ("POST", "/containers/nope/exec")]:
        status, answer = daemon.api(method, path, {"Cmd": ["x"]} if path.endswith("exec") else None)
        assert (status, answer["message"]) == (404, "No such container: nope"), path


def test_port_in_use(daemon, busybox):
    port = free_port()
    client = daemon.client()
    client.ok("run", "-d", "--name", "first", "-p", f"{port}:80", busybox, "sleep", "100")
    result = client.run("run", "--name", "second", "-p", f"{port}:80", busybox, "true")
    assert result.returncode == 125 and ("already allocated" in result.stderr or "already in use" in result.stderr)
    assert client.ok("inspect", "-f", "{{.State.Status}}", "second") == "created"
    client.ok("rm", "-f", "first", "second")


@pytest.mark.parametrize("mode, message", [
    ("nosuch", "network nosuch not found"), ("container:nosuch", "No such container: nosuch")])
def test_missing_network_is_told_at_the_start(daemon, busybox, mode, message):
    """At the creation, a client would take "not found" for the image's and pull that."""
    status, answer = create(daemon, HostConfig={"NetworkMode": mode})
    assert status == 201
    status, refusal = daemon.api("POST", f"/containers/{answer['Id']}/start")
    assert (status, refusal["message"]) == (404, message)
    assert daemon.api("DELETE", f"/containers/{answer['Id']}")[0] == 204


def test_no_such_command(daemon, busybox):
    result = daemon.client().run("run", "--rm", busybox, "no-such-command")
    assert result.returncode == 127 and "executable file not found in $PATH" in result.stderr
    result = daemon.client().run("run", "--rm", busybox, "/no/such/file")
    assert result.returncode == 127 and "no such file or directory" in result.stderr


def test_not_executable(daemon, busybox):
    result = daemon.client().run("run", "--rm", busybox, "/etc/passwd")
    assert result.returncode == 126 and "permission denied" in result.stderr


def test_exec_failures(daemon, busybox):
    client = daemon.client()
    client.ok("run", "-d", "--name", "execs", busybox, "sleep", "1000")
    assert client.run("exec", "execs", "no-such-command").returncode == 127
    assert client.run("exec", "execs", "/etc/passwd").returncode == 126
    client.ok("kill", "execs")
    result = client.run("exec", "execs", "true")
    assert result.returncode == 1 and "is not running" in result.stderr
    client.ok("rm", "execs")


def test_broken_json(daemon):
    for body in (b"{", b'{"Image":', b"[1,2", b'{"Image": 5}', b"nonsense"):
        status, answer, _ = daemon.request("POST", "/containers/create", body, {"Content-Type": "application/json"})
        assert status == 400 and json.loads(answer)["message"], body


def test_wrong_content_type(daemon):
    status, answer, _ = daemon.request("POST", "/containers/create", b"{}", {"Content-Type": "text/plain"})
    assert status in (400, 415)


def test_body_beyond_the_limit(daemon):
    status, answer, _ = daemon.request("POST", "/containers/create", b'{"Image":"' + b"x" * 20_000_000 + b'"}',
                                       {"Content-Type": "application/json"})
    assert status in (400, 413)


def test_version_negotiation(daemon):
    assert daemon.api("GET", "/v1.24/version")[0] == 200
    status, answer = daemon.api("GET", "/v1.10/version")
    assert status == 400 and "too old" in answer["message"]
    status, answer = daemon.api("GET", "/v1.99/version")
    assert status == 400 and "too new" in answer["message"]


def test_unknown_page(daemon):
    status, answer = daemon.api("GET", "/no/such/page")
    assert (status, answer["message"]) == (404, "page not found")


def test_what_is_not_built_is_named(daemon, busybox):
    status, answer = create(daemon, HostConfig={"VolumeDriver": "rexray", "Isolation": "hyperv"})
    assert status in (400, 501) and answer["message"]
    status, answer = create(daemon, HostConfig={"NoSuchField": 1})
    assert status in (201, 400, 501)


def layer_archive(broken):
    """A docker-archive with one layer that is damaged in the way named."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as writer:
        entry = tarfile.TarInfo("file")
        entry.size = 100_000
        writer.addfile(entry, io.BytesIO(b"a" * 100_000))
    layer = tar.getvalue()
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    if broken == "truncated":
        layer = layer[:50_000]
    elif broken == "digest":
        digest = "sha256:" + "0" * 64
    elif broken == "gzip":
        layer = gzip.compress(layer)[:100]
    configuration = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest]}})
    name = hashlib.sha256(configuration.encode()).hexdigest() + ".json"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as writer:
        for path, content in [(name, configuration.encode()), ("l/layer.tar", layer),
                              ("manifest.json", json.dumps([{"Config": name, "RepoTags": [f"broken:{broken}"], "Layers": ["l/layer.tar"]}]).encode())]:
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            writer.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("broken", ["truncated", "digest", "gzip"])
def test_damaged_layer_in_load(daemon, broken):
    before = sorted(p.name for p in (daemon.data / "snapshots").iterdir())
    result = daemon.client().run("load", stdin=layer_archive(broken), text=False)
    assert result.returncode == 1 and result.stderr, result.stdout
    assert daemon.client().run("inspect", "--type", "image", f"broken:{broken}").returncode == 1
    assert sorted(p.name for p in (daemon.data / "snapshots").iterdir()) == before


def test_hostile_names_stay_inside(daemon, tmp_path):
    """Members that climb out are refused or land inside; nothing outside the snapshot changes."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as writer:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        writer.addfile(link)
        for name in ("out/victim", "../../../../../../../.." + str(victim), str(victim)):
            entry = tarfile.TarInfo(name)
            entry.size = 5
            writer.addfile(entry, io.BytesIO(b"owned"))
    client = daemon.client()
    client.run("import", "-", "hostile:v1", stdin=tar.getvalue(), text=False)
    assert victim.read_text() == "untouched"
    client.run("rmi", "hostile:v1")


class WrongRegistry(http.server.BaseHTTPRequestHandler):
    """Answers with a layer that is not what its digest says, or half of it."""

    half = False

    def do_GET(self):
        layer = gzip.compress(b"\0" * 1024)
        digest = "sha256:" + ("1" * 64 if not self.half else hashlib.sha256(layer).hexdigest())
        configuration = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "2" * 64]}}).encode()
        configuration_digest = "sha256:" + hashlib.sha256(configuration).hexdigest()
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        if "/manifests/" in self.path:
            body = json.dumps({"schemaVersion": 2, "mediaType": kind,
                               "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(configuration), "digest": configuration_digest},
                               "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest}]}).encode()
        elif configuration_digest in self.path:
            body, kind = configuration, "application/octet-stream"
        elif "/blobs/" in self.path:
            body, kind = (layer[:10] if self.half else layer), "application/octet-stream"
        else:
            body, kind = b"{}", "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(layer) if body == layer[:10] else len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("half", [False, True])
def test_wrong_digest_and_truncated_blob_in_pull(daemon, half):
    handler = type("Handler", (WrongRegistry,), {"half": half})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = daemon.client().run("pull", f"127.0.0.1:{server.server_port}/bad/image:{half}", timeout=120)
        assert result.returncode == 1 and result.stderr
        assert daemon.client().ok("images", "-q", f"127.0.0.1:{server.server_port}/bad/image") == ""
    finally:
        server.shutdown()


def test_disk_full(own_daemon, registry, tmp_path):
    """A data root of 24 MB: pulls and writes fail clearly, what was there stays, the daemon answers."""
    image, mounted = tmp_path / "disk", pathlib.Path("/var/tmp") / f"apus-full-{free_port()}"
    subprocess.run(["truncate", "-s", "24M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    mounted.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mounted], check=True)
    try:
        daemon = own_daemon("--data-root", str(mounted / "d"))
        client = daemon.client()
        result = client.run("pull", f"127.0.0.1:{registry.port}/debian:bookworm", timeout=180)
        assert result.returncode == 1 and "no space left" in result.stderr.lower(), result.stderr
        assert daemon.api("GET", "/version")[0] == 200
        client.ok("pull", f"127.0.0.1:{registry.port}/busybox:latest", timeout=180)
        name = f"127.0.0.1:{registry.port}/busybox"
        client.ok("run", "-d", "--name", "filler", name, "sleep", "1000")
        filled = client.run("exec", "filler", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=100")
        assert filled.returncode == 1 and "No space left" in filled.stderr
        client.ok("rm", "-f", "filler")
        assert client.run("run", "--rm", name, "true").returncode == 0
        assert daemon.destroy() == []
    finally:
        subprocess.run(["umount", "-l", mounted])
        mounted.rmdir()
