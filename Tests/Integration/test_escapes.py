# SPDX-License-Identifier: Apache-2.0
"""Known ways out of a container, each really tried from inside: every test fails when its fence is gone."""
import concurrent.futures
import ctypes
import hashlib
import json
import os
import pathlib
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

from conftest import IMAGES, PROGRAMS
from harness import Daemon, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).parent / "runtime"))
from shim_driver import make_rootfs, make_spec  # noqa: E402
from hostile import (  # noqa: E402,F401
    NATIVE, Layer, Probe, apus, archive, busybox_layer, busybox_program, load, name, place, sh, status)

EPERM, ENOSYS = -1, -38
native = pytest.mark.skipif(not NATIVE, reason="the probes are x86-64 programs")
# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP
CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")
FOURTEEN = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))


@pytest.fixture(scope="module")
def probe(place, apus):
    """Runs system calls in a new container; gives what they returned."""
    (place / "probes").mkdir()

    def build(program):
        path = place / "probes" / uuid.uuid4().hex
        path.write_bytes(program.build())
        path.chmod(0o755)
        return f"/probes/{path.name}"

    def run(program, *options, exec_in=None):
        path = build(program)
        if exec_in:
            output = apus.ok("exec", *options, exec_in, path, text=False)
        else:
            output = apus.ok("run", "--rm", "-v", f"{place}/probes:/probes:ro", *options, "busybox", path, text=False)
        return Probe.values(output)
    run.build = build
    run.volume = f"{place}/probes:/probes:ro"
    return run


class Bundle:
    """An OCI bundle for apus-runtime itself, whose configuration and rootfs may be as hostile as they like."""

    def __init__(self, folder):
        self.folder, self.id = folder, f"esc-{uuid.uuid4().hex[:12]}"
        make_rootfs(f"{folder}/rootfs")
        self.spec = make_spec(["sh"], cgroup=f"/apus-esc/{self.id}")
        self.program = str(PROGRAMS / "apus-runtime")

    def rootfs(self, name, content, mode=0o755):
        path = pathlib.Path(f"{self.folder}/rootfs/{name}")
        path.write_bytes(content)
        path.chmod(mode)

    def command(self, args, **process):
        self.spec["process"].update(args=args, **process)
        pathlib.Path(f"{self.folder}/config.json").write_text(json.dumps(self.spec))
        return [self.program, "--root", f"{self.folder}/root", "run", "-b", str(self.folder), self.id]

    def run(self, args, options=None, **process):
        return subprocess.run(self.command(args, **process), capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, **(options or {}))

    def replace_process(self, args):
        """In a forked child."""
        try:
            command = self.command(args)
            os.execv(command[0], command)
        finally:
            os._exit(1)

    def delete(self):
        subprocess.run([self.program, "--root", f"{self.folder}/root", "delete", "-f", self.id], capture_output=True)
        for hierarchy in pathlib.Path("/sys/fs/cgroup").glob("**/apus-esc"):
            try:
                hierarchy.rmdir()
            except OSError:
                pass  # another worker's


@pytest.fixture
def oci(place):
    folder = place / f"bundle-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    bundle = Bundle(folder)
    yield bundle
    bundle.delete()


# What a process is given.

def check_status(fields, user=False, privileges="0"):
    assert int(fields["CapBnd"], 16) == FOURTEEN
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == (0 if user else FOURTEEN)
    # CVE-2022-24769: inheritable ones reach every program with file capabilities.
    assert int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0
    assert fields["Seccomp"] == "2" and fields["NoNewPrivs"] == privileges


def test_fourteen_capabilities_and_a_filter_for_run_exec_and_healthcheck(daemon, apus, name):
    apus.ok("run", "-d", "--name", name, "--health-cmd", "cat /proc/self/status > /tmp/health", "--health-interval", "1s",
            "busybox", "sh", "-c", "cat /proc/self/status; exec sleep 600")
    check_status(status(apus.ok("exec", name, "cat", "/proc/self/status")))
    check_status(status(apus.ok("exec", "-t", name, "cat", "/proc/self/status")))
    check_status(status(apus.ok("exec", "-u", "1000:1000", name, "cat", "/proc/self/status")), user=True)
    check_status(status(apus.ok("logs", name)))
    wait_until(lambda: apus.run("exec", name, "test", "-s", "/tmp/health").returncode == 0, "a health check ran")
    check_status(status(apus.ok("exec", name, "cat", "/tmp/health")))


@native
def test_no_new_privileges(apus, load):
    program = Probe()
    program.call(107)  # geteuid
    image = load(Layer().file("bin/who", program.build(), mode=0o4755))

    def user(*options):
        return Probe.values(apus.ok("run", "--rm", "-u", "1000:1000", *options, image, "who", text=False))
    assert user() == [0]
    assert user("--security-opt", "no-new-privileges") == [1000]
    fields = status(sh(apus, "cat /proc/self/status", "--security-opt", "no-new-privileges", "-u", "1000"))
    check_status(fields, user=True, privileges="1")


