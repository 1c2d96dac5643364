# SPDX-License-Identifier: Apache-2.0
"""Images, names, sockets and terminals made to reach the host's files, and containers that want all of its room."""
import hashlib
import io
import json
import os
import pathlib
import pty
import signal
import socket
import stat
import subprocess
import tarfile
import termios
import time
import uuid

import pytest

from conftest import IMAGES
from harness import wait_until
from hostile import Layer, apus, archive, busybox_layer, busybox_program, load, name, place, sh  # noqa: F401

SECRET = "host-secret\n"


@pytest.fixture
def target(place):
    """A folder of the host that must stay as it is, whatever happens."""
    folder = place / f"t-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o750)
    (folder / "secret").write_text(SECRET)
    (folder / "below").mkdir()

    def facts():
        found = {}
        for path in (folder, *sorted(folder.rglob("*"))):
            info = path.lstat()
            found[str(path)] = (info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_size, info.st_mtime_ns)
        return found
    before = facts()
    yield folder
    assert facts() == before
    assert (folder / "secret").read_text() == SECRET


def climb(path):
    return "../" * 16 + str(path).lstrip("/")


HOSTILE = {
    "dots": lambda t: [Layer().file(f"{climb(t)}/loot", "x")],
    "dots below": lambda t: [Layer().folder("a").file(f"a/../{climb(t)}/loot", "x")],
    "absolute": lambda t: [Layer().file(f"{t}/loot", "x").file(f"{t}/secret", "replaced")],
    "through a link": lambda t: [Layer().link("d", str(t)).file("d/loot", "x").file("d/secret", "replaced")],
    "through dots in a link": lambda t: [Layer().link("d", climb(t)).file("d/loot", "x").folder("d/below/more")],
    "link of another layer": lambda t: [Layer().link("d", str(t)), Layer().file("d/loot", "x").folder("d/new")],
    "folder becomes a link": lambda t: [Layer().folder("d").file("d/f"), Layer().link("d", str(t)).file("d/loot", "x")],
    "a link's mode": lambda t: [Layer().link("d", str(t)).folder("d", mode=0o777, uid=7, gid=7)],
    "hard link by dots": lambda t: [Layer().hard("h", f"{climb(t)}/secret").file("h", "replaced")],
    "hard link by name": lambda t: [Layer().hard("h", f"{t}/secret")],
    "hard link through a link": lambda t: [Layer().link("d", str(t)).hard("h", "d/secret")],
    "hard link to a link": lambda t: [Layer().link("l", f"{t}/secret").hard("h", "l").file("h", "replaced")],
    "write through a hard link": lambda t: [Layer().link("l", f"{t}/secret").hard("h", "l").file("l", "replaced")],
    "hard link into a link": lambda t: [Layer().file("f", "x").link("d", str(t)).hard("d/loot", "f")],
    "whiteout through a link": lambda t: [Layer().link("d", str(t)), Layer().file("d/.wh.secret")],
    "whiteout by dots": lambda t: [Layer().file("x"), Layer().file(f"{climb(t)}/.wh.secret")],
    "whiteout of the parent": lambda t: [Layer().file("x"), Layer().file(".wh...").file(".wh..").file(".wh.")],
    "opaque through a link": lambda t: [Layer().link("d", str(t)), Layer().file("d/.wh..wh..opq")],
    "node through a link": lambda t: [Layer().link("d", str(t)).device("d/node", "c", 1, 3).fifo("d/fifo").link("d/l", "/")],
    "the root itself": lambda t: [Layer().link(".", str(t)).link("", str(t)).link("/", str(t)).file("..", "x")],
    "long chain": lambda t: [Layer().link("a", "b").link("b", "c").link("c", climb(t)).file("a/loot", "x")],
}


