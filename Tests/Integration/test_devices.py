# SPDX-License-Identifier: Apache-2.0
"""Devices: given nodes, rules of the device control group, and what vendors describe (CDI)."""
import json
import os
import pathlib
import shutil
import stat
import tempfile

import pytest

from conftest import make_daemon


@pytest.fixture(scope="module")
def cdi(registry):
    """A daemon with two folders of descriptions."""
    folders = [pathlib.Path(tempfile.mkdtemp(prefix="apus-cdi-", dir="/var/tmp")) for _ in range(2)]
    daemon = make_daemon([word for folder in folders for word in ("--cdi-spec-dir", folder)])
    daemon.folders = folders
    daemon.pull(registry, "busybox:latest")
    yield daemon
    problems = daemon.destroy()
    for folder in [*folders, daemon.root]:
        shutil.rmtree(folder)
    assert problems == [], f"left behind: {problems}"


def describe(folder, name, devices, kind="vendor.com/class", **more):
    (folder / name).write_text(json.dumps({"cdiVersion": "0.6.0", "kind": kind, "devices": devices, **more}))


def run(daemon, *words):
    return daemon.client().run("run", "--rm", *words)


def rare():
    """The number of a device that anybody may open and no container has by itself."""
    for name in ("/dev/loop-control", "/dev/net/tun", "/dev/fuse"):
        if os.path.exists(name):
            return os.stat(name).st_rdev
    pytest.skip("this machine has no device to try with")


def node(daemon):
    path = daemon.root / "node"
    if not path.exists():
        os.mknod(path, stat.S_IFCHR | 0o666, rare())
        path.chmod(0o666)
    return str(path)


def test_edits_reach_the_container(cdi):
    shared = cdi.root / "driver"
    shared.mkdir()
    (shared / "lib").write_text("library\n")
    mark = cdi.root / "hooked"
    describe(cdi.folders[0], "vendor.json", [
        {"name": "zero", "containerEdits": {
            "env": ["DEVICE=zero", "PATH=/bin"], "deviceNodes": [{"path": "/dev/vendor0", "hostPath": node(cdi), "permissions": "r"}],
            "mounts": [{"hostPath": str(shared), "containerPath": "/opt/driver", "options": ["ro", "nosuid"]}], "additionalGids": [777],
            "hooks": [{"hookName": "createRuntime", "path": "/bin/sh", "args": ["sh", "-c", f"cat > {mark}"]}]}},
        {"name": "other", "containerEdits": {"env": ["OTHER=yes"]}},
    ], containerEdits={"env": ["COMMON=1"]})
    script = "echo $DEVICE $COMMON $OTHER; exec 3</dev/vendor0 && echo open; (exec 4>/dev/vendor0); cat /opt/driver/lib; touch /opt/driver/x; id -G"
    done = run(cdi, "--device", "vendor.com/class=zero", "--device", "vendor.com/class=other", "busybox", "sh", "-c", script)
    assert done.stdout.split() == ["zero", "1", "yes", "open", "library", *done.stdout.split()[5:]] and "777" in done.stdout.split()[5:]
    assert "Operation not permitted" in done.stderr and "Read-only" in done.stderr
    assert json.loads(mark.read_text())["status"] == "creating"
    assert cdi.api("GET", "/info")[1]["CDISpecDirs"] == [str(folder) for folder in cdi.folders]


def test_a_later_folder_wins_and_two_files_of_one_spoil_it(cdi):
    def device(value):
        return [{"name": "d", "containerEdits": {"env": [f"FROM={value}"]}}]
    describe(cdi.folders[0], "a.json", device("first"), "ranked.com/class")
    describe(cdi.folders[1], "a.json", device("second"), "ranked.com/class")
    assert run(cdi, "--device", "ranked.com/class=d", "busybox", "sh", "-c", "echo $FROM").stdout == "second\n"
    describe(cdi.folders[1], "b.json", device("third"), "ranked.com/class")
    done = run(cdi, "--device", "ranked.com/class=d", "busybox", "true")
    assert done.returncode == 125 and "unresolvable CDI devices ranked.com/class=d" in done.stderr and "conflicts with" in done.stderr


def test_what_nobody_describes(cdi):
    done = run(cdi, "--device", "nobody.com/class=a", "--device", "nobody.com/class=b", "busybox", "true")
    assert done.returncode == 125
    assert "CDI device injection failed: unresolvable CDI devices nobody.com/class=a, nobody.com/class=b" in done.stderr


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"cdiVersion":"0.6.0","kind":"noslash","devices":[{"name":"d"}]}',
    '{"cdiVersion":"9.0","kind":"bad.com/class","devices":[{"name":"d"}]}',
    '{"cdiVersion":"0.6.0","kind":"bad.com/class","devices":[{"name":"d","containerEdits":{"env":["NOEQUALS"]}}]}',
    '{"cdiVersion":"0.6.0","kind":"bad.com/class","devices":[{"name":"d","containerEdits":{"hooks":[{"hookName":"never","path":"/x"}]}}]}',
    '{"cdiVersion":"0.6.0","kind":"bad.com/class","devices":[{"name":"d","containerEdits":{"intelRdt":{}}}]}',
    '{"cdiVersion":"0.6.0","kind":"bad.com/class","devices":[{"name":"d","containerEdits":{"mounts":[{"hostPath":"/","containerPath":"x"}]}}]}',
])
def test_a_damaged_description_is_named(cdi, text):
    file = cdi.folders[0] / "bad.json"
    file.write_text(text)
    done = run(cdi, "--device", "bad.com/class=d", "busybox", "true")
    file.unlink()
    assert done.returncode == 125 and "unresolvable CDI devices bad.com/class=d" in done.stderr and str(file) in done.stderr


def test_a_device_the_host_lacks(cdi):
    describe(cdi.folders[0], "gone.json", [{"name": "d", "containerEdits": {"deviceNodes": [{"path": "/dev/gone"}]}}], "gone.com/class")
    done = run(cdi, "--device", "gone.com/class=d", "busybox", "true")
    # 127 as with Docker: clients look for these words.
    assert done.returncode == 127 and 'failed to stat CDI host device "/dev/gone"' in done.stderr


def test_other_device_requests(cdi):
    done = run(cdi, "--gpus", "all", "busybox", "true")
    assert done.returncode == 125 and 'could not select device driver "" with capabilities: [[gpu]]' in done.stderr
    status, answer = cdi.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"DeviceRequests": [
        {"Driver": "cdi", "Count": 2, "DeviceIDs": ["vendor.com/class=zero"]}]}})
    assert status == 400 and answer["message"] == "cannot set both Count and DeviceIDs on device request"


def test_given_nodes_and_rules(cdi):
    given = f"{node(cdi)}:/dev/given:r"
    assert run(cdi, "--device", given, "busybox", "sh", "-c", "exec 3</dev/given && echo open").stdout == "open\n"
    assert "not permitted" in run(cdi, "--device", given, "busybox", "sh", "-c", "exec 4>/dev/given").stderr
    major, minor = os.major(rare()), os.minor(rare())
    make = f"mknod /tmp/made c {major} {minor} && exec 3</tmp/made && echo open"
    assert run(cdi, "busybox", "sh", "-c", make).stdout == ""
    assert run(cdi, "--device-cgroup-rule", f"c {major}:{minor} r", "busybox", "sh", "-c", make).stdout == "open\n"
    done = run(cdi, "--device", "/dev/does-not-exist", "busybox", "true")
    assert done.returncode in (125, 127) and "error gathering device information" in done.stderr
