# SPDX-License-Identifier: Apache-2.0
"""What the runtime specification asks of a runtime beyond running: hooks, descriptors, namespaces, schedules, limits."""
import json, os, select, signal, socket, subprocess, sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from test_command_line import oci  # noqa: F401
from test_shim import PROGRAM, pytestmark  # noqa: F401

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def change(oci, edit):
    """Edits config.json."""
    spec = json.loads((oci.path / "config.json").read_text())
    edit(spec)
    (oci.path / "config.json").write_text(json.dumps(spec))


def output(oci, edit, *args, **process):
    oci.spec(list(args), **process)
    change(oci, edit)
    done = oci("run", oci.id)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(oci, edit):
    oci.spec(["true"])
    change(oci, edit)
    done = oci("run", oci.id)
    assert done.returncode == 1
    assert oci("state", oci.id).returncode == 1, "a container is left"
    return done.stderr


def linux(**fields):
    return lambda spec: spec["linux"].update(fields)


def add_namespace(spec, kind, **fields):
    spec["linux"]["namespaces"].append(dict(type=kind, **fields))


def test_hooks_run_in_their_order_and_place(oci):
    """The runtime's hooks see the host's tree, those of the container its own; all read the state from stdin."""
    oci.spec(["sh", "-c", "echo program >> /said"])

    def edit(spec):
        spec["hooks"] = {}
        for kind in KINDS:
            target = "/said" if kind == "startContainer" else f"{oci.path}/rootfs/said"
            script = f'read state; echo "{kind} $MARK $state" >> {target}'
            spec["hooks"][kind] = [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["MARK=m"]}]
    change(oci, edit)
    done = subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "create", oci.id], cwd=oci.path,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    pid = json.loads(oci("state", oci.id).stdout)["pid"]
    before = (oci.path / "rootfs/said").read_text().splitlines()
    assert [line.split()[0] for line in before] == KINDS[:3]
    descriptor = os.pidfd_open(pid)
    assert oci("start", oci.id).returncode == 0
    wait_readable(descriptor)
    os.close(descriptor)
    assert oci("delete", oci.id).returncode == 0
    said = (oci.path / "rootfs/said").read_text().splitlines()
    words = [line.split()[0] for line in said]
    assert sorted(words) == sorted(KINDS + ["program"])
    assert words[:3] == KINDS[:3] and words.index("startContainer") < words.index("program") and words[-1] == "poststop"
    statuses = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
                "startContainer": "created", "poststart": "running", "poststop": "stopped"}
    for line in said:
        kind, _, rest = line.partition(" ")
        if kind == "program":
            continue
        mark, _, state = rest.partition(" ")
        state = json.loads(state)
        assert mark == "m" and state["id"] == oci.id and state["bundle"] == str(oci.path)
        assert state["status"] == statuses[kind], kind
        assert state.get("pid", pid) == pid


def wait_readable(descriptor):
    assert select.select([descriptor], [], [], 20)[0], "the process does not end"


@pytest.mark.parametrize("kind", KINDS[:5])
def test_a_failing_hook_ends_the_container(oci, kind):
    error = refusal(oci, lambda spec: spec.update(hooks={kind: [{"path": "/bin/sh", "args": ["sh", "-c", "exit 7"]}]}))
    assert f"error running {kind} hook #0" in error and "exit status 7" in error


def test_a_hook_may_not_take_for_ever(oci):
    hook = {"path": "/bin/sleep", "args": ["sleep", "60"], "timeout": 1}
    assert "timeout" in refusal(oci, lambda spec: spec.update(hooks={"createRuntime": [hook]}))


def test_descriptors_are_passed_on_only_when_asked(oci):
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_inheritable(fd, True)

    def count(*flags, **options):
        oci.spec(["sh", "-c", "ls /proc/self/fd; echo $LISTEN_FDS $LISTEN_PID"])
        child = f"exec 3<&{reader} 4>&{writer}; exec \"$@\""
        done = subprocess.run(["bash", "-c", child, "bash", PROGRAM, "--root", f"{oci.path.parent}/root", "run", *flags, oci.id],
                              cwd=oci.path, text=True, capture_output=True, timeout=20, pass_fds=(reader, writer), **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()
    assert count() == ["0", "1", "2", "3"]  # 3 is ls's own view of the folder
    assert count("--preserve-fds", "2") == ["0", "1", "2", "3", "4", "5"]
    script = f"LISTEN_FDS=1 LISTEN_PID=$$ exec {PROGRAM} --root {oci.path.parent}/root run {oci.id} 3<&{reader} 4<&-"
    done = subprocess.run(["bash", "-c", script], cwd=oci.path, text=True, capture_output=True, timeout=20,
                          pass_fds=(reader,))
    assert done.stdout.split() == ["0", "1", "2", "3", "4", "1", "1"], done.stderr
    done = oci("run", "--preserve-fds", "5", oci.id)
    assert done.returncode == 1 and "preserved-fd" in done.stderr
    for fd in (reader, writer):
        os.close(fd)


def test_a_container_holds_nothing_of_its_caller(oci):
    """CVE-2024-21626: a descriptor of the host in the first process leads out."""
    oci.spec(["sh"])
    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "create", oci.id], cwd=oci.path, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False)
    os.close(leak)
    pid = json.loads(oci("state", oci.id).stdout)["pid"]
    targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not [target for target in targets if target == "/"], targets
    assert oci("delete", "--force", oci.id).returncode == 0


