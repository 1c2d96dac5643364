# SPDX-License-Identifier: Apache-2.0
"""apus-runtime as an OCI command line, called as runc is: needs root."""
import glob, json, os, shutil, socket, subprocess, sys, tempfile, time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from shim_driver import make_rootfs, make_spec
from test_shim import PROGRAM, pytestmark


@pytest.fixture
def oci(tmp_path):
    bundle = tmp_path / "bundle"
    make_rootfs(f"{bundle}/rootfs")
    name = f"apus-oci-{os.getpid()}"

    class Runtime:
        path = bundle
        id = name

        def spec(self, args, **fields):
            spec = make_spec(args, cgroup=f"/apus-oci-test/{name}", **fields)
            (bundle / "config.json").write_text(json.dumps(spec))

        def __call__(self, *args, **options):
            return subprocess.run([PROGRAM, "--root", f"{tmp_path}/root", *args], cwd=bundle, text=True, timeout=20,
                                  capture_output=True, **options)
    runtime = Runtime()
    yield runtime
    runtime("delete", "-f", name)
    assert not [p for p in glob.glob("/sys/fs/cgroup/*/apus-oci-test/" + name)]
    for hierarchy in glob.glob("/sys/fs/cgroup/*/apus-oci-test") + glob.glob("/sys/fs/cgroup/apus-oci-test"):
        try:
            os.rmdir(hierarchy)
        except OSError:
            pass  # another test's container is in it


def test_run(oci):
    oci.spec(["sh", "-c", "echo hello; exit 3"])
    done = oci("run", oci.id)
    assert (done.returncode, done.stdout) == (3, "hello\n"), done.stderr
    assert oci("state", oci.id).returncode == 1


def test_lifecycle(oci):
    oci.spec(["sh", "-c", "echo hi > /tmp/out; trap 'exit 9' TERM; while true; do sleep 0.05; done"])
    pid_file = f"{oci.path}/pid"
    done = subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "create", "--pid-file", pid_file, oci.id],
                          cwd=oci.path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    state = json.loads(oci("state", oci.id).stdout)
    assert state["status"] == "created" and state["pid"] == int(open(pid_file).read())
    assert not os.path.exists(f"{oci.path}/rootfs/tmp/out")
    assert oci("create", oci.id).returncode == 1
    assert oci("start", oci.id).returncode == 0
    time.sleep(0.1)
    assert os.path.exists(f"{oci.path}/rootfs/tmp/out")
    assert json.loads(oci("state", oci.id).stdout)["status"] == "running"
    assert "already running" in oci("start", oci.id).stderr
    done = oci("exec", "--env", "X=y", oci.id, "sh", "-c", "echo $X; exit 4")
    assert (done.returncode, done.stdout) == (4, "y\n"), done.stderr
    assert oci("exec", oci.id, "nope").returncode == 255
    assert oci("pause", oci.id).returncode == 0
    assert json.loads(oci("state", oci.id).stdout)["status"] == "paused"
    assert oci("resume", oci.id).returncode == 0
    assert json.loads(oci("list", "--format", "json").stdout)[0]["id"] == oci.id
    assert state["pid"] in json.loads(oci("ps", "--format", "json", oci.id).stdout)
    assert "not stopped" in oci("delete", oci.id).stderr
    assert oci("kill", oci.id, "TERM").returncode == 0
    for _ in range(100):
        if json.loads(oci("state", oci.id).stdout)["status"] == "stopped":
            break
        time.sleep(0.02)
    assert oci("delete", oci.id).returncode == 0


def test_terminal(oci):
    oci.spec(["sh", "-c", "tty; read x; echo got $x"], tty=True)
    address = f"/tmp/apus-console-{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(1)
    assert oci("run", "-d", "--console-socket", address, oci.id).returncode == 0
    client, _ = listener.accept()
    _, fds, _, _ = socket.recv_fds(client, 64, 1)
    os.write(fds[0], b"word\n")
    data = b""
    while True:
        try:
            chunk = os.read(fds[0], 4096)
        except OSError:
            break
        data += chunk
        if b"got word" in data:
            break
    assert b"/dev/pts/0" in data and b"got word" in data
    for fd in fds:
        os.close(fd)
    os.unlink(address)


def test_failures(oci):
    oci.spec(["nope"])
    done = oci("--log", f"{oci.path}/log", "--log-format", "json", "run", oci.id)
    assert done.returncode == 1 and 'exec: "nope": executable file not found in $PATH' in done.stderr
    assert json.loads(open(f"{oci.path}/log").read())["level"] == "error"
    assert "does not exist" in oci("state", "other").stderr
    assert oci("run", "../x").returncode == 1
    assert oci("what").returncode == 1
    assert oci("--version").stdout.startswith("apus-runtime version")
    assert json.loads(oci("features").stdout)["linux"]["seccomp"]["enabled"]
