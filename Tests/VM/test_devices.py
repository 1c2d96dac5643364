# SPDX-License-Identifier: Apache-2.0
"""The eBPF program that stands for version 1's device files: what is allowed works, all else is refused."""
from machine import Running, short

REFUSED = "Operation not permitted"


def make_and_read(container, major, minor, kind="c"):
    """Makes a node in /tmp and reads a byte of it."""
    return container.sh(f"rm -f /tmp/n; mknod /tmp/n {kind} {major} {minor} && dd if=/tmp/n of=/dev/null bs=8192 count=1")


@short
def test_usual_devices_work_and_others_do_not(client, busybox):
    with Running(client) as container:
        assert container.sh("head -c 4 /dev/urandom | wc -c; echo x >/dev/null; head -c 2 /dev/zero | wc -c").stdout.split() == ["4", "2"]
        assert make_and_read(container, 1, 5).returncode == 0
        for major, minor, kind in [(1, 1, "c"), (254, 0, "b"), (10, 229, "c"), (1, 11, "c")]:
            result = make_and_read(container, major, minor, kind)
            assert result.returncode != 0 and REFUSED in result.stderr, (major, minor, result)


def test_a_device_that_is_given(client, busybox):
    with Running(client, "--device", "/dev/vda:/dev/disk-of-mine:r") as container:
        assert container.sh("head -c 512 /dev/disk-of-mine | wc -c").stdout.strip() == "512"
        result = container.sh("echo x >/dev/disk-of-mine")
        assert result.returncode != 0 and REFUSED in result.stderr, result


def test_rules(client, busybox):
    with Running(client, "--device-cgroup-rule", "b 254:0 rm", "--device-cgroup-rule", "b 253:* rmw") as container:
        result = make_and_read(container, 254, 0, "b")
        assert result.returncode == 0, result
        assert REFUSED in container.sh("echo x >/tmp/n").stderr
        # Another disk, and a character device of the same number.
        assert REFUSED in make_and_read(container, 254, 16, "b").stderr
        assert REFUSED in make_and_read(container, 254, 0, "c").stderr
        # Allowed, though nothing has that number.
        assert REFUSED not in make_and_read(container, 253, 7, "b").stderr


@short
def test_privileged_reaches_all(client, busybox):
    with Running(client, "--privileged") as container:
        assert make_and_read(container, 254, 0, "b").returncode == 0
        assert container.sh("test -b /dev/vda").returncode == 0


def test_exec_is_under_the_same_program(client, busybox):
    with Running(client) as container:
        result = client.run("exec", "--privileged", container.id, "sh", "-c", "mknod /tmp/m b 254 0; head -c 1 /tmp/m")
        assert REFUSED in result.stderr, result
