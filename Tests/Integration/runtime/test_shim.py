# SPDX-License-Identifier: Apache-2.0
"""The shim of apus-runtime against the kernel: needs root. APUS_RUNTIME names the program."""
import glob, json, os, shutil, signal, socket, subprocess, sys, tempfile, time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from shim_driver import Shim, make_rootfs, make_spec

PROGRAM = os.environ.get("APUS_RUNTIME", os.path.join(
    os.path.dirname(__file__), "../../../.build/debug/apus-runtime"))
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists(PROGRAM) or not os.path.exists("/bin/busybox"),
    reason="needs root, busybox-static and a built apus-runtime")


def groups():
    return set(glob.glob("/sys/fs/cgroup/*/apus-test/*/")) | set(glob.glob("/sys/fs/cgroup/apus-test/*/"))


@pytest.fixture(scope="module")
def place():
    folder = tempfile.mkdtemp(prefix="apus-rt-")
    make_rootfs(folder + "/lower")
    before, mounts = groups(), open("/proc/self/mountinfo").read().count("\n")
    yield folder
    assert groups() == before, "control groups are left"
    assert open("/proc/self/mountinfo").read().count("\n") == mounts, "mounts are left"
    for hierarchy in glob.glob("/sys/fs/cgroup/*/apus-test") + glob.glob("/sys/fs/cgroup/apus-test"):
        os.rmdir(hierarchy)
    shutil.rmtree(folder)