def test_privileged_gives_what_there_is(apus):
    host = status(pathlib.Path("/proc/self/status").read_text())
    fields = status(sh(apus, "cat /proc/self/status", "--privileged"))
    assert fields["CapEff"] == fields["CapBnd"] == host["CapBnd"] and int(fields["CapInh"], 16) == 0
    assert fields["Seccomp"] == "0"
    assert "made" in sh(apus, "mount -t tmpfs x /mnt || { mkdir /mnt; mount -t tmpfs x /mnt; } && echo made", "--privileged")


def test_groups_are_the_image_s_own(apus, load):
    """CVE-2022-2995 class: neither the daemon's groups, nor the loss of the primary one among the supplementary ones."""
    image = load(Layer().file("etc/passwd", "root:x:0:0:r:/:/bin/sh\nann:x:1000:1000:a:/:/bin/sh\n")
                 .file("etc/group", "root:x:0:\nann:x:1000:\nteam:x:2000:ann\nother:x:3000:root\n"))
    script = "grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr -s ' \\t' ' '"
    assert sh(apus, script, "-u", "ann", image=image).split("\n")[:3] == [
        "Uid: 1000 1000 1000 1000", "Gid: 1000 1000 1000 1000", "Groups: 1000 2000 "]
    assert "Groups: 5 " in sh(apus, script, "-u", "7:5", image=image)
    assert "Groups: 0 3000 " in sh(apus, script, image=image)
    assert "Groups: 9 1000 2000" in sh(apus, script, "-u", "ann", "--group-add", "9", image=image).replace("1000 2000 9", "9 1000 2000")


def test_descriptors_are_the_three_streams(apus, name):
    """CVE-2024-21626: nothing of the runtime's own stays open."""
    listing = ("exec", "ls", "-l", "/proc/self/fd")

    def beyond(text):
        own = [line for line in text.splitlines() if " -> " in line and not line.endswith("/fd")]
        return [line for line in own if line.split(" -> ")[0].split()[-1] not in ("0", "1", "2")]
    for options in ((), ("-t",), ("-i",), ("--init",), ("-u", "1000")):
        assert beyond(apus.ok("run", "--rm", *options, "busybox", *listing[1:])) == []
    apus.ok("run", "-d", "--name", name, "--init", "busybox", "sleep", "600")
    for options in ((), ("-t",), ("-i",), ("-u", "1000")):
        text = apus.ok(listing[0], *options, name, *listing[1:])
        assert " 2 -> " in text and beyond(text) == []
    # The own init keeps none either, and cannot be looked into.
    assert apus.ok("exec", name, "ls", "/proc/1/fd/").split() == ["0", "1", "2"]
    for closed in ("exe", "root", "cwd", "fd/0", "ns/mnt"):
        assert apus.run("exec", name, "readlink", f"/proc/1/{closed}").returncode != 0
    assert "denied" in apus.run("exec", name, "cat", "/proc/1/exe").stderr


# What the kernel is asked for.

FORBIDDEN = {
    "mount": (165, 21), "umount2": (166, 52), "unshare": (272, 310), "setns": (308, 346), "keyctl": (250, 288),
    "add_key": (248, 286), "request_key": (249, 287), "bpf": (321, 357), "perf_event_open": (298, 336),
    "userfaultfd": (323, 374), "pivot_root": (155, 217), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 342), "init_module": (175, 128), "finit_module": (313, 350), "delete_module": (176, 129),
    "kexec_load": (246, 283), "reboot": (169, 88), "swapon": (167, 87), "settimeofday": (164, 79), "acct": (163, 51),
    "quotactl": (179, 131), "iopl": (172, 110), "syslog": (103, 103), "io_uring_setup": (425, 425), "kcmp": (312, 349),
    "sethostname": (170, 74), "vhangup": (153, 111), "move_pages": (279, 317), "fanotify_init": (300, 338),
}
NEW_USER = 0x10000000


@native
def test_the_filter_refuses_what_opens_doors(probe):
    program = Probe()
    # Arguments that the kernel itself would refuse in another way, where it comes to look at them.
    for plain, compat in FORBIDDEN.values():
        program.call(plain, 0x7fffffff, 0, 0, 0, 0, 0)
        program.call(compat, 0x7fffffff, 0, 0, 0, 0, 0, compat=True)
        program.call(plain | 0x40000000, 0x7fffffff, 0, 0, 0, 0, 0)  # the numbers of x32
    program.call(56, NEW_USER | 0x11, 0, 0, 0, 0)
    program.call(120, NEW_USER | 0x11, 0, 0, 0, 0, compat=True)
    program.call(435, 0, 0)
    program.call(272, NEW_USER)
    values = probe(program)
    refused = {}
    for name in FORBIDDEN:
        refused[name], values = values[:3], values[3:]
    assert {name: got for name, got in refused.items() if got[:2] != [EPERM, EPERM] or got[2] not in (EPERM, ENOSYS)} == {}
    assert values == [EPERM, EPERM, ENOSYS, EPERM]


