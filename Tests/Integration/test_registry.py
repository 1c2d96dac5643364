# SPDX-License-Identifier: Apache-2.0
"""apus-registry: other people's clients, restarts, garbage collection, users, TLS, a cache of another registry."""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import pytest

from conftest import IMAGES, PROGRAMS
from harness import wait_until
from registry import OCI_INDEX, OCI_MANIFEST, ApusRegistry, bcrypt, certificates, digest


@pytest.fixture
def make_hub(tmp_path):
    hubs = []

    def make(*flags, root=None, **options):
        hubs.append(ApusRegistry(PROGRAMS, root or tmp_path / f"hub{len(hubs)}", *flags, **options))
        return hubs[-1].start()

    yield make
    for hub in hubs:
        hub.stop()
        hub.verified()


@pytest.fixture
def hub(make_hub):
    return make_hub()


@pytest.fixture
def users(tmp_path):
    """Flags for a registry with alice, bob and rights."""
    (tmp_path / "users").write_text(f"alice:{bcrypt('wonder')}\nbob:{bcrypt('builder')}\n")
    (tmp_path / "rights").write_text(json.dumps({
        "alice": {"**": ["pull", "push", "delete"]}, "@users": {"public/**": ["pull"]}, "@anonymous": {"open/*": ["pull"]}}))
    return ["--htpasswd", tmp_path / "users", "--rights", tmp_path / "rights"]


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def image(hub, name, tag="latest", data=b"layer", headers=None):
    config = hub.push_blob(name, b'{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}', headers)
    layer = hub.push_blob(name, data, headers)
    return hub.push_manifest(name, tag, config, [layer]), config, layer


# Other people's clients.

def test_clients_push_and_pull(hub, daemon, busybox, client):
    name = f"{hub.host}/team/{client.name}:v1"
    client.ok("tag", busybox, name)
    identity = client.ok("image", "inspect", "--format", "{{.Id}}", name)
    client.ok("push", name)
    assert hub.json(f"/v2/team/{client.name}/tags/list") == {"name": f"team/{client.name}", "tags": ["v1"]}
    # All layers are there already.
    client.ok("push", name)
    client.ok("tag", busybox, f"{hub.host}/other/{client.name}:v1")
    client.ok("push", f"{hub.host}/other/{client.name}:v1")
    pushed = hub.expect(200, "HEAD", f"/v2/team/{client.name}/manifests/v1", headers={"Accept": OCI_MANIFEST})[0]["Docker-Content-Digest"]
    client.ok("rmi", name, f"{hub.host}/other/{client.name}:v1")
    client.ok("pull", name)
    client.ok("pull", f"{hub.host}/team/{client.name}@{pushed}")
    assert client.ok("image", "inspect", "--format", "{{.Id}}", name) == identity
    assert client.ok("run", "--rm", name, "echo", "from the hub") == "from the hub"
    client.ok("rmi", "-f", name)


def test_stock_client_logs_in(make_hub, users, daemon, busybox):
    if shutil.which("docker") is None:
        pytest.skip("no docker client on this machine")
    hub, client = make_hub(*users), daemon.client("docker")
    wrong = client.run("login", "-u", "alice", "--password-stdin", hub.host, stdin="wrong")
    assert wrong.returncode != 0 and "incorrect username or password" in wrong.stderr
    name = f"{hub.host}/private/app:1"
    client.ok("tag", busybox, name)
    refused = client.run("push", name)
    assert refused.returncode != 0, refused.stdout
    client.ok("login", "-u", "bob", "--password-stdin", hub.host, stdin="builder")
    refused = client.run("push", name)
    assert refused.returncode != 0 and "denied" in refused.stderr, refused.stderr
    client.ok("login", "-u", "alice", "--password-stdin", hub.host, stdin="wonder")
    client.ok("push", name)
    client.ok("rmi", name)
    client.ok("pull", name)
    client.ok("logout", hub.host)
    client.ok("rmi", name)
    assert client.run("pull", name).returncode != 0