@pytest.mark.parametrize("trick", HOSTILE)
@pytest.mark.parametrize("way", ["load", "import"])
def test_hostile_layers(apus, target, trick, way):
    """A layer is unpacked below its own folder, or refused."""
    layers = [layer.bytes() for layer in HOSTILE[trick](target)]
    tag = f"esc-{uuid.uuid4().hex[:12]}:latest"
    try:
        if way == "load":
            result = apus.run("load", stdin=archive(tag, [busybox_layer(IMAGES), *layers]), text=False)
        elif len(layers) > 1:
            pytest.skip("one layer only")
        else:
            merged = io.BytesIO()
            with tarfile.open(fileobj=merged, mode="w") as out:
                for data in (busybox_layer(IMAGES), layers[0]):
                    with tarfile.open(fileobj=io.BytesIO(data)) as part:
                        for member in part:
                            out.addfile(member, part.extractfile(member) if member.isreg() else None)
            result = apus.run("import", "-", tag, stdin=merged.getvalue(), text=False)
        if result.returncode == 0:
            shown = sh(apus, f"cat /h /l /d/secret {target}/secret /d/loot 2>/dev/null; true", image=tag)
            assert SECRET.strip() not in shown
    finally:
        apus.run("rmi", "-f", tag)


def test_attributes_of_overlayfs_are_not_the_image_s(apus, daemon, load, target):
    """`trusted.overlay.redirect` in a layer would let it show folders that it has not."""
    layer = Layer()
    member = tarfile.TarInfo("jump")
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    member.pax_headers = {f"SCHILY.xattr.{kind}.overlay.{key}": value for kind in ("trusted", "user")
                          for key, value in (("redirect", str(target)), ("metacopy", ""), ("origin", "x"), ("opaque", "y"))}
    layer.tar.addfile(member)
    load(layer)
    found = []
    for folder, names, files in os.walk(daemon.data):
        for entry in (*names, *files):
            path = os.path.join(folder, entry)
            found += [(path, key) for key in os.listxattr(path, follow_symlinks=False) if ".overlay." in key]
    assert [entry for entry in found if entry[1].rsplit(".", 1)[1] != "opaque"] == []


def test_hostile_archives(apus, target):
    """What `load` takes out of an archive is in the archive."""
    tag = f"esc-{uuid.uuid4().hex[:12]}:latest"
    layer = busybox_layer(IMAGES)
    stolen = Layer().file("stolen", "x").bytes()
    (target.parent / "stolen.tar").write_bytes(stolen)  # a layer's tar on the host that a link of the archive names
    outside = target.parent / "stolen.tar"
    for names, extra in (
            ([climb(outside)], ()), ([str(outside)], ()), (["link"], [("link", tarfile.SYMTYPE, str(outside))]),
            (["link"], [("link", tarfile.SYMTYPE, climb(outside))]), (["link"], [("link", tarfile.LNKTYPE, climb(outside))]),
            (["d/stolen.tar"], [("d", tarfile.SYMTYPE, str(target.parent))]),
            (["fifo"], [("fifo", tarfile.FIFOTYPE, "")]), (["/dev/zero"], ()), (["../manifest.json"], ())):
        data = archive(tag, [stolen], names=names, extra=extra)
        result = apus.run("load", stdin=data, text=False, timeout=20)
        assert result.returncode != 0, (names, extra, result)
    # Members that would be written elsewhere.
    for extra in ([(f"{climb(target)}/loot", tarfile.REGTYPE, "")], [(f"{target}/loot", tarfile.REGTYPE, "")],
                  [("d", tarfile.SYMTYPE, str(target)), ("d/loot", tarfile.REGTYPE, ""), ("d", tarfile.DIRTYPE, "")]):
        apus.run("load", stdin=archive(tag, [layer], extra=extra), text=False)
    # A layout whose digests are paths.
    for digest in ("sha256:" + climb(outside), "../../../x:abc", "sha256:" + "a" * 63 + "/", "sha256:" + "A" * 64):
        index = {"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
                                                    "digest": digest, "size": 10}]}
        layout = Layer().file("oci-layout", '{"imageLayoutVersion":"1.0.0"}').file("index.json", json.dumps(index))
        assert apus.run("load", stdin=layout.bytes(), text=False).returncode != 0
    # One whose blob is a link to a file of the host with the right content.
    digest = hashlib.sha256(stolen).hexdigest()
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": f"sha256:{digest}", "size": len(stolen), "mediaType":
                           "application/vnd.oci.image.config.v1+json"}, "layers": []}).encode()
    own = hashlib.sha256(manifest).hexdigest()
    index = {"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
                                                "digest": f"sha256:{own}", "size": len(manifest)}]}
    layout = (Layer().file("oci-layout", '{"imageLayoutVersion":"1.0.0"}').file("index.json", json.dumps(index))
              .file(f"blobs/sha256/{own}", manifest).link(f"blobs/sha256/{digest}", str(outside)))
    assert apus.run("load", stdin=layout.bytes(), text=False).returncode != 0
    apus.run("rmi", "-f", tag)