def test_names(oci):
    said = output(oci, lambda spec: spec.update(domainname="example.org"), "sh", "-c",
                  "hostname; cat /proc/sys/kernel/domainname")
    assert said.split() == ["box", "example.org"]


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="this kernel has no time namespaces")
def test_time_namespace(oci):
    def edit(spec):
        add_namespace(spec, "time")
        spec["linux"]["timeOffsets"] = {"boottime": {"secs": 100_000_000}}
    assert float(output(oci, edit, "cat", "/proc/uptime").split()[0]) > 100_000_000
    error = refusal(oci, linux(timeOffsets={"boottime": {"secs": 1}}))
    assert "time namespace isn't enabled" in error


def test_scheduler_and_priorities(oci):
    def edit(spec):
        spec["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}
        spec["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        spec["process"]["oomScoreAdj"] = 321
        spec["linux"]["personality"] = {"domain": "LINUX32"}
    said = output(oci, edit, "sh", "-c", "cut -d' ' -f19,41 /proc/self/stat; ionice -p 1; cat /proc/self/oom_score_adj; uname -m")
    lines = said.splitlines()
    assert lines[0] == "7 3" and lines[1] == "best-effort: prio 6" and lines[2] == "321"
    assert lines[3] == {"x86_64": "i686", "aarch64": "armv8l"}.get(os.uname().machine, lines[3])
    assert "invalid scheduler policy" in refusal(oci, lambda spec: spec["process"].update(scheduler={"policy": "SCHED_X"}))
    assert "ioPriority.Class" in refusal(
        oci, lambda spec: spec["process"].update(ioPriority={"class": "X", "priority": 1}))


def test_what_the_kernel_lacks_is_refused_by_name(oci):
    if not os.path.exists("/sys/fs/resctrl/schemata"):
        assert "Intel RDT is not enabled" in refusal(oci, linux(intelRdt={"closID": "x"}))
    assert "invalid memory policy mode" in refusal(oci, linux(memoryPolicy={"mode": "MPOL_X", "nodes": "0"}))
    if not os.path.exists("/run/systemd/system"):
        done = oci("--systemd-cgroup", "run", oci.id)
        assert done.returncode == 1 and "systemd is not running" in done.stderr


def test_recursive_readonly_mount(oci):
    source = oci.path / "tree"
    (source / "below").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source / "below"], check=True)
    try:
        for option, expected in (("ro", "rw"), ("rro", "ro")):
            oci.spec(["sh", "-c", "touch /data/x 2>/dev/null && echo top; touch /data/below/x 2>/dev/null && echo rw || echo ro"])
            change(oci, lambda spec: spec["mounts"].append(
                {"destination": "/data", "type": "bind", "source": str(source), "options": ["rbind", option]}))
            done = oci("run", oci.id)
            assert done.stdout.split() == [expected], done.stderr
    finally:
        subprocess.run(["umount", source / "below"], check=True)


def test_owners_of_a_bind_are_mapped(oci):
    source = oci.path / "files"
    source.mkdir()
    (source / "a").write_text("")
    os.chown(source / "a", 1234, 1234)
    mapping = [{"containerID": 1234, "hostID": 77, "size": 1}]

    def edit(spec):
        spec["mounts"].append({"destination": "/data", "type": "bind", "source": str(source),
                               "options": ["bind"], "uidMappings": mapping, "gidMappings": mapping})
    oci.spec(["stat", "-c", "%u:%g", "/data/a"])
    change(oci, edit)
    done = oci("run", oci.id)
    if "MOUNT_ATTR_IDMAP" in done.stderr:
        pytest.skip("this file system cannot map owners")
    assert done.stdout == "77:77\n", done.stderr


def test_update_and_figures(oci):
    oci.spec(["sleep", "60"])
    assert subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "run", "-d", oci.id], cwd=oci.path,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    done = oci("update", "--pids-limit", "77", "--memory", "64M", oci.id)
    assert done.returncode == 0, done.stderr
    figures = json.loads(oci("events", "--stats", oci.id).stdout)
    assert figures["type"] == "stats" and figures["id"] == oci.id
    assert figures["data"]["pids"] == {"current": 1, "limit": 77}
    assert figures["data"]["memory"]["usage"]["limit"] == 64 << 20
    assert oci("update", "--resources", "-", oci.id, input=json.dumps({"pids": {"limit": 55}})).returncode == 0
    assert json.loads(oci("events", "--stats", oci.id).stdout)["data"]["pids"]["limit"] == 55
    assert oci("delete", "-f", oci.id).returncode == 0


