# SPDX-License-Identifier: Apache-2.0
"""bind-idmap: a bind mount whose files have other owners in the container than on the host's disk, both ways."""
import os
import shutil

import pytest


@pytest.fixture()
def folder(daemon):
    made = daemon.root / "owned"
    made.mkdir()
    made.chmod(0o777)
    (made / "ours").write_text("x")
    for path in (made, made / "ours"):
        os.chown(path, 1000, 1001)
    yield made
    shutil.rmtree(made)


def mount(folder, idmap, *more):
    return ["--mount", ",".join([f"type=bind,src={folder},dst=/v,bind-idmap={idmap}", *more])]


def owners(path):
    return path.stat().st_uid, path.stat().st_gid


def test_owners_in_and_out(daemon, busybox, folder):
    client = daemon.client()
    script = "stat -c %u:%g /v/ours; touch /v/made; mkdir /v/sub; touch /v/sub/deep; stat -c %u:%g /v/made"
    found = client.ok("run", "--rm", *mount(folder, "uids=1000-0-1;gids=1001-0-1"), busybox, "sh", "-c", script)
    assert found.split() == ["0:0", "0:0"]
    assert owners(folder / "made") == owners(folder / "sub" / "deep") == (1000, 1001)


def test_several_ranges(daemon, busybox, folder):
    for user in (1500, 1501):
        (folder / str(user)).touch()
        os.chown(folder / str(user), user, 1001)
    found = daemon.client().ok("run", "--rm", *mount(folder, "uids=1000-0-1#1500-10-2"), busybox, "stat", "-c", "%u:%g", "/v/ours", "/v/1500", "/v/1501")
    assert found.split() == ["0:1001", "10:1001", "11:1001"]


def test_who_is_not_mapped_owns_nothing_and_makes_nothing(daemon, busybox, folder):
    client = daemon.client()
    (folder / "alien").touch()
    found = client.ok("run", "--rm", *mount(folder, "uids=1000-0-1;gids=1001-0-1"), busybox, "stat", "-c", "%u:%g", "/v/alien")
    assert found == "65534:65534"
    done = client.run("run", "--rm", "-u", "7", *mount(folder, "uids=1000-0-1;gids=1001-0-1"), busybox, "touch", "/v/no")
    assert done.returncode == 1 and "Value too large" in done.stderr and not (folder / "no").exists()


def test_with_users_of_its_own(daemon, busybox, folder, own_daemon, registry):
    other = own_daemon("--userns-auto-pool", "200000:200000")
    other.pull(registry, "busybox:latest")
    script = "cut -d ' ' -f 1-30 /proc/self/uid_map; stat -c %u:%g /v/ours; touch /v/made"
    found = other.client().ok("run", "--rm", "--userns", "auto", "-u", "0:5", *mount(folder, "uids=1000-0-1;gids=1001-5-1"), "busybox", "sh", "-c", script)
    assert found.split()[:2] == ["0", "200000"] and found.split()[-1] == "0:5"
    assert owners(folder / "made") == (1000, 1001)
    done = other.client().run("run", "--rm", "--userns", "auto:size=1000", *mount(folder, "uids=0-5000-1"), "busybox", "true")
    assert done.returncode == 125 and "bind-idmap: the container has no user 5000 to 5000" in done.stderr


def test_in_the_api_and_read_only(daemon, busybox, folder):
    body = {"Image": busybox, "Cmd": ["sh", "-c", "stat -c %u /v/ours; touch /v/no"], "HostConfig": {"Mounts": [
        {"Type": "bind", "Source": str(folder), "Target": "/v", "ReadOnly": True, "BindOptions": {"IDMap": "uids=1000-3-1"}}]}}
    status, made = daemon.api("POST", "/containers/create", body)
    assert status == 201, made
    shown = daemon.api("GET", f"/containers/{made['Id']}/json")[1]["HostConfig"]["Mounts"][0]
    assert shown["BindOptions"]["IDMap"] == "uids=1000-3-1"
    done = daemon.client().run("start", "-a", made["Id"])
    assert done.stdout == "3\n" and "Read-only" in done.stderr
    daemon.client().ok("rm", made["Id"])


def test_a_file_system_that_cannot(daemon, busybox):
    done = daemon.client().run("run", "--rm", *mount("/proc/sys", "uids=1000-0-1"), busybox, "true")
    assert done.returncode == 125 and "the file system of /proc/sys cannot map owners" in done.stderr


@pytest.mark.parametrize("idmap", ["", "uids=0-0", "uids=0-0-0", "0-0-1", "uids=0-0-2#1-5-1", "uids=4294967295-0-1"])
def test_what_is_no_map(daemon, busybox, folder, idmap):
    done = daemon.client().run("run", "--rm", *mount(folder, idmap or "uids="), busybox, "true")
    assert done.returncode == 125 and "invalid bind-idmap" in done.stderr


def test_a_read_only_bind_is_so_all_the_way_down(daemon, busybox):
    outer = daemon.root / "outer"
    (outer / "inner").mkdir(parents=True)
    script = "touch /v/a; touch /v/inner/b; true"

    def errors(*options):
        run = ["run", "--rm", *options, busybox, "sh", "-c", script]
        return daemon.client().run(*run).stderr.count("Read-only")
    os.system(f"mount -t tmpfs inner {outer}/inner")
    try:
        assert errors("-v", f"{outer}:/v:ro") == 2
        assert errors("--mount", f"type=bind,src={outer},dst=/v,ro,bind-recursive=readonly,bind-propagation=rprivate") == 2
        assert errors("--mount", f"type=bind,src={outer},dst=/v,ro,bind-recursive=writable") == 1
        done = daemon.client().run("run", "--rm", "--mount", f"type=bind,src={outer},dst=/v,bind-recursive=writable", busybox, "true")
        assert done.returncode == 125 and "must be read-only" in done.stderr
    finally:
        os.system(f"umount {outer}/inner")
        shutil.rmtree(outer)