# Files of the image that the daemon and the runtime read.

WHO = "while read -r key own rest; do [ $key = Uid: ] && echo $own; done < /proc/self/status; true"  # id(1) reads passwd itself


def accounts(target):
    """/etc/passwd and /etc/group of the image: what the daemon must not follow, wait for or read to the end."""
    (target.parent / "passwd").write_text("root:x:0:0:r:/:/bin/sh\nann:x:4711:4711:a:/:/bin/sh\n")
    outside = target.parent / "passwd"
    return {
        "link": lambda n: Layer().link(n, str(outside)), "dots": lambda n: Layer().link(n, climb(outside)),
        "link to proc": lambda n: Layer().link(n, f"/proc/1/root{outside}"), "loop": lambda n: Layer().link(n, n.split("/")[1]),
        "fifo": lambda n: Layer().fifo(n), "zero": lambda n: Layer().device(n, "c", 1, 5),
        "folder": lambda n: Layer().folder(n), "huge": lambda n: Layer().file(n, b"#" * (17 << 20)),
        "no lines": lambda n: Layer().file(n, b"\0\n:::::\n:\nann\nann:x\nann:x:-1:y:::\n" + b"ann:x:99999999999:1:::\n" * 3),
    }


def peak(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) << 10


def test_accounts_are_read_in_the_root_and_within_bounds(apus, daemon, load, target):
    before = peak(daemon)
    for kind, make in accounts(target).items():
        image = load(make("etc/passwd"))
        named = apus.run("run", "--rm", "-u", "ann", image, "id", "-u", timeout=20)
        assert named.returncode != 0 and "4711" not in named.stdout, (kind, named)
        # HOME= leaves the question to the runtime, which asks inside.
        for user in ("1234", "0"):
            numbered = apus.run("run", "--rm", "-e", "HOME=", "-u", user, image, "sh", "-c", WHO, timeout=20)
            assert numbered.stdout == user + "\n" or kind in ("huge", "loop") and numbered.returncode != 0, (kind, numbered)
        group = load(make("etc/group"))
        result = apus.run("run", "--rm", "-u", "0:team", group, "id", "-g", timeout=20)
        assert result.returncode != 0, (kind, result)
    assert peak(daemon) - before < 256 << 20


def test_accounts_of_a_running_container_may_change(apus, daemon, target, name):
    outside = target.parent / "later"
    outside.write_text("ann:x:4711:4711:a:/:/bin/sh\n")
    apus.ok("run", "-d", "--name", name, "busybox", "sleep", "600")
    before = peak(daemon)
    for trick in (f"ln -s {outside} /etc/passwd", f"ln -s {climb(outside)} /etc/passwd", "mkfifo /etc/passwd", "mkdir /etc/passwd",
                  "mknod /etc/passwd c 1 5", "ln -s /proc/self/environ /etc/passwd",
                  f"ln -s {outside.parent} /e; ln -s /e/later /etc/passwd", "truncate -s 20G /etc/passwd"):
        apus.ok("exec", name, "sh", "-c", f"rm -rf /etc/passwd; {trick}")
        result = apus.run("exec", "-u", "ann", name, "id", "-u", timeout=20)
        assert result.returncode != 0 and "4711" not in result.stdout, (trick, result)
        result = apus.run("exec", "-e", "HOME=", "-u", "1234", name, "sh", "-c", WHO, timeout=20)
        assert result.stdout.strip() == "1234" or "20G" in trick, (trick, result)
    assert peak(daemon) - before < 256 << 20