@native
def test_no_filter_where_none_is_asked_for(probe):
    """The proof that the test above looks at the filter."""
    program = Probe()
    for name in ("unshare", "keyctl", "userfaultfd", "kcmp"):
        program.call(FORBIDDEN[name][0], 0x7fffffff, 0, 0, 0, 0, 0)
    assert EPERM not in probe(program, "--security-opt", "seccomp=unconfined")


@native
def test_keys_stay_in_their_container(apus, probe, name):
    """Session keyrings are not the host's, nor another container's, nor found by their name."""
    secret = f"apus-{uuid.uuid4().hex}".encode()
    keyctl, add_key, search, join = 250, 248, 10, 1
    keep = Probe()
    keep.call(add_key, b"user", secret, b"payload", 7, -3)
    keep.call(keyctl, 0, -3, 0)  # the session keyring's number
    keep.call(keyctl, search, -3, b"user", secret, 0)
    unconfined = ("--security-opt", "seccomp=unconfined")
    other = f"{name}-b"
    path = probe.build(keep)
    try:
        # The first process keeps its key alive: a shell cannot add it, so the program is a part of the script's session.
        apus.ok("run", "-d", "--name", name, *unconfined, "-v", probe.volume, "busybox", "sh", "-c",
                f"{path} > /key; exec sleep 600")
        apus.ok("run", "-d", "--name", other, *unconfined, "-v", probe.volume, "busybox", "sleep", "600")
        wait_until(lambda: apus.run("exec", name, "test", "-s", "/key").returncode == 0, "the key is added")
        added, ring, found = Probe.values(apus.ok("exec", name, "cat", "/key", text=False))
        assert added > 0 and ring > 0 and found == added, (added, ring, found)
        identifier = apus.ok("inspect", "-f", "{{.Id}}", name).encode()
        look = Probe()
        look.call(keyctl, search, -3, b"user", secret, 0)
        look.call(keyctl, search, ring, b"user", secret, 0)
        look.call(keyctl, 11, added, b"\0" * 64, 60)  # read
        look.call(keyctl, 0, -3, 0)
        for joined in (b"_ses." + identifier, b"_ses.exec", b"_ses"):
            look.call(keyctl, join, joined)
            look.call(keyctl, search, -3, b"user", secret, 0)
        for values in (probe(look, exec_in=other), probe(look, *unconfined)):
            assert all(value < 0 for value in values[:3] + values[5::2]), values
            assert values[3] != ring
        # Two processes executed in different containers share none.
        rings = {Probe.values(apus.ok("exec", container, path, text=False))[1] for container in (name, other)}
        assert len(rings) == 2
        # The host.
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.syscall(keyctl, search, -3, b"user", secret, 0) < 0
        assert libc.syscall(keyctl, 0, -3, 0) != ring
        assert secret.decode() not in sh(apus, "cat /proc/keys", *unconfined)
    finally:
        apus.run("rm", "-f", other)


@native
def test_terminal_input_cannot_be_faked(apus, probe):
    """TIOCSTI: without -t there is no terminal, with -t it is the container's own."""
    program = Probe()
    for descriptor in (0, 1, 2):
        program.call(16, descriptor, 0x5412, b"!")
    program.call(2, b"/dev/tty", 2)
    path = probe.build(program)
    master, slave = pty.openpty()
    process = apus.start("run", "--rm", "-i", "-v", probe.volume, "busybox", path, stdin=slave, stdout=subprocess.PIPE,
                         stderr=slave, start_new_session=True)
    values = Probe.values(process.stdout.read())
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    assert all(value < 0 for value in values) and len(values) == 4, values
    assert not select.select([slave], [], [], 0)[0], "the host's terminal has input"
    os.close(master)
    os.close(slave)


@native
def test_runtime_s_caller_keeps_its_terminal(place, oci):
    """apus-runtime hands its own streams on: the session is another one, so the terminal takes no input from it."""
    program = Probe()
    for descriptor in (0, 1, 2):
        program.call(16, descriptor, 0x5412, b"!")  # TIOCSTI
        program.call(16, descriptor, 0x540E, 0)  # TIOCSCTTY
    program.call(2, b"/dev/tty", 2)
    oci.rootfs("probe", program.build())
    pid, master = pty.fork()
    if pid == 0:
        with open(f"{oci.folder}/out", "wb") as out:
            os.dup2(out.fileno(), 1)
        oci.replace_process(["/probe"])
    os.waitpid(pid, 0)
    values = Probe.values(pathlib.Path(f"{oci.folder}/out").read_bytes())
    assert len(values) == 7 and all(value < 0 for value in values), values
    os.close(master)


# Devices and the kernel's files.

