# SPDX-License-Identifier: Apache-2.0
"""What a container sees and may do in the tree of version 2: its namespace, groups of its own, the runtime's `unified`."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from machine import CGROUPS, PLACE, PROGRAMS, Running, group, short


def test_namespace_is_private_by_default(client, busybox):
    with Running(client) as container:
        assert container.sh("cat /proc/self/cgroup").stdout.strip() == "0::/"
        assert container.sh("cat /proc/1/cgroup").stdout.strip() == "0::/"
        listed = container.sh("ls /sys/fs/cgroup").stdout.split()
        assert "memory.max" in listed and "cgroup.procs" in listed, listed
        assert "Read-only" in container.sh("mkdir /sys/fs/cgroup/x").stderr
        assert client.ok("inspect", "-f", "{{.HostConfig.CgroupnsMode}}", container.id) == "private"


def test_namespace_of_the_host(client, busybox):
    with Running(client, "--cgroupns", "host") as container:
        seen = container.sh("cat /proc/1/cgroup").stdout.strip()
        assert seen.endswith(container.id) and seen != "0::/", seen
        here = str(group(container.id).relative_to(CGROUPS))
        assert container.sh(f"test -e /sys/fs/cgroup/{here}/cgroup.procs").returncode == 0 or "memory.max" in container.sh("ls /sys/fs/cgroup").stdout
        assert "Read-only" in container.sh("mkdir /sys/fs/cgroup/x").stderr


@short
def test_privileged_container_makes_groups_and_exec_still_works(client, busybox):
    with Running(client, "--privileged") as container:
        made = container.sh(
            "cd /sys/fs/cgroup && mkdir init below && for p in $(cat cgroup.procs); do echo $p >init/cgroup.procs; done 2>/dev/null;"
            "echo +memory +pids >cgroup.subtree_control && echo 33 >below/pids.max && cat below/pids.max")
        assert made.stdout.strip() == "33", made
        # Groups that hand controllers down take no processes: an exec goes where the first process went.
        later = container.sh("cat /proc/self/cgroup")
        assert (later.returncode, later.stdout.strip()) == (0, "0::/init"), later
        assert "sleep" in client.ok("top", container.id)
        client.ok("update", "--pids-limit", "99", container.id)
        assert container.held("pids.max") == "99"


def bundle(folder, change):
    """A busybox bundle with the runtime's own spec, changed."""
    root = folder / "rootfs"
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    for name in ("proc", "dev", "sys", "tmp"):
        (root / name).mkdir()
    subprocess.run([PROGRAMS / "apus-runtime", "spec", "--bundle", folder], check=True)
    spec = json.loads((folder / "config.json").read_text())
    spec["process"]["terminal"] = False
    change(spec)
    (folder / "config.json").write_text(json.dumps(spec))


def runtime(folder, *arguments):
    return subprocess.run([str(PROGRAMS / "apus-runtime"), "--root", str(folder / "state"), *map(str, arguments)],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_unified_resources_of_the_runtime():
    folder = pathlib.Path(tempfile.mkdtemp(dir=PLACE))

    def change(spec):
        spec["process"]["args"] = ["/bin/busybox", "sh", "-c", "cat /sys/fs/cgroup/memory.high /sys/fs/cgroup/pids.max"]
        spec["linux"]["cgroupsPath"] = "/apus-unified"
        spec["linux"]["resources"]["unified"] = {"memory.high": "33554432", "pids.max": "27"}
        spec["linux"]["namespaces"].append({"type": "cgroup"}) if {"type": "cgroup"} not in spec["linux"]["namespaces"] else None

    bundle(folder / "b", change)
    result = runtime(folder, "run", "--bundle", folder / "b", "unified")
    assert (result.returncode, result.stdout.split()) == (0, ["33554432", "27"]), result
    assert not (CGROUPS / "apus-unified").exists()
    spec = json.loads((folder / "b/config.json").read_text())
    for name, text in [("../memory.max", "without slashes"), ("memory.nonsense", "memory.nonsense")]:
        spec["linux"]["resources"]["unified"] = {name: "1"}
        (folder / "b/config.json").write_text(json.dumps(spec))
        result = runtime(folder, "run", "--bundle", folder / "b", "unified2")
        assert result.returncode != 0 and text in result.stderr, result
    shutil.rmtree(folder)


def test_user_namespace_owns_its_group():
    """A container with users of its own, a cgroup namespace and a writable tree may make groups (delegation, cgroups(7))."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=PLACE))

    def change(spec):
        spec["process"]["args"] = ["/bin/busybox", "sh", "-c", "cd /sys/fs/cgroup && /bin/busybox mkdir below && echo $$ >below/cgroup.procs && cat /proc/self/cgroup".replace("cat", "/bin/busybox cat")]
        spec["linux"]["cgroupsPath"] = "/apus-delegated"
        kinds = {n["type"] for n in spec["linux"]["namespaces"]}
        spec["linux"]["namespaces"] += [{"type": kind} for kind in ("user", "cgroup") if kind not in kinds]
        spec["linux"]["uidMappings"] = spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        spec["mounts"] = [m for m in spec["mounts"] if m["destination"] != "/sys/fs/cgroup"] + [
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "rw"]}]

    bundle(folder / "b", change)
    subprocess.run(["chown", "-R", "100000:100000", str(folder / "b/rootfs")], check=True)
    for place in (folder, folder / "b"):
        os.chmod(place, 0o755)
    result = runtime(folder, "run", "--bundle", folder / "b", "delegated")
    assert (result.returncode, result.stdout.strip()) == (0, "0::/below"), result
    shutil.rmtree(folder)