def test_volumes_take_only_the_image_s_files(apus, daemon, load, target, name):
    """Copy-up into a new volume: of the image's folder, links as links."""
    image = load(Layer().link("abs", str(target)).link("dots", climb(target)).link("magic", "/proc/1/root").folder("data")
                 .link("data/secret", str(target / "secret")).link("data/dir", str(target)).fifo("data/fifo")
                 .folder("data/deep").link("data/deep/up", climb(target)).device("data/node", "c", 1, 5)
                 .folder(str(target)[1:]).file(f"{target}/own"[1:], "image's").folder(f"{target}/below"[1:]),
                 config={"Volumes": {"/abs": {}, "/data": {}}})
    volumes = []
    try:
        apus.ok("run", "--name", name, image, "sh", "-c", "ls -R /abs /data; true", timeout=30)
        for index, where in enumerate(("/abs", "/dots", "/magic/x", "/data", "/data/dir", "/data/deep/up", "/abs/below")):
            volume = f"{name}-{index}"
            volumes.append(volume)
            apus.run("run", "--rm", "-v", f"{volume}:{where}", image, "true", timeout=30)
        for folder, _, files in os.walk(daemon.data / "volumes"):
            for entry in files:
                path = pathlib.Path(folder, entry)
                if stat.S_ISREG(path.lstat().st_mode):
                    assert SECRET.strip() not in path.read_text(errors="replace"), path
        assert os.readlink(next((daemon.data / "volumes" / f"{name}-3").rglob("secret"))) == str(target / "secret")
    finally:
        apus.run("rm", "-f", "-v", name)
        apus.run("volume", "rm", *volumes)


def test_names_are_no_paths(apus, daemon, target, name):
    """Container, volume, log and cgroup names, and identifiers in addresses."""
    for options in (("--name", climb(target)), ("--name", ".."), ("-v", f"{climb(target)}:/x"), ("-v", "..:/x"), ("-v", "../x:/x"),
                    ("--log-opt", f"path={target}/log"), ("--log-opt", f"file={target}/log"), ("--log-driver", "../x")):
        assert apus.run("create", *options, "busybox", "true").returncode != 0, options
    for config in ({"path": f"{target}/log"}, {"max-size": "../1"}, {"max-file": "-1"}, {"labels-regex": str(target)}):
        status, answer = daemon.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {
            "LogConfig": {"Type": "json-file", "Config": config}}})
        if status == 201:
            daemon.api("DELETE", f"/containers/{answer['Id']}?force=1")
        assert status == 400 or "path" not in config
    for verb, path in (("GET", "/containers/..%2f..%2f{}/json"), ("GET", "/containers/{}/logs?stdout=1"), ("DELETE", "/volumes/{}"),
                       ("GET", "/volumes/..%2f{}"), ("GET", "/images/{}/json"), ("DELETE", "/images/..%2f{}"), ("GET", "/exec/{}/json")):
        status, body, _ = daemon.request(verb, path.format(climb(target).replace("/", "%2f")))
        assert status in (400, 404, 405, 501), (verb, path, status, body)
        assert SECRET.encode() not in body
    # A control group stays below the hierarchies' roots, and is gone afterwards.
    parent = f"apus-esc-{name}"
    apus.ok("run", "--rm", "--cgroup-parent", f"/../../../../{parent}", "busybox", "true")
    assert not pathlib.Path(f"/{parent}").exists() and not pathlib.Path(f"/sys/{parent}").exists()
    for folder in pathlib.Path("/sys/fs/cgroup").glob(f"**/{parent}"):
        folder.rmdir()