@pytest.fixture
def shim(place):
    made = []

    def make(*args, **options):
        made.append(Shim(PROGRAM, place, args=list(args), lower=place + "/lower", **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def run(shim):
    reply = shim.call("start")
    assert reply.get("ok"), reply
    return shim.wait()


def proc(*args, **fields):
    return dict({"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}, **fields)


def read_all(reader):
    data = b""
    while chunk := os.read(reader, 65536):
        data += chunk
    return data.decode()


@pytest.mark.parametrize("args,code,sig", [
    (("true",), 0, 0), (("sh", "-c", "exit 42"), 42, 0)])
def test_exit(shim, args, code, sig):
    event = run(shim(*args))
    assert (event["code"], event["signal"]) == (code, sig)


def test_killed(shim):
    s = shim("sleep", "100")
    assert s.call("start")["ok"]
    assert s.call("kill", signal=9)["ok"]
    event = s.wait()
    assert (event["code"], event["signal"], event["oomKilled"]) == (137, 9, False)
    assert json.load(open(s.folder + "/exit"))["code"] == 137
    assert s.call("state")["status"] == "stopped"
    assert s.call("kill", signal=9)["kind"] == "notFound"


@pytest.mark.parametrize("args,kind,text", [
    (("nope",), "notFound", 'exec: "nope": executable file not found in $PATH'),
    (("/nope",), "notFound", 'exec: "/nope": stat /nope: no such file or directory'),
    (("/etc/passwd",), "notExecutable", 'exec: "/etc/passwd": permission denied'),
    (("/etc",), "notExecutable", 'exec: "/etc": is a directory')])
def test_start_failures(shim, args, kind, text):
    reply = shim(*args).call("start")
    assert (reply["kind"], reply["error"]) == (kind, text)


def test_log(shim):
    s = shim("sh", "-c", "echo one; echo '<two>' >&2; printf '\\377x\\n'; head -c 20000 /dev/zero | tr '\\0' a; echo; printf end")
    run(s)
    assert s.text("stderr") == "<two>\n"
    lines = [line["log"] for line in s.log() if line["stream"] == "stdout"]
    assert lines == ["one\n", "\ufffdx\n", "a" * 16384, "a" * (20000 - 16384) + "\n", "end"]


def test_rotation(shim):
    log = {"driver": "json-file", "path": "", "maxSize": 2000, "maxFile": 3}
    s = shim("sh", "-c", "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done", log=dict(log, path=f"/tmp/apus-rotation-{os.getpid()}"))
    run(s)
    files = sorted(glob.glob(f"/tmp/apus-rotation-{os.getpid()}*"))
    assert len(files) == 3
    last = open(files[0]).read().splitlines()
    assert json.loads(last[-1])["log"] == "line 99\n"
    for file in files:
        assert all(json.loads(line) for line in open(file))
        os.unlink(file)


def test_attach(shim):
    s = shim("sh", "-c", "cat; echo done >&2", openStdin=True, stdinOnce=True)
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    assert s.call("attach", fds=[in_r, out_w, err_w], id="", stdin=True, stdout=True, stderr=True)["ok"]
    for fd in (in_r, out_w, err_w):
        os.close(fd)
    assert s.call("start")["ok"]
    os.write(in_w, b"hello\n" * 10)
    os.close(in_w)
    assert s.wait()["code"] == 0
    assert read_all(out_r) == "hello\n" * 10
    assert read_all(err_r) == "done\n"
    for fd in (out_r, err_r):
        os.close(fd)


def test_slow_reader_loses_nothing(shim):
    s = shim("sh", "-c", "head -c 6000000 /dev/zero | tr '\\0' x")
    out_r, out_w = os.pipe()
    s.call("attach", fds=[out_w], id="", stdout=True)
    os.close(out_w)
    s.call("start")
    time.sleep(0.3)
    assert len(read_all(out_r)) == 6000000
    os.close(out_r)
    s.wait()
    assert sum(len(line["log"]) for line in s.log()) == 6000000


def test_tty(shim):
    s = shim("sh", "-c", "tty; stty size; read x; echo got $x; ls -l /dev/console", tty=True, openStdin=True)
    a, b = socket.socketpair()
    assert s.call("attach", fds=[b.fileno(), b.fileno()], id="", stdin=True, stdout=True)["ok"]
    b.close()
    time.sleep(0.1)
    s.call("resize", id="", width=100, height=40)
    assert s.call("start")["ok"]
    a.send(b"typed\n")
    assert s.wait()["code"] == 0
    data = b""
    while chunk := a.recv(65536):
        data += chunk
    text = data.decode()
    assert "/dev/pts/0" in text and "40 100" in text and "got typed" in text and "/dev/console" in text
    assert s.text() == text


def test_exec(shim):
    s = shim("sleep", "100")
    s.call("start")
    out_r, out_w = os.pipe()
    reply = s.call("exec", fds=[out_w], id="e1", stdout=True, tty=False,
                   process=proc("sh", "-c", "echo $$ $HOME; cat /proc/self/cgroup; hostname; exit 7"))
    os.close(out_w)
    assert reply["ok"], reply
    event = s.wait("execExit")
    assert (event["id"], event["code"]) == ("e1", 7)
    text = read_all(out_r)
    os.close(out_r)
    assert "/root" in text and s.cgroup in text and "box" in text
    reply = s.call("exec", id="e2", process=proc("nope"))
    assert (reply["kind"], reply["error"]) == ("notFound", 'exec: "nope": executable file not found in $PATH')
    assert [e["code"] for e in s.call("state")["execs"] if e["id"] == "e1"] == [7]


def test_exec_tty_and_user(shim):
    s = shim("sleep", "100")
    s.call("start")
    a, b = socket.socketpair()
    reply = s.call("exec", fds=[b.fileno(), b.fileno()], id="t", stdin=True, stdout=True, tty=True, openStdin=True,
                   process=proc("sh", "-c", "tty; id; pwd; echo $HOME; touch x || echo refused", cwd="/bin",
                                user={"uid": 1000, "gid": 1000, "additionalGids": [5, 6]}))
    b.close()
    assert reply["ok"], reply
    assert s.wait("execExit")["code"] == 0
    data = b""
    while chunk := a.recv(65536):
        data += chunk
    text = data.decode()
    assert "/dev/pts/0" in text and "uid=1000(ann)" in text and "groups=5,6" in text.replace("1000,", "")
    assert "/home/ann" in text and "refused" in text


def test_exec_ends_with_container(shim):
    s = shim("sleep", "100")
    s.call("start")
    s.call("exec", id="e", process=proc("sleep", "100"))
    s.call("kill", signal=9)
    assert s.wait("execExit")["code"] == 137
    assert s.wait("exit")["code"] == 137


def test_shutdown_with_a_process_executed(shim):
    """The container's init cannot end before the executed process, whose parent is the shim, is reaped: close() proves it."""
    s = shim("sleep", "100")
    assert s.call("start").get("ok")
    assert s.call("exec", id="e", process=proc("sleep", "100")).get("ok")


def test_init_reaps_and_forwards(shim):
    s = shim("sh", "-c", "trap 'echo term; exit 5' TERM; (sleep 0.05 &) ; echo ready; while true; do sleep 0.1; done", init=True)
    s.call("start")
    out_r, out_w = os.pipe()
    while not s.text():
        time.sleep(0.01)
    time.sleep(0.2)
    s.call("exec", fds=[out_w], id="e", stdout=True, process=proc("sh", "-c", "cat /proc/1/comm; ps"))
    os.close(out_w)
    s.wait("execExit")
    text = read_all(out_r)
    os.close(out_r)
    assert text.startswith("apus-init") and " Z " not in text
    s.call("kill", signal=int(signal.SIGTERM))
    assert s.wait()["code"] == 5
    assert "term" in s.text()


def test_pause(shim):
    s = shim("sh", "-c", "while true; do echo x; sleep 0.02; done")
    s.call("start")
    assert s.call("pause")["ok"]
    assert s.call("state")["status"] == "paused"
    before = len(s.log())
    time.sleep(0.2)
    assert len(s.log()) <= before + 1
    assert s.call("resume")["ok"]
    assert s.call("state")["status"] == "running"
    assert s.call("kill", signal=9)["ok"]
    s.wait()


def test_privileges(shim):
    spec = make_spec(["sh", "-c", "id -u; id -G; umask; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; "
                      "mkdir /tmp/d && echo made; ulimit -n; cat /proc/self/oom_score_adj; cat /proc/sys/net/ipv4/ip_forward; echo $HOME"],
                     user={"uid": 1000, "gid": 1000, "additionalGids": [7], "umask": 0o027}, noNewPrivileges=True,
                     rlimits=[{"type": "RLIMIT_NOFILE", "hard": 99, "soft": 88}], oomScoreAdj=123)
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
    spec["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    for _ in range(2):  # the second run takes the filter from the cache
        s = shim(spec=json.loads(json.dumps(spec)))
        run(s)
        lines = s.text().split("\n")
        assert lines[0:3] == ["1000", "1000 7", "0027"], s.text() + s.text("stderr")
        assert "CapEff:\t0000000000000000" in lines and "NoNewPrivs:\t1" in lines and "Seccomp:\t2" in lines
        assert "made" not in lines
        assert lines[-6:] == ["88", "123", "1", "/home/ann", ""][-6:] or lines[-5:] == ["88", "123", "1", "/home/ann", ""]


def test_seccomp_without_no_new_privileges(shim):
    spec = make_spec(["sh", "-c", "grep Seccomp: /proc/self/status; mkdir /tmp/d || echo refused"],
                     user={"uid": 1000, "gid": 1000})
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    s = shim(spec=spec)
    run(s)
    assert s.text() == "Seccomp:\t2\nrefused\n"


def test_masks_and_readonly(shim):
    spec = make_spec(["sh", "-c", "cat /proc/keys | wc -c; echo 1 > /proc/sys/kernel/domainname || echo ro; touch /f || echo rootro; "
                      "touch /ro/f || echo bindro; cat /file; touch /rw/f && echo wrote; mknod /tmp/x b 8 0; dd if=/tmp/x count=1 || echo denied"])
    folder = tempfile.mkdtemp(prefix="apus-bind-")
    open(folder + "/file", "w").write("content\n")
    spec["root"]["readonly"] = True
    spec["mounts"] += [
        {"destination": "/ro", "type": "bind", "source": folder, "options": ["rbind", "ro", "rprivate"]},
        {"destination": "/rw", "type": "bind", "source": folder, "options": ["rbind"]},
        {"destination": "/file", "type": "bind", "source": folder + "/file", "options": ["bind"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}]
    s = shim(spec=spec)
    run(s)
    assert s.text().split() == ["0", "ro", "rootro", "bindro", "content", "wrote", "denied"], s.text() + s.text("stderr")
    shutil.rmtree(folder)


def test_memory_limit_and_oom(shim):
    spec = make_spec(["sh", "-c", "x=$(head -c 100000000 /dev/zero | tr '\\0' a); echo survived"])
    spec["linux"]["resources"]["memory"] = {"limit": 20 << 20, "swap": 20 << 20}
    s = shim(spec=spec, oomEvents=True)
    event = run(s)
    assert event["oomKilled"] is True and "survived" not in s.text()
    assert any(e.get("event") == "oom" for e in s.events)


def test_update(shim):
    s = shim("sleep", "100")
    s.call("start")
    assert s.call("update", resources={"pids": {"limit": 17}, "cpu": {"shares": 512, "quota": 20000, "period": 100000}})["ok"]
    value = [open(p).read().strip() for p in glob.glob(f"/sys/fs/cgroup/pids{s.cgroup}/pids.max")
             + glob.glob(f"/sys/fs/cgroup{s.cgroup}/pids.max")]
    assert value == ["17"]
    s.call("kill", signal=9)
    s.wait()


def test_shim_killed_takes_container_along(place):
    s = Shim(PROGRAM, place, args=["sleep", "100"], lower=place + "/lower")
    pid = s.call("start")["pid"]
    os.kill(s.pid, 9)
    os.waitpid(s.pid, 0)
    for _ in range(200):
        try:
            if open(f"/proc/{pid}/stat").read().split()[2] == "Z":
                break
        except FileNotFoundError:
            break
        time.sleep(0.01)
    else:
        pytest.fail("the container lives on")
    time.sleep(0.05)
    for folder in glob.glob(f"/sys/fs/cgroup/*{s.cgroup}") + glob.glob(f"/sys/fs/cgroup{s.cgroup}"):
        os.rmdir(folder)
    shutil.rmtree(s.folder)


def test_second_connection(shim):
    s = shim("sleep", "100")
    s.call("start")
    s.control.close()
    folder = os.open(s.folder, os.O_PATH)
    s.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.control.connect(f"/proc/self/fd/{folder}/shim.sock")
    os.close(folder)
    assert s.call("state")["status"] == "running"
    s.call("kill", signal=9)
    assert s.wait()["code"] == 137


def test_runtime_file_is_protected(shim):
    s = shim("sleep", "100")
    s.call("start")
    with pytest.raises(OSError):
        os.open(f"/proc/{s.pid}/exe", os.O_WRONLY)
    s.call("kill", signal=9)
    s.wait()


def test_cwd(shim):
    run(s := shim(spec=make_spec(["pwd"], cwd="/made/for/this")))
    assert s.text() == "/made/for/this\n"


def test_user_namespace(shim):
    spec = make_spec(["sh", "-c", "id -u; cat /proc/self/uid_map"])
    spec["mounts"] = [m for m in spec["mounts"] if m["type"] not in ("cgroup",)]
    spec["linux"]["namespaces"].append({"type": "user"})
    spec["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    run(s := shim(spec=spec))
    assert s.text().split() == ["0", "0", "0", "65536"], s.text("stderr")


def test_private_memory(shim):
    s = shim("sleep", "100")
    s.call("start")
    time.sleep(0.1)
    # Clean pages are the program's own file, shared by all shims.
    private = sum(int(line.split()[1]) for line in open(f"/proc/{s.pid}/smaps_rollup") if line.startswith("Private_Dirty"))
    assert private < 1024, f"{private} kB"
    s.call("kill", signal=9)
    s.wait()


def test_cgroup_namespace(shim):
    spec = make_spec(["sh", "-c", "cat /proc/self/cgroup | grep -v '/$'; ls /sys/fs/cgroup/pids/pids.max || ls /sys/fs/cgroup/pids.max"])
    spec["linux"]["namespaces"].append({"type": "cgroup"})
    run(s := shim(spec=spec))
    assert s.text().strip() in ("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"), s.text() + s.text("stderr")


def test_joins_network_and_pid_of_another(shim):
    first = shim("sleep", "100")
    pid = first.call("start")["pid"]
    spec = make_spec(["sh", "-c", "(readlink /proc/1/ns/net; readlink /proc/self/ns/net) | uniq | wc -l; cat /proc/1/cmdline"])
    for entry in spec["linux"]["namespaces"]:
        if entry["type"] in ("network", "pid", "ipc", "uts"):
            entry["path"] = f"/proc/{pid}/ns/" + {"network": "net"}.get(entry["type"], entry["type"])
    del spec["hostname"]
    run(s := shim(spec=spec))
    assert s.text().replace("\0", " ").split() == ["1", "sleep", "100"], s.text() + s.text("stderr")


@pytest.mark.parametrize("mode,seen", [("rprivate", "no"), ("rslave", "yes"), ("rshared", "yes")])
def test_bind_propagation(shim, place, mode, seen):
    folder = tempfile.mkdtemp(prefix="apus-prop-")
    os.mkdir(folder + "/sub")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "--make-shared", folder], check=True)
    try:
        spec = make_spec(["sh", "-c", "while [ ! -e /b/go ]; do sleep 0.02; done; grep -q ' /b/sub ' /proc/mounts && echo yes || echo no; "
                          "mkdir /b/own; mount -t tmpfs x /b/own 2>/dev/null"])
        spec["process"]["capabilities"] = {k: v + ["CAP_SYS_ADMIN"] for k, v in spec["process"]["capabilities"].items()}
        spec["mounts"].append({"destination": "/b", "type": "bind", "source": folder, "options": ["rbind", mode]})
        if mode == "rshared":
            spec["linux"]["rootfsPropagation"] = "rshared"
        s = shim(spec=spec)
        assert s.call("start")["ok"]
        subprocess.run(["mount", "-t", "tmpfs", "x", folder + "/sub"], check=True)
        open(folder + "/go", "w").close()
        s.wait()
        assert s.text().split() == [seen], s.text("stderr")
        assert os.path.ismount(folder + "/own") == (mode == "rshared")
    finally:
        subprocess.run(["umount", "-R", folder])
        shutil.rmtree(folder, ignore_errors=True)