@native
def test_device_nodes_are_of_no_use(apus, load, probe):
    disk = next((os.stat(f"/dev/{n}") for n in os.listdir("/dev") if pathlib.Path(f"/dev/{n}").is_block_device()), None)
    block = (os.major(disk.st_rdev), os.minor(disk.st_rdev)) if disk else (8, 0)
    image = load(Layer().folder("nodes").device("nodes/disk", "b", *block).device("nodes/mem", "c", 1, 1)
                 .device("nodes/kmsg", "c", 1, 11).device("nodes/port", "c", 1, 4).device("nodes/fuse", "c", 10, 229))
    assert sh(apus, "ls /nodes | wc -l", image=image).split() == ["5"]
    made = ((0o060000, *block), (0o020000, 1, 1), (0o020000, 1, 2), (0o020000, 1, 4), (0o020000, 1, 11),
            (0o020000, 10, 229), (0o020000, 10, 237), (0o020000, 4, 1))
    program = Probe()
    for index, (kind, major, minor) in enumerate(made):
        program.call(133, b"/tmp/%d" % index, kind | 0o666, (major << 8) | (minor & 0xff))
    for index in range(len(made)):
        for flags in (0, 1, 2):
            program.call(2, b"/tmp/%d" % index, flags)
    for node in (b"disk", b"mem", b"kmsg", b"port", b"fuse"):
        program.call(2, b"/nodes/" + node, 0)
        program.call(2, b"/nodes/" + node, 1)
    path = probe.build(program)
    values = Probe.values(apus.ok("run", "--rm", "-v", probe.volume, "--tmpfs", "/tmp:dev", image, path, text=False))
    assert values[:len(made)] == [0] * len(made)
    assert set(values[len(made):]) == {EPERM}, values
    assert "kmsg" not in sh(apus, "ls /dev; dmesg")


def test_files_of_the_kernel_take_no_orders(apus, name):
    """core_pattern, sysrq-trigger, release_agent …: nothing of the kernel's is open for writing. Where a fence is gone, the host
    gets the values that it has."""
    before = CORE_PATTERN.read_text()
    apus.ok("run", "-d", "--name", name, "busybox", "sleep", "600")
    script = "own='" + before.strip() + "'" + r"""
        try() { while read -r f; do { true >> "$f"; } 2>/dev/null && echo "open $f"; done; }
        { find /proc/sys /proc/fs /proc/irq /proc/bus /proc/acpi /proc/scsi /proc/driver /proc/tty -type f -perm -200; find /proc -maxdepth 1 -type f -perm -200
          find /sys -type f -perm -200; find / -xdev -name core_pattern; } 2>/dev/null | try
        for root in /proc/self/root /proc/self/task/self/root /proc/1/root /proc/thread-self/root /proc/self/cwd; do
          { echo "$own" > $root/proc/sys/kernel/core_pattern; } 2>/dev/null && echo "wrote through $root"
        done
        for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
          mkdir $h/mine 2>/dev/null && echo "made $h/mine"
          { echo 0 > $h/notify_on_release; } 2>/dev/null && echo "wrote $h/notify_on_release"
          { true >> $h/release_agent; } 2>/dev/null && echo "opened $h/release_agent"
          { echo 1 > $h/cgroup.procs; } 2>/dev/null && echo "wrote $h/cgroup.procs"
        done
        mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
        mount -o remount,rw /sys/fs/cgroup 2>/dev/null && echo remounted
        mount -t cgroup -o memory x /mnt 2>/dev/null && echo mounted
        umount /proc/sys 2>/dev/null && echo unmounted; umount -l /proc/keys 2>/dev/null && echo unmounted
        cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | head -c 10
        ls -A /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap 2>/dev/null | grep -v :
        echo done"""
    for options in ((), ("-t",)):
        got = apus.ok("exec", *options, name, "sh", "-c", script).split()
        assert got == ["done"], " ".join(got)
    assert CORE_PATTERN.read_text() == before


def test_only_settings_of_its_own_namespaces(apus):
    """--sysctl reaches what a namespace has for itself, under any spelling."""
    own = CORE_PATTERN.read_text().strip()
    for key in ("kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern", "net.ipv4/../../kernel/core_pattern",
                "fs.mqueue/../../kernel/core_pattern", "net/ipv4/../../../sys/kernel/core_pattern"):
        result = apus.run("run", "--rm", "--sysctl", f"{key}={own}", "busybox", "true")
        assert result.returncode != 0, key
    assert apus.run("run", "--rm", "--sysctl", "vm.swappiness=60", "busybox", "true").returncode != 0
    forward = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
    assert apus.run("run", "--rm", "--network", "host", "--sysctl", f"net.ipv4.ip_forward={forward}", "busybox",
                    "true").returncode != 0
    shmmax = pathlib.Path("/proc/sys/kernel/shmmax").read_text().strip()
    assert apus.run("run", "--rm", "--ipc", "host", "--sysctl", f"kernel.shmmax={shmmax}", "busybox", "true").returncode != 0
    assert "77" in apus.ok("run", "--rm", "--sysctl", "net.ipv4.ip_default_ttl=77", "busybox", "cat", "/proc/sys/net/ipv4/ip_default_ttl")