@pytest.mark.parametrize("tool", ["skopeo", "podman"])
def test_tools_copy_both_ways(hub, tmp_path, request, tool):
    """The digest that comes back is the one that went in."""
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} on this machine")
    if not (IMAGES / "busybox").exists():
        pytest.skip(f"no test images in {IMAGES}")
    remote = f"docker://{hub.host}/copied/busybox:1"

    def run(*words):
        result = subprocess.run([tool, *map(str, words)], capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        return result.stdout

    if tool == "skopeo":
        run("copy", "--dest-tls-verify=false", f"oci:{IMAGES}/busybox", remote)
        run("copy", "--src-tls-verify=false", remote, f"oci:{tmp_path}/back:1")
        sent = json.loads((IMAGES / "busybox/index.json").read_text())["manifests"][0]["digest"]
        assert json.loads((tmp_path / "back/index.json").read_text())["manifests"][0]["digest"] == sent
        assert json.loads(run("list-tags", "--tls-verify=false", f"docker://{hub.host}/copied/busybox"))["Tags"] == ["1"]
        run("delete", "--tls-verify=false", remote)
        assert hub.call("GET", "/v2/copied/busybox/manifests/1")[0] == 404
    else:
        # Podman takes no run folder with more than 50 characters.
        short = pathlib.Path(tempfile.mkdtemp(prefix="apus-", dir="/tmp"))
        request.addfinalizer(lambda: shutil.rmtree(short))
        store = ["--root", tmp_path / "store", "--runroot", short / "run", "--storage-driver", "vfs"]
        # Podman makes a name of the path.
        shutil.copytree(IMAGES / "busybox", tmp_path / "busybox")
        run(*store, "pull", "-q", f"oci:{tmp_path}/busybox")
        identity = run(*store, "images", "-q", "--no-trunc").split()[0]
        run(*store, "push", "-q", "--tls-verify=false", identity, remote)
        run(*store, "rmi", "-f", identity)
        run(*store, "pull", "-q", "--tls-verify=false", remote)
        assert run(*store, "images", "-q", "--no-trunc").split()[0] == identity
        # The layers podman keeps belong to several users.
        run(*store, "rmi", "-a", "-f")


def test_client_program_runs_it(tmp_path, daemon):
    """`apus registry …` is the program beside it."""
    client = daemon.client("apus")
    assert client.ok("registry", "version").startswith("apus-registry version")
    assert "garbage-collect" in client.ok("registry", "help")
    assert client.run("registry", "serve").returncode == 1
    hub = ApusRegistry(PROGRAMS, tmp_path / "hub")
    process = client.start("registry", "serve", "--root", hub.root, "--listen", hub.host)
    hub.process = process
    wait_until(hub.answers, "the registry answers")
    hub.stop()


# Restarts.

def test_an_upload_survives_a_kill(hub):
    data = os.urandom(5 << 20)
    location = hub.expect(202, "POST", "/v2/a/b/blobs/uploads/")[0]["Location"]
    half = len(data) // 2
    hub.expect(202, "PATCH", location, data[:half], {"Content-Range": f"0-{half - 1}"})
    hub.kill()
    hub.start()
    fields, _ = hub.expect(204, "GET", location)
    assert fields["Range"] == f"0-{half - 1}"
    out_of_order = hub.expect(416, "PATCH", location, data[:10], {"Content-Range": "0-9"})[0]
    assert out_of_order["Range"] == f"0-{half - 1}"
    hub.expect(202, "PATCH", location, data[half:], {"Content-Range": f"{half}-{len(data) - 1}"})
    hub.expect(201, "PUT", f"{location}?digest={digest(data)}")
    assert hub.expect(200, "GET", f"/v2/a/b/blobs/{digest(data)}")[1] == data


def test_kills_at_any_point_leave_a_good_folder(hub):
    """Pushes from several clients, and kill -9 at moments that have nothing to do with them."""
    stop = threading.Event()
    acknowledged, failures = {}, []

    def push(number):
        count = 0
        while not stop.is_set():
            count += 1
            name, data = f"kill/n{number}", os.urandom(300_000) + bytes([number])
            try:
                manifest, _, layer = image(hub, name, f"t{count}", data)
                acknowledged[(name, f"t{count}")] = (manifest["digest"], layer["digest"])
            except AssertionError as error:
                failures.append(error)
            except Exception:
                # The registry was killed meanwhile: nothing was promised.
                pass

    threads = [threading.Thread(target=push, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(12):
            seen = len(acknowledged)
            wait_until(lambda: len(acknowledged) > seen or failures, "a push ends well")
            hub.kill()
            hub.verified()
            hub.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]
    assert len(acknowledged) >= 12
    for (name, tag), (manifest, layer) in acknowledged.items():
        assert hub.expect(200, "HEAD", f"/v2/{name}/manifests/{tag}")[0]["Docker-Content-Digest"] == manifest
        hub.expect(200, "HEAD", f"/v2/{name}/blobs/{layer}")


# Garbage collection.

def test_collection_while_pushing(hub):
    """Without any time of grace only the store's own order protects a push; with it, nothing that was promised goes."""
    stop, problems = threading.Event(), []

    def collect():
        while not stop.is_set():
            result = hub.tool("garbage-collect", "--root", hub.root, "--gc-grace", "2s", "--delete-untagged")
            if result.returncode != 0:
                problems.append(result.stdout + result.stderr)
                return

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for round_ in range(60):
            # The same layer again and again: named, forgotten, collected, uploaded anew.
            manifest, _, _ = image(hub, f"gc/{round_ % 3}", "latest", b"the same layer")
            hub.expect(202, "DELETE", f"/v2/gc/{round_ % 3}/manifests/{manifest['digest']}")
            image(hub, "gc/kept", f"t{round_}", os.urandom(1000))
    finally:
        stop.set()
        thread.join()
    assert not problems, problems[0]
    assert len(hub.json("/v2/gc/kept/tags/list")["tags"]) == 60
    hub.verified()


def test_collection_empties_the_store(hub):
    manifest, _, _ = image(hub, "gone/app", data=os.urandom(1 << 20))
    location = hub.expect(202, "POST", "/v2/gone/app/blobs/uploads/")[0]["Location"]
    result = hub.tool("garbage-collect", "--root", hub.root, "--gc-grace", "0s")
    assert result.returncode == 0, result.stderr
    hub.expect(200, "GET", "/v2/gone/app/manifests/latest")
    hub.expect(204, "GET", location)
    hub.expect(202, "DELETE", f"/v2/gone/app/manifests/{manifest['digest']}")
    result = hub.tool("garbage-collect", "--root", hub.root, "--gc-grace", "0s", "--upload-expiry", "0s")
    assert result.returncode == 0 and "1 uploads" in result.stdout, result.stdout
    hub.expect(404, "GET", location)
    left = [path for folder in ("blobs", "repositories", "uploads", "tmp") for path in (hub.root / folder).rglob("*") if path.is_file()]
    assert left == []
    assert hub.json("/v2/_catalog") == {"repositories": []}


# The protocol where the conformance suite does not look.

def test_pages_ranges_and_tags(hub):
    manifest, config, layer = image(hub, "lists/app", "t0", b"0123456789")
    for number in range(1, 7):
        hub.push_manifest("lists/app", f"t{number}", config, [layer])
    first, body = hub.expect(200, "GET", "/v2/lists/app/tags/list?n=3")
    assert json.loads(body)["tags"] == ["t0", "t1", "t2"]
    following = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', first["Link"]).group(1)
    second, body = hub.expect(200, "GET", following)
    assert json.loads(body)["tags"] == ["t3", "t4", "t5"] and second["Link"]
    assert hub.json("/v2/lists/app/tags/list?n=0")["tags"] == []
    assert hub.json("/v2/lists/app/tags/list?last=t5")["tags"] == ["t6"]
    for bad in ("x", "-1", "%2B1"):
        assert json.loads(hub.expect(400, "GET", f"/v2/lists/app/tags/list?n={bad}")[1])["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"
    path = f"/v2/lists/app/blobs/{layer['digest']}"
    fields, body = hub.expect(206, "GET", path, headers={"Range": "bytes=2-4"})
    assert body == b"234" and fields["Content-Range"] == "bytes 2-4/10"
    assert hub.expect(206, "GET", path, headers={"Range": "bytes=-3"})[1] == b"789"
    assert hub.expect(416, "GET", path, headers={"Range": "bytes=10-"})[0]["Content-Range"] == "bytes */10"
    assert hub.expect(304, "GET", path, headers={"If-None-Match": f'"{layer["digest"]}"'})[1] == b""
    assert hub.expect(200, "HEAD", path)[0]["Content-Length"] == "10"
    # A tag and its manifest are two things.
    hub.expect(202, "DELETE", "/v2/lists/app/manifests/t0")
    hub.expect(404, "GET", "/v2/lists/app/manifests/t0")
    hub.expect(200, "GET", f"/v2/lists/app/manifests/{manifest['digest']}")


def test_what_is_no_manifest_is_refused(hub):
    _, config, layer = image(hub, "bad/app")
    good = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}

    def put(document, kind=OCI_MANIFEST, tag="x"):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        status, _, body = hub.call("PUT", f"/v2/bad/app/manifests/{tag}", data, {"Content-Type": kind})
        return status, json.loads(body)["errors"][0]["code"] if body else None

    missing = {**layer, "digest": digest(b"missing")}
    assert put({**good, "layers": [missing]}) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert put({**good, "layers": [{**layer, "size": layer["size"] + 1}]}) == (400, "SIZE_INVALID")
    assert put({**good, "manifests": []}) == (400, "MANIFEST_INVALID")
    assert put({**good, "schemaVersion": 1}) == (400, "MANIFEST_INVALID")
    assert put(good, OCI_INDEX) == (400, "MANIFEST_INVALID")
    assert put({**good, "mediaType": "text/html"}, "text/html") == (400, "MANIFEST_INVALID")
    assert put(b"[" * 100_000) == (400, "MANIFEST_INVALID")
    assert put(b"{") == (400, "MANIFEST_INVALID")
    assert put(b" " * ((4 << 20) + 1)) == (413, "MANIFEST_INVALID")
    assert put(good, tag=digest(b"other")) == (400, "DIGEST_INVALID")
    assert put(good, tag=".x") == (400, "TAG_INVALID")
    assert hub.json("/v2/bad/app/tags/list")["tags"] == ["latest"]
    for path in ("/v2/BAD/manifests/x", "/v2/a/../b/tags/list", "/v2/a/%2e%2e/%2e%2e/tags/list", "/v2/a%2fb/tags/list", "/v2/_x/tags/list"):
        assert hub.call("GET", path)[0] == 400, path
    assert hub.call("GET", "/v2/a/blobs/sha256:../../x")[0] in (400, 404)


def test_memory_stays_bounded(hub):
    """300 MB in and out, streamed and in one piece."""
    size = 300 << 20
    block = os.urandom(1 << 20)

    def stream():
        for _ in range(size >> 20):
            yield block

    import hashlib
    whole = hashlib.sha256()
    for piece in stream():
        whole.update(piece)
    name = f"sha256:{whole.hexdigest()}"
    connection = hub.connection()
    location = hub.expect(202, "POST", "/v2/big/app/blobs/uploads/")[0]["Location"]
    connection.request("PATCH", location, body=stream(), headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 202, answer.read()
    answer.read()
    hub.expect(201, "PUT", f"{location}?digest={name}")
    connection.request("GET", f"/v2/big/app/blobs/{name}")
    answer = connection.getresponse()
    left = size
    while piece := answer.read(1 << 20):
        left -= len(piece)
    connection.close()
    assert left == 0
    assert hub.memory() < 150, hub.memory()


def test_pages_for_people(hub):
    hostile = "<script>alert(1)</script>\"'&"
    _, config, layer = image(hub, "web/app", "one")
    hub.push_manifest("web/app", "latest", config, [layer], annotations={"org.opencontainers.image.description": hostile})
    for path in ("/", "/?repository=web/app", "/?repository=web/app&reference=latest"):
        fields, body = hub.expect(200, "GET", path)
        assert fields["Content-Security-Policy"].startswith("default-src 'none'") and fields["X-Content-Type-Options"] == "nosniff"
        assert b"<script" not in body and b"web/app" in body
    assert b"&lt;script&gt;" in hub.expect(200, "GET", "/")[1]
    page = hub.expect(200, "GET", "/?repository=web/app&reference=latest")[1]
    assert layer["digest"].encode() in page and config["digest"].encode() in page
    hub.expect(404, "GET", "/?repository=none")
    hub.expect(404, "GET", "/?repository=%3Cscript%3E")
    hub.expect(200, "GET", "/style.css")


def test_search(hub):
    image(hub, "library/nginx")
    image(hub, "team/nginx-extra")
    image(hub, "team/other")
    (hub.root / "about.json").write_text(json.dumps(
        {"library/nginx": {"description": "A web server", "stars": 7, "official": True}}))
    assert hub.expect(200, "GET", "/v1/_ping")[1] == b"true"
    found = hub.json("/v1/search?q=nginx&n=25")
    assert [(r["name"], r["star_count"], r["is_official"], r["description"]) for r in found["results"]] == [
        ("library/nginx", 7, True, "A web server"), ("team/nginx-extra", 0, False, "")]
    assert found["num_results"] == 2
    assert [r["name"] for r in hub.json("/v1/search?q=web")["results"]] == ["library/nginx"]
    assert len(hub.json("/v1/search?q=&n=2")["results"]) == 2 and hub.json("/v1/search?q=&n=2")["num_pages"] == 2
    hub.expect(400, "GET", "/v1/search?q=&n=0")


# Users.

def token(hub, user, scope):
    fields = basic(*user) if user else {}
    return json.loads(hub.expect(200, "GET", f"/token?service=apus-registry&scope={scope}", headers=fields)[1])["token"]


def test_challenges_and_rights(make_hub, users):
    hub = make_hub(*users)
    alice, bob = ("alice", "wonder"), ("bob", "builder")
    for name in ("private/app", "public/app", "open/app"):
        config = hub.push_blob(name, b"{}", basic(*alice))
        document = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}).encode()
        hub.expect(201, "PUT", f"/v2/{name}/manifests/1", document, {"Content-Type": OCI_MANIFEST, **basic(*alice)})
    fields, body = hub.expect(401, "GET", "/v2/private/app/manifests/1")
    assert json.loads(body)["errors"][0]["code"] == "UNAUTHORIZED"
    assert fields["WWW-Authenticate"] == (
        f'Bearer realm="http://{hub.host}/token",service="apus-registry",scope="repository:private/app:pull"')
    hub.expect(401, "GET", "/v2/")
    hub.expect(401, "GET", "/v2/", headers=basic("alice", "wrong"))
    hub.expect(401, "GET", "/v2/", headers=basic("nobody", "wonder"))
    hub.expect(401, "GET", "/v2/", headers={"Authorization": "Bearer x.y.z"})
    hub.expect(401, "GET", "/token", headers=basic("alice", "wrong"))
    hub.expect(200, "GET", "/v2/", headers=basic(*alice))

    def status(method, name, reference="1", **headers):
        return hub.call(method, f"/v2/{name}/manifests/{reference}", headers=headers)[0]

    assert status("GET", "open/app") == 200
    assert status("GET", "public/app") == 401
    assert status("GET", "public/app", **basic(*bob)) == 200
    assert status("GET", "private/app", **basic(*bob)) == 403
    assert status("DELETE", "public/app", **basic(*bob)) == 403
    # A token gives what was asked for and allowed, and no more.
    carried = {"Authorization": "Bearer " + token(hub, bob, "repository:public/app:pull,push,delete")}
    assert status("GET", "public/app", **carried) == 200
    assert status("DELETE", "public/app", **carried) == 403
    narrow = {"Authorization": "Bearer " + token(hub, alice, "repository:public/app:pull")}
    assert status("GET", "public/app", **narrow) == 200
    assert status("GET", "private/app", **narrow) == 401
    nobody = {"Authorization": "Bearer " + token(hub, None, "repository:open/app:pull+repository:private/app:pull")}
    assert status("GET", "open/app", **nobody) == 200 and status("GET", "private/app", **nobody) == 401
    # Lists show what can be pulled; mounting is no way around.
    seen = json.loads(hub.expect(200, "GET", "/v2/_catalog", headers=basic(*bob))[1])["repositories"]
    assert seen == ["open/app", "public/app"] or seen == ["public/app"]
    assert "private/app" not in hub.expect(200, "GET", "/v1/search?q=app", headers=basic(*bob))[1].decode()
    form = f"grant_type=password&username=alice&password=wonder&service=x&scope=repository:private/app:pull".encode()
    granted = json.loads(hub.expect(200, "POST", "/token", form, {"Content-Type": "application/x-www-form-urlencoded"})[1])
    assert status("GET", "private/app", Authorization="Bearer " + granted["access_token"]) == 200
    # Tokens outlive a restart; a user taken out of the file is out at once for his password.
    hub.stop()
    hub.start()
    assert status("GET", "public/app", **carried) == 200
    path = pathlib.Path(users[1])
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("bob")))
    assert status("GET", "public/app", **basic(*bob)) == 401