def test_log_tells_steps(oci):
    oci.spec(["true"])
    for form, mark in (("text", "level=debug"), ("json", '"level":"debug"')):
        log = oci.path / f"log.{form}"
        assert oci("--debug", "--log", log, "--log-format", form, "run", oci.id).returncode == 0
        assert mark in log.read_text() and "program executed" in log.read_text()
    assert oci("--log-format", "xml", "run", oci.id).returncode == 1


def test_pidfd_socket(oci, tmp_path):
    address = f"/tmp/apus-pidfd-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(1)
        oci.spec(["sleep", "60"])
        done = subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "run", "-d", "--pidfd-socket", address, oci.id],
                              cwd=oci.path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert done.returncode == 0
        client, _ = listener.accept()
        _, fds, _, _ = socket.recv_fds(client, 64, 1)
        signal_and_wait(fds[0])
        client.close()
    os.unlink(address)


def signal_and_wait(descriptor):
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    wait_readable(descriptor)
    os.close(descriptor)


def test_a_mount_goes_where_a_link_will_lead(oci):
    """The link leads nowhere yet, and would lead out if it were followed on the host."""
    oci.spec(["cat", "/made/for/it/file"])
    os.symlink("/made/for/it/file", oci.path / "rootfs/link")
    os.symlink("/loop", oci.path / "rootfs/loop")
    (oci.path / "file").write_text("bound")

    def mount(destination):
        change(oci, lambda spec: spec["mounts"].append(
            {"destination": destination, "type": "bind", "source": str(oci.path / "file"), "options": ["bind"]}))
    mount("/link")
    done = oci("run", oci.id)
    assert done.stdout == "bound", done.stderr
    assert not os.path.exists("/made")
    mount("/loop/file")
    done = oci("run", oci.id)
    assert done.returncode == 1 and "symbolic links" in done.stderr


def test_a_mount_from_inside_the_root(oci):
    """What an earlier mount made is a source for a later one, also for users who could not open it themselves."""
    source = oci.path / "closed"
    source.mkdir(mode=0o700)
    (source / "word").write_text("found")
    (source / "word").chmod(0o644)
    users = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for folder in [oci.path, *oci.path.parents]:
        if os.stat(folder).st_mode & 0o001 == 0:
            os.chmod(folder, 0o711)

    def edit(spec):
        root = f"{oci.path}/rootfs"
        spec["mounts"] += [
            {"destination": "/a", "type": "bind", "source": str(source), "options": ["bind"]},
            {"destination": f"{root}/b", "type": "bind", "source": f"{root}/a", "options": ["rbind"]}]
        add_namespace(spec, "user")
        spec["linux"].update(uidMappings=users, gidMappings=users)
    subprocess.run(["chown", "-Rh", "100000:100000", oci.path / "rootfs"], check=True)
    os.chmod(source, 0o755)
    assert output(oci, edit, "cat", "/b/word") == "found"


def test_a_created_container_heeds_signals(oci):
    """It is pid 1 of its namespace: the kernel drops signals that it does not handle."""
    oci.spec(["sleep", "60"])
    subprocess.run([PROGRAM, "--root", f"{oci.path.parent}/root", "create", oci.id], cwd=oci.path, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    descriptor = os.pidfd_open(json.loads(oci("state", oci.id).stdout)["pid"])
    assert oci("kill", oci.id, "TERM").returncode == 0
    wait_readable(descriptor)
    os.close(descriptor)
    assert json.loads(oci("state", oci.id).stdout)["status"] == "stopped"
    assert oci("delete", oci.id).returncode == 0


def test_options_of_a_bind_replace_those_of_its_source(oci):
    """As runc has it: any option given makes the set; with users of its own a container cannot take off what the host put on."""
    source = oci.path / "source"
    source.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid", source], check=True)
    for folder in [oci.path, *oci.path.parents]:
        if os.stat(folder).st_mode & 0o001 == 0:
            os.chmod(folder, 0o711)
    subprocess.run(["chown", "-Rh", "100000:100000", oci.path / "rootfs"], check=True)

    def run(*options, users=False):
        oci.spec(["sh", "-c", "grep ' /data ' /proc/mounts | cut -d' ' -f4"])

        def edit(spec):
            spec["mounts"].append({"destination": "/data", "type": "bind", "source": str(source), "options": ["bind", *options]})
            if users:
                add_namespace(spec, "user")
                mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
                spec["linux"].update(uidMappings=mapping, gidMappings=mapping)
        change(oci, edit)
        done = oci("run", oci.id)
        return set(done.stdout.strip().split(",")[:3]) if done.returncode == 0 else done.stderr
    try:
        assert {"ro", "nosuid"} <= run()
        assert run("nodev") & {"ro", "rw", "nosuid", "nodev"} == {"rw", "nodev"}
        assert {"ro", "nosuid"} <= run("nodev", users=True)
        assert "operation not permitted" in run("rw", users=True)
    finally:
        subprocess.run(["umount", source], check=True)