@native
def test_other_processes_stay_closed(apus, daemon, probe, name):
    """With the host's pids in view, no memory, root or descriptor of the host's processes can be had."""
    target = daemon.process.pid
    program = Probe()
    program.call(101, 16, target, 0, 0)  # ptrace(PTRACE_ATTACH)
    program.call(101, 0x4206, target, 0, 0)  # PTRACE_SEIZE
    program.call(2, b"/proc/%d/mem" % target, 2)
    program.call(2, b"/proc/%d/root/etc/passwd" % target, 0)
    program.call(2, b"/proc/%d/exe" % target, 0)
    program.call(2, b"/proc/%d/fd/0" % target, 0)
    program.call(2, b"/proc/%d/ns/mnt" % target, 0)
    piece = struct.pack("<QQ", 0x400000, 8)
    program.call(310, target, piece, 1, piece, 1, 0)  # process_vm_readv
    program.call(438, 3, 0, 0)  # pidfd_getfd
    values = probe(program, "--pid", "host")
    assert all(value < 0 for value in values), values
    apus.ok("run", "-d", "--name", name, "busybox", "sleep", "600")
    pid = int(apus.ok("inspect", "-f", "{{.State.Pid}}", name))
    assert sh(apus, f"ls -d /proc/{pid} /proc/{target} 2>/dev/null") == ""
    assert sh(apus, "ls -d /proc/[0-9]* | wc -l").strip() in ("2", "3")


# The runtime's own program.

def test_runtime_cannot_be_overwritten(place, registry):
    """CVE-2019-5736, with a runtime of the test's own: a container holds the program file of an `exec` open, and writes to it
    when no process runs it any more."""
    programs, root = place / "programs", pathlib.Path(tempfile.mkdtemp(prefix="apus-t-", dir="/var/tmp"))
    programs.mkdir()
    for program in ("apusd", "apus", "apus-runtime", "apus-hello"):
        if program == "apus-runtime":
            shutil.copy(PROGRAMS / program, programs)
        else:
            os.link(PROGRAMS / program, programs / program) if os.stat(PROGRAMS).st_dev == os.stat(programs).st_dev \
                else shutil.copy(PROGRAMS / program, programs)
    runtime = programs / "apus-runtime"
    digest = hashlib.sha256(runtime.read_bytes()).hexdigest()
    daemon = Daemon(programs, root)
    daemon.start()
    try:
        client = daemon.client()
        evil = (Layer().link("self", "/proc/self/exe").file("script", "#!/proc/self/exe\n").fifo("fifo/config.json")
                .file("attack", """#!/bin/sh
# Looks for the runtime among the processes and keeps it open.
while :; do
  for p in /proc/[0-9]*; do
    [ "$p" = /proc/1 ] && continue
    (
      exec 2>> /errors 3< $p/exe
      case "$(readlink /proc/self/fd/3)" in */bin/busybox|'') exit ;; esac
      echo got > /got
      i=0
      while [ $i -lt 20 ]; do
        echo '#!/bin/sh' > /proc/self/fd/3 && echo WROTE > /got
        echo '#!/bin/sh' >> /proc/self/fd/3 && echo WROTE > /got
        i=$((i+1)); usleep 10000
      done
    ) 2> /dev/null
  done
done
"""))
        client.ok("load", stdin=archive("evil:latest", [busybox_layer(IMAGES), evil.bytes()]), text=False)
        client.ok("run", "-d", "--name", "trap", "evil", "/attack")
        # It waits for its configuration in a pipe: all the time that the attacker needs.
        patient = client.start("exec", "trap", "/self", "run", "--bundle", "/fifo", "x")
        for command in (["/self", "--version"], ["/script"], ["/proc/self/exe", "--version"], ["/proc/1/exe"]):
            client.run("exec", "trap", *command)
        wait_until(lambda: client.run("exec", "trap", "cat", "/got").stdout, "the attacker holds the runtime", seconds=15)
        client.run("exec", "trap", "sh", "-c", "exec 4<>/fifo/config.json; echo '{}' >&4; sleep 0.1")
        patient.kill()
        patient.communicate()
        for command in (["/self"], ["/script"]):
            client.run("run", "--rm", "--init", "--entrypoint", command[0], "evil")
        time.sleep(0.5)
        assert client.ok("exec", "trap", "cat", "/got") == "got"
        assert "Read-only file system" in client.ok("exec", "trap", "cat", "/errors")
        client.ok("rm", "-f", "trap")
        assert hashlib.sha256(runtime.read_bytes()).hexdigest() == digest
        assert client.ok("run", "--rm", "evil", "echo", "works") == "works"
    finally:
        assert daemon.destroy() == []
        shutil.rmtree(root, ignore_errors=True)


def test_processes_on_their_way_in_show_nothing(apus, name):
    """The time between entering the container and becoming its program: a process of the container looks on."""
    apus.ok("run", "-d", "--name", name, "busybox", "sh", "-c", """
        same() { read -r now < $p/comm; [ "$now" = "$own" ] && echo "$p $own $f" >> /open; }
        while :; do for p in /proc/[0-9]*; do
          read -r own < $p/comm
          case "$own" in sh|true|exe|cat|sort|'') continue ;; esac
          echo $own >> /seen
          for f in cwd/etc root/etc cwd/. root/. exe fd/3 fd/4 fd/5 fd/6 fd/7 fd/8 ns/mnt; do [ -e $p/$f ] && same; done
          for f in environ maps mem auxv; do { read -r x < $p/$f; } && same; done
        done; done 2>/dev/null""")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert {r.returncode for r in pool.map(lambda _: apus.run("exec", name, "true"), range(24))} == {0}
    assert apus.run("exec", name, "cat", "/open").stdout == ""
    assert apus.run("exec", name, "cat", "/seen").stdout != "", "the attacker saw none"


