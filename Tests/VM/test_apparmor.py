# SPDX-License-Identifier: Apache-2.0
"""AppArmor: the default profile fences every container, a named one or none replaces it."""
import pathlib
import subprocess

from machine import Running, Skip, short

LOADED = pathlib.Path("/sys/kernel/security/apparmor/profiles")


def need_apparmor():
    enabled = pathlib.Path("/sys/module/apparmor/parameters/enabled")
    if not enabled.exists() or not enabled.read_text().startswith("Y"):
        raise Skip("this kernel runs without AppArmor")


@short
def test_default_profile_is_loaded_and_worn(daemon, client, busybox):
    need_apparmor()
    assert "docker-default (enforce)" in LOADED.read_text(), LOADED.read_text()
    assert "name=apparmor" in daemon.api("GET", "/info")[1]["SecurityOptions"]
    with Running(client) as container:
        assert client.ok("inspect", "-f", "{{.AppArmorProfile}}", container.id) == "docker-default"
        assert container.sh("cat /proc/self/attr/current").stdout.strip("\0\n ") == "docker-default (enforce)"
        assert container.sh("cat /proc/1/attr/current").stdout.strip("\0\n ") == "docker-default (enforce)"


def test_default_profile_fences(client, busybox):
    need_apparmor()
    with Running(client, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined") as container:
        result = container.sh("mkdir /tmp/m && mount -t tmpfs tmpfs /tmp/m")
        assert result.returncode != 0 and "denied" in result.stderr.lower(), result
        assert container.sh("echo x >/tmp/file && cat /tmp/file && ls /proc/self >/dev/null").returncode == 0
    with Running(client, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined") as container:
        assert container.sh("mkdir /tmp/m && mount -t tmpfs tmpfs /tmp/m").returncode == 0
        assert container.sh("cat /proc/self/attr/current").stdout.strip("\0\n ") == "unconfined"
        assert client.ok("inspect", "-f", "{{.AppArmorProfile}}", container.id) == "unconfined"


def test_privileged_is_unconfined(client, busybox):
    need_apparmor()
    with Running(client, "--privileged") as container:
        assert container.sh("cat /proc/self/attr/current").stdout.strip("\0\n ") == "unconfined"


def test_profile_of_ones_own(client, busybox):
    need_apparmor()
    text = "profile apus-test flags=(attach_disconnected,mediate_deleted) { file, network, capability, signal, ptrace, umount, deny /etc/passwd r, }\n"
    subprocess.run(["apparmor_parser", "-Kr"], input=text, text=True, check=True)
    with Running(client, "--security-opt", "apparmor=apus-test") as container:
        assert container.sh("cat /proc/self/attr/current").stdout.strip("\0\n ") == "apus-test (enforce)"
        assert "denied" in container.sh("cat /etc/passwd").stderr.lower()
        assert client.ok("inspect", "-f", "{{.AppArmorProfile}}", container.id) == "apus-test"


@short
def test_profile_that_is_not_loaded(client, busybox):
    need_apparmor()
    result = client.run("run", "--rm", "--security-opt", "apparmor=apus-no-such-profile", busybox, "true")
    assert result.returncode == 126 or result.returncode == 127 or result.returncode == 125, result
    assert "apparmor" in result.stderr.lower() and "apus-no-such-profile" in result.stderr, result