def test_log_and_bundle_are_out_of_reach(apus, daemon, name):
    """Nothing of the daemon's own folders shows up inside, under any name in the mount table."""
    apus.ok("run", "-d", "--name", name, "-v", "/data", "busybox", "sh", "-c", "echo line; exec sleep 600")
    identifier = apus.ok("inspect", "-f", "{{.Id}}", name)
    mounts = apus.ok("exec", name, "cat", "/proc/self/mounts")
    writable = [line.split()[1] for line in mounts.splitlines() if " rw" in line]
    found = apus.ok("exec", name, "sh", "-c", f"find / -xdev \\( -name '*-json.log' -o -name shim.sock -o -name config.json -o -name "
                    f"shim.json -o -name '{identifier}*' \\) 2>/dev/null; true")
    assert found == ""
    files = [p for place in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf") for p in writable if p == place]
    # The three files are mounts of files, not of their folder: a `..` leads to the container's own /etc.
    for path in files:
        assert apus.ok("exec", name, "sh", "-c", f"ls -a {path}/.. 2>&1 | grep -c json; true") == "0"


# Sockets and terminals.

def test_sockets_of_the_daemon_and_the_shims(apus, daemon, name):
    """CVE-2020-15257: no abstract sockets; the others are root's, and not in the container's tree."""
    apus.ok("run", "-d", "--name", name, "--network", "host", "busybox", "sleep", "600")
    identifier = apus.ok("inspect", "-f", "{{.Id}}", name)
    owners = {daemon.process.pid}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(daemon.root).encode() in (entry / "cmdline").read_bytes():
                owners.add(int(entry.name))
        except OSError:
            continue
    inodes = set()
    for pid in owners:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                link = os.readlink(descriptor)
            except OSError:
                continue
            if link.startswith("socket:["):
                inodes.add(link[8:-1])
    lines = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]]
    ours = [words for words in lines if words[6] in inodes]
    assert len(owners) >= 2 and ours
    assert [words for words in ours if len(words) > 7 and words[7].startswith("@")] == []
    listening = [words[7] for words in ours if words[3] == "00010000" and len(words) > 7]
    assert any(path.endswith("shim.sock") for path in listening), listening
    # Bound through a descriptor or not: this is the file.
    shim = next(daemon.execution.rglob("shim.sock"))
    assert identifier in str(shim)
    knock = (f"import os, socket; os.chdir({str(shim.parent)!r}); socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)"
             ".connect('shim.sock')")
    for user in (65534, 1000):
        stranger = subprocess.run(["/usr/bin/env", "python3", "-c", knock], user=user, group=user, extra_groups=[], capture_output=True, text=True)
        assert "PermissionError" in stranger.stderr, stranger
    for path in (shim, daemon.socket, "/proc/1/root" + str(shim)):
        assert apus.run("exec", name, "test", "-e", path).returncode != 0