# Folders and links.

def test_working_folder_is_never_a_descriptor(apus, place, name, load):
    """CVE-2024-21626, in run, exec and an image's WORKDIR."""
    climb = f"cat ../../../../../../../../..{place}/secret; cat {place}/secret; pwd; true"
    image = load(Layer().link("link", "/proc/self/fd/7").link("up", "/proc/self/root/../../..").folder("plain"))
    apus.ok("run", "-d", "--name", name, image, "sh", "-c",
            "while :; do ln -sfn /plain /flip; ln -sfn /proc/self/fd/5 /flip; ln -sfn /proc/self/fd/8 /flip; done")

    def attempt(place_and_verb):
        folder, verb = place_and_verb
        if verb == "run":
            return apus.run("run", "--rm", "-w", folder, image, "sh", "-c", climb)
        return apus.run("exec", "-w", folder, name, "sh", "-c", climb)
    folders = [f"/proc/self/fd/{n}" for n in range(3, 14)] + [
        "/proc/1/cwd", "/proc/self/cwd", "/proc/thread-self/fd/6", "/proc/self/root/../..", "/link", "/up"]
    tries = [(folder, verb) for folder in folders for verb in ("run", "exec")] + [("/flip", "exec")] * 12
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (folder, verb), result in zip(tries, pool.map(attempt, tries)):
            assert "host-secret" not in result.stdout and "unreachable" not in result.stdout, (folder, verb, result.stdout)
            if folder.startswith("/proc/self/fd/"):
                assert result.returncode != 0, (folder, verb, result.stdout)
    hostile = load(Layer().link("link", "/proc/self/fd/7"), config={"WorkingDir": "/link"})
    assert "host-secret" not in sh(apus, climb, image=hostile)