def test_mounting_needs_the_right_to_pull(make_hub, users, tmp_path):
    rights = json.loads((tmp_path / "rights").read_text())
    rights["bob"] = {"bob/*": ["pull", "push"]}
    (tmp_path / "rights").write_text(json.dumps(rights))
    hub = make_hub(*users)
    secret = hub.push_blob("private/app", b"secret", basic("alice", "wonder"))["digest"]
    for query in (f"mount={secret}&from=private/app", f"mount={secret}"):
        hub.expect(202, "POST", f"/v2/bob/app/blobs/uploads/?{query}", headers=basic("bob", "builder"))
        hub.expect(201, "POST", f"/v2/private/second/blobs/uploads/?{query}", headers=basic("alice", "wonder"))
    hub.expect(404, "GET", f"/v2/bob/app/blobs/{secret}", headers=basic("bob", "builder"))


@pytest.mark.parametrize("line", ["alice:plain", "alice:$apr1$x$y", ":$2y$05$" + "a" * 53, "@users:$2y$05$" + "a" * 53])
def test_bad_password_files_are_refused(tmp_path, line):
    (tmp_path / "users").write_text(line + "\n")
    result = ApusRegistry(PROGRAMS, tmp_path / "hub").tool(
        "serve", "--root", tmp_path / "hub", "--listen", "127.0.0.1:0", "--htpasswd", tmp_path / "users")
    assert result.returncode == 1 and f"{tmp_path}/users:1:" in result.stderr