def terminal(apus, *arguments):
    """A client on a terminal of its own."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = apus.start(*arguments, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    return process, master, slave, before


def read_until(master, text, seconds=15):
    seen, end = b"", time.monotonic() + seconds
    os.set_blocking(master, False)
    while text not in seen and time.monotonic() < end:
        try:
            seen += os.read(master, 4096)
        except BlockingIOError:
            time.sleep(0.01)
    assert text in seen, seen
    return seen


@pytest.mark.parametrize("end", ["exit", "killed", "detach", "SIGTERM", "SIGHUP", "exec", "no such program", "daemon's error"])
def test_terminal_is_given_back(apus, name, end):
    """Raw mode is over when the client is, in whatever way it ends."""
    command = {"no such program": ("run", "-it", "--name", name, "busybox", "/nope"),
               "daemon's error": ("run", "-it", "--name", name, "-u", "nobody-here", "busybox", "sh")}.get(
        end, ("run", "-it", "--init", "--name", name, "busybox", "sh", "-c", "echo rea''dy; read x; exit 3"))
    if end == "exec":
        apus.ok("run", "-d", "--name", name, "busybox", "sleep", "600")
        command = ("exec", "-it", name, "sh", "-c", "echo rea''dy; read x; exit 3")
    process, master, slave, before = terminal(apus, *command)
    try:
        if "error" not in end and "such" not in end:
            read_until(master, b"ready")
            wait_until(lambda: not termios.tcgetattr(slave)[3] & termios.ICANON, "raw mode")
        if end in ("exit", "exec"):
            os.write(master, b"\r")
        elif end == "killed":
            apus.ok("kill", name)
        elif end == "detach":
            os.write(master, b"\x10\x11")
        elif end.startswith("SIG"):
            process.send_signal(getattr(signal, end))
        process.wait(timeout=20)
        assert termios.tcgetattr(slave) == before
    finally:
        process.kill()
        os.close(master)
        os.close(slave)


# Room for others.

def processes_of(user):
    count = 0
    for entry in pathlib.Path("/proc").iterdir():
        try:
            count += entry.name.isdigit() and entry.stat().st_uid == user
        except OSError:
            continue
    return count


def group_file(daemon, identifier, file):
    return next((pathlib.Path(folder, file) for folder in daemon.cgroups({identifier}) if os.path.exists(f"{folder}/{file}")), None)


BOMB = "b() { b | b & }; (b) 2>/dev/null & exec sleep 600"  # :(){ :|:& };: under a name that ash takes


def test_fork_bomb_under_nproc(apus, daemon, name):
    """The host stays usable while it goes off, and the container can be removed."""
    user = 50000 + os.getpid() % 10000
    apus.ok("run", "-d", "--name", name, "-u", f"{user}:{user}", "--ulimit", "nproc=96:96", "busybox", "sh", "-c", BOMB)
    wait_until(lambda: processes_of(user) > 30, "the bomb goes off", seconds=10)
    for _ in range(3):
        started = time.monotonic()
        assert processes_of(user) <= 96
        assert apus.ok("run", "--rm", "busybox", "echo", "usable") == "usable"
        assert time.monotonic() - started < 15
    started = time.monotonic()
    apus.ok("rm", "-f", name)
    assert time.monotonic() - started < 15
    wait_until(lambda: processes_of(user) == 0, "no process is left")


def test_fork_bomb_under_a_pids_limit(apus, daemon, name):
    identifier = apus.ok("run", "-d", "--name", name, "--pids-limit", "80", "busybox", "sh", "-c", BOMB)
    events = group_file(daemon, identifier, "pids.events")
    wait_until(lambda: int(events.read_text().split()[1]) > 0, "the limit is reached", seconds=10)
    for _ in range(3):
        started = time.monotonic()
        assert int(group_file(daemon, identifier, "pids.current").read_text()) <= 80
        assert apus.ok("run", "--rm", "busybox", "echo", "usable") == "usable"
        assert time.monotonic() - started < 15
    started = time.monotonic()
    apus.ok("rm", "-f", name)
    assert time.monotonic() - started < 15
    assert daemon.cgroups({identifier}) == []


def test_memory_hog_ends_alone(apus, daemon, name):
    before = daemon.process.pid
    result = apus.run("run", "--name", name, "-m", "32m", "--memory-swap", "32m", "busybox", "tail", "/dev/zero", timeout=60)
    assert result.returncode == 137
    state = json.loads(apus.ok("inspect", name))[0]["State"]
    assert state["OOMKilled"] is True and state["ExitCode"] == 137 and state["Status"] == "exited"
    assert daemon.process.poll() is None and daemon.process.pid == before
    assert apus.ok("run", "--rm", "busybox", "echo", "usable") == "usable"