def test_runtime_hands_no_descriptor_on(oci, place):
    """A caller's open folder neither reaches the container nor serves as its working folder."""
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.set_inheritable(folder, True)
        options = {"pass_fds": (folder,)}
        listing = oci.run(["ls", "-l", "/proc/self/fd"], options)
        assert f" {folder} -> " not in listing.stdout and " 2 -> " in listing.stdout, listing
        for number in (folder, 3, 4, 5, 6, 7, 8, 9, 10):
            result = oci.run(["sh", "-c", f"cat ../../..{place}/secret; pwd"], options, cwd=f"/proc/self/fd/{number}")
            assert "host-secret" not in result.stdout and result.returncode != 0, result
        # exec: into a container that runs.
        created = subprocess.run([*oci.command(["sleep", "60"], cwd="/")[:-1], "-d", oci.id], timeout=30,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert created.returncode == 0
        for number in (folder, *range(3, 16)):
            result = subprocess.run(
                [oci.program, "--root", f"{oci.folder}/root", "exec", "--cwd", f"/proc/self/fd/{number}", oci.id, "sh", "-c",
                 f"cat ../../..{place}/secret; pwd"], capture_output=True, text=True, timeout=30, pass_fds=(folder,))
            assert "host-secret" not in result.stdout and result.returncode != 0, result
        # One that is handed on by wish is no way out either.
        command = [oci.program, "--root", f"{oci.folder}/root", "exec", "--preserve-fds", "1", "--cwd", "/proc/self/fd/3", oci.id, "pwd"]
        result = subprocess.run(["bash", "-c", f'exec 3<&{folder}; exec "$@"', "bash", *command], capture_output=True, text=True,
                                timeout=30, pass_fds=(folder,))
        assert result.returncode != 0 and "outside of container" in result.stderr, result
    finally:
        os.close(folder)


@native
def test_runtime_s_caller_keeps_its_keys(oci):
    """The session keyring of whoever starts a container is not the container's."""
    secret = f"apus-{uuid.uuid4().hex}".encode()

    def add():
        libc = ctypes.CDLL(None)
        libc.syscall(250, 1, None)  # keyctl(KEYCTL_JOIN_SESSION_KEYRING)
        libc.syscall(248, b"user", secret, b"payload", 7, -3)
    program = Probe()
    program.call(250, 10, -3, b"user", secret, 0)
    oci.rootfs("probe", program.build())
    # The same search finds it outside.
    outside = subprocess.run([f"{oci.folder}/rootfs/probe"], capture_output=True, preexec_fn=add)
    assert Probe.values(outside.stdout)[0] > 0
    inside = subprocess.run(oci.command(["/probe"]), capture_output=True, timeout=30, stdin=subprocess.DEVNULL, preexec_fn=add)
    assert Probe.values(inside.stdout)[0] < 0, inside


def test_runtime_s_caller_lends_no_groups_and_no_capabilities(oci):
    """CVE-2022-2995, CVE-2022-24769: what apus-runtime was started with ends with it."""
    def lend():
        os.setgroups([4, 27, 999])
        libc = ctypes.CDLL(None)
        everything = int(status(pathlib.Path("/proc/self/status").read_text())["CapPrm"], 16)
        low, high = everything & 0xffffffff, everything >> 32
        libc.capset(struct.pack("<II", 0x20080522, 0), struct.pack("<IIIIII", low, low, low, high, high, high))
        for capability in (21, 12, 19):  # SYS_ADMIN NET_ADMIN SYS_PTRACE
            libc.prctl(47, 2, capability, 0, 0)
    result = oci.run(["cat", "/proc/self/status"], {"preexec_fn": lend})
    fields = status(result.stdout)
    assert fields["Groups"] == "" and int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0, result
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == FOURTEEN


def test_image_s_folders_for_the_kernel_may_not_be_links(apus, load, place):
    """CVE-2019-19921, CVE-2023-27561: /proc, /sys, /dev as links would put the masks somewhere else."""
    program = busybox_program(IMAGES)
    bare = lambda: Layer().folder("bin").file("bin/sh", program).hard("bin/cat", "bin/sh").hard("bin/ls", "bin/sh")
    for target in ("/elsewhere", f"../../../..{place}", "/proc", str(place)):
        image = load(bare().folder("elsewhere").link("proc", target), base=False)
        result = apus.run("run", "--rm", image, "/bin/cat", "/proc/self/status")
        assert result.returncode != 0 and "CapEff" not in result.stdout
    for folder in ("sys", "dev"):
        image = load(bare().link(folder, f"../../../..{place}"), base=False)
        apus.run("run", "--rm", "-t", image, "/bin/ls", "/")
    assert sorted(os.listdir(place)) == sorted(set(os.listdir(place)) - {"null", "pts", "fs", "console"})
    # Below them: what the image has is covered, links among it too.
    image = load(bare().folder("dev").link("dev/null", "/proc/sys/kernel/core_pattern").link("dev/console", str(place / "secret"))
                 .link("dev/pts", str(place)).link("dev/shm", str(place)).folder("proc").folder("proc/sys"), base=False)
    out = apus.ok("run", "--rm", "-t", image, "/bin/ls", "-l", "/dev/null", "/dev/console", "/dev/pts/ptmx")
    assert out.count("crw") == 3
    assert (place / "secret").read_text() == "host-secret\n"


def test_hostile_dev_without_a_mount_over_it(oci, place):
    """CVE-2025-31133, CVE-2025-52565: the rootfs itself has /dev, with links where masks and the console go."""
    victim = place / "victim"
    victim.write_text("untouched")
    before = (victim.stat().st_uid, victim.stat().st_mode)
    root = pathlib.Path(f"{oci.folder}/rootfs")
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()
    oci.spec["mounts"] = [m for m in oci.spec["mounts"] if not m["destination"].startswith("/dev") or m["destination"] == "/dev/pts"]
    look = ["sh", "-c", "cat /proc/keys | wc -c; { true >> /proc/sys/kernel/core_pattern; } 2>/dev/null && echo WROTE; echo done"]
    pattern = CORE_PATTERN.read_text()
    for name in ("null", "console", "ptmx", "fd", "pts"):
        for target in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", str(victim), "../../../../.." + str(victim), "/proc/self/exe"):
            for old in root.glob("dev/*"):
                old.unlink() if old.is_symlink() or not old.is_dir() else shutil.rmtree(old)
            (root / "dev" / name).symlink_to(target)
            result = oci.run(look)
            # Refused, or made safe.
            if result.returncode == 0:
                assert result.stdout.split() == ["0", "done"], (name, target, result)
            assert "WROTE" not in result.stdout
    assert victim.read_text() == "untouched" and (victim.stat().st_uid, victim.stat().st_mode) == before
    assert CORE_PATTERN.read_text() == pattern


def test_terminal_of_a_hostile_root_is_the_container_s(oci, place):
    """/dev/pts as a link to a folder of another file system, with a fifo or a device for a ptmx: no console comes of it."""
    root = pathlib.Path(f"{oci.folder}/rootfs")
    shutil.rmtree(root / "dev")
    (root / "dev/pts").mkdir(parents=True)
    oci.spec["mounts"] = [m for m in oci.spec["mounts"] if not m["destination"].startswith("/dev")]
    oci.spec["process"]["terminal"] = True
    target = place / "console-target"
    target.write_text("mine")
    (root / "dev/console").symlink_to(target)
    for make in (lambda p: os.mkfifo(p), lambda p: os.mknod(p, 0o020666, os.makedev(5, 2)), lambda p: p.symlink_to("/proc/sysrq-trigger")):
        make(root / "dev/pts/ptmx")
        pid, master = pty.fork()
        if pid == 0:
            oci.replace_process(["true"])
        end = time.monotonic() + 10
        while (done := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
            select.select([master], [], [], 0.05)
        assert done[0] == pid and os.waitstatus_to_exitcode(done[1]) != 0
        os.close(master)
        os.unlink(root / "dev/pts/ptmx")
    assert target.read_text() == "mine"


def test_mount_targets_stay_in_the_root(apus, load, place, name):
    """CVE-2021-30465: links and `..` where volumes, tmpfs, files and devices go."""
    inside = place / "target"
    inside.mkdir()
    (inside / "kept").write_text("kept")
    image = load(Layer().link("abs", str(inside)).link("rel", "../../../../../../.." + str(inside)).link("root", "/")
                 .link("magic", "/proc/self/root").link("cwd", "/proc/self/cwd").link("etc/hosts", str(inside / "hosts"))
                 .link("etc/resolv.conf", "../../../../.." + str(inside / "resolv")).link("etc/hostname", "/proc/self/environ"))
    show = f"cat /abs/kept {inside}/kept 2>/dev/null; ls /proc/1/status >/dev/null && echo proc"
    for options in (
            ("-v", "/abs"), ("-v", "/abs/a/b"), ("-v", "/rel"), ("--tmpfs", "/abs"), ("--tmpfs", "/rel/x"),
            ("--tmpfs", f"/../../../..{inside}"), ("-v", f"{place}/secret:/abs/file:ro"),
            ("--device", "/dev/null:/abs/null"), ("--device", f"/dev/null:/../../..{inside}/null2"), ("-w", "/abs/made"),
            ("-v", "/magic/x"), ("-v", "/cwd/x"), ("--tmpfs", "/magic"), ("-v", "/proc/self/root/x"), ("-v", "/root")):
        result = apus.run("run", "--rm", *options, image, "sh", "-c", show)
        assert "kept" not in result.stdout, (options, result)
    assert os.listdir(inside) == ["kept"]
    assert not [line for line in open("/proc/self/mountinfo") if str(inside) in line]


def test_nothing_covers_proc(apus, load):
    """CVE-2019-19921: a volume over /proc would feed the runtime and the container forged files."""
    image = load(Layer().link("way", "/proc").link("deep", "/proc/self/attr"))
    for options in (("-v", "/proc"), ("-v", "/way"), ("--tmpfs", "/way"), ("-v", "/deep"), ("--tmpfs", "/proc/self/attr"),
                    ("-v", "/proc/sys"), ("--tmpfs", "/proc/acpi")):
        result = apus.run("run", "--rm", *options, image, "true")
        assert result.returncode != 0 and "inside /proc" in result.stderr, (options, result)
    assert apus.ok("run", "--rm", "-v", "/proc/uptime:/proc/uptime:ro", image, "echo", "fine") == "fine"


def test_racing_mount_targets(apus, place, name):
    """CVE-2021-30465, CVE-2025-52881: another container swaps the target of a mount while it is made."""
    shared, data, outside = place / "shared", place / "data", place / "outside"
    for folder in (shared, data, outside):
        folder.mkdir()
    (data / "mark").write_text("data")
    (shared / "b").mkdir()
    apus.ok("run", "-d", "--name", name, "-v", f"{shared}:/s", "busybox", "sh", "-c", f"""
        cd /s; mkdir -p real; i=0
        while :; do
          for t in / /proc ../../../../../..{outside} {outside} /proc/self/fd/5; do
            mv b real/b 2>/dev/null; ln -sfn $t b 2>/dev/null; rm -f b; mv real/b b 2>/dev/null
          done
        done""")
    look = ("for p in /proc/keys /proc/timer_list; do cat $p 2>/dev/null | head -c 20; done; cat /proc/mark /proc/sys/mark 2>/dev/null; "
            f"cat {place}/secret 2>/dev/null; {{ true >> /proc/sys/kernel/core_pattern; }} 2>/dev/null && echo WROTE; echo done")
    pattern = CORE_PATTERN.read_text()

    def attempt(_):
        return apus.run("run", "--rm", "-v", f"{shared}:/a", "-v", f"{data}:/a/b", "busybox", "sh", "-c", look)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(attempt, range(32)))
    assert {r.stdout.strip() for r in results} <= {"done", ""}
    assert any(r.returncode == 0 for r in results)
    apus.ok("rm", "-f", name)
    assert os.listdir(outside) == [] and CORE_PATTERN.read_text() == pattern


def test_shared_memory_of_another_is_not_the_host_s(apus, place, name):
    """`--ipc container:X` while the first process of X sits in a root of its own making, where /dev/shm is a link."""
    apus.ok("run", "-d", "--ipc", "shareable", "--name", name, "busybox", "sh", "-c",
            f"mkdir -p /jail/dev /jail/bin; cp /bin/busybox /jail/bin/sleep; ln -s {place} /jail/dev/shm; exec chroot /jail /bin/sleep 600")
    wait_until(lambda: "jail" not in apus.ok("top", name) and "sleep" in apus.ok("top", name), "the trap is set")
    result = apus.run("run", "--rm", "--ipc", f"container:{name}", "busybox", "sh", "-c", "ls /dev/shm; cat /dev/shm/secret")
    assert "secret" not in result.stdout
    apus.ok("rm", "-f", name)
    apus.ok("run", "-d", "--ipc", "shareable", "--name", name, "busybox", "sh", "-c", "echo shared > /dev/shm/word; exec sleep 600")
    wait_until(lambda: apus.run("run", "--rm", "--ipc", f"container:{name}", "busybox", "cat", "/dev/shm/word").stdout == "shared\n",
               "the other's /dev/shm")