def test_tls(make_hub, tmp_path):
    certificate, key = certificates(tmp_path)
    hub = make_hub("--tls-cert", certificate, "--tls-key", key, tls=certificate)
    image(hub, "safe/app")
    assert hub.json("/v2/_catalog") == {"repositories": ["safe/app"]}
    result = hub.tool("serve", "--root", tmp_path / "x", "--tls-cert", certificate)
    assert result.returncode == 1 and "belong together" in result.stderr


# A cache of another registry.

def test_proxy(make_hub, users, tmp_path):
    behind = make_hub(*users)
    alice = basic("alice", "wonder")
    data = os.urandom(3 << 20)
    config, layer = behind.push_blob("team/app", b"{}", alice), behind.push_blob("team/app", data, alice)
    document = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}).encode()

    def tag(body):
        behind.expect(201, "PUT", "/v2/team/app/manifests/1", body, {"Content-Type": OCI_MANIFEST, **alice})

    tag(document)
    (tmp_path / "password").write_text("wonder\n")
    cache = make_hub("--proxy", f"http://{behind.host}", "--proxy-user", "alice", "--proxy-password-file", tmp_path / "password")
    path = f"/v2/team/app/blobs/{layer['digest']}"
    assert cache.expect(200, "GET", "/v2/team/app/manifests/1")[1] == document
    assert cache.expect(200, "HEAD", path)[0]["Content-Length"] == str(len(data))
    # Many at once make one fetch.
    bodies = []
    threads = [threading.Thread(target=lambda: bodies.append(cache.expect(200, "GET", path)[1])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [data] * 6
    assert cache.json("/v2/team/app/tags/list")["tags"] == ["1"]
    cache.expect(200, "GET", f"/v2/team/app/blobs/{config['digest']}")
    cache.expect(404, "GET", "/v2/team/none/manifests/1")
    cache.expect(405, "POST", "/v2/team/app/blobs/uploads/")
    # A tag that moves there moves here.
    other = document.replace(b'"layers"', b'"annotations": {"a": "b"}, "layers"')
    tag(other)
    assert cache.expect(200, "GET", "/v2/team/app/manifests/1")[1] == other
    behind.stop()
    fields, body = cache.expect(200, "GET", "/v2/team/app/manifests/1")
    assert body == other and fields["Warning"].startswith("110")
    assert cache.expect(200, "GET", path)[1] == data
    cache.expect(502, "GET", "/v2/team/app/manifests/2")
    cache.expect(502, "GET", f"/v2/team/app/blobs/{digest(b'unknown')}")
    behind.start()
    assert cache.expect(200, "GET", "/v2/team/app/manifests/1")[0]["Warning"] is None


def test_proxy_verifies(make_hub):
    """Damage behind is not passed on whole, and not kept."""
    behind = make_hub()
    _, _, layer = image(behind, "team/app", data=os.urandom(1 << 20))
    hexadecimal = layer["digest"].split(":")[1]
    content = behind.root / "blobs/sha256" / hexadecimal[:2] / hexadecimal
    good = content.read_bytes()
    content.write_bytes(b"x" * len(good))
    cache = make_hub("--proxy", f"http://{behind.host}")
    path = f"/v2/team/app/blobs/{layer['digest']}"
    with pytest.raises(Exception):
        cache.call("GET", path)
    assert not list((cache.root / "tmp").iterdir())
    content.write_bytes(good)
    assert cache.expect(200, "GET", path)[1] == good


def test_metrics_count(hub):
    image(hub, "m/app", data=b"12345")
    text = hub.expect(200, "GET", "/metrics")[1].decode()
    assert 'apus_registry_requests_total{method="POST"} 2' in text
    hub.expect(404, "GET", "/v2/none/manifests/x")
    assert 'apus_registry_refusals_total{status="404"} 1' in hub.expect(200, "GET", "/metrics")[1].decode()
