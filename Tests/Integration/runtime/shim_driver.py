#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives `apus-runtime shim` as the daemon does: a SEQPACKET pair, JSON packets, descriptors."""
import json, os, shutil, signal, socket, subprocess, tempfile, time, uuid

BUSYBOX = "/bin/busybox"


def make_rootfs(folder):
    for name in "bin dev etc proc sys tmp root home".split():
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    shutil.copy(BUSYBOX, f"{folder}/bin/busybox")
    for name in subprocess.check_output([BUSYBOX, "--list"], text=True).split():
        if not os.path.lexists(f"{folder}/bin/{name}"):
            os.symlink("busybox", f"{folder}/bin/{name}")
    with open(f"{folder}/etc/passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    os.makedirs(f"{folder}/home/ann", exist_ok=True)


CAPS = ["CAP_" + c for c in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE").split()]


def make_spec(args, tty=False, cgroup=None, **process):
    return {
        "ociVersion": "1.2.0",
        "process": dict({
            "terminal": tty, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "capabilities": {"bounding": CAPS, "effective": CAPS, "permitted": CAPS},
        }, **process),
        "root": {"path": "rootfs"},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["ro", "nosuid", "noexec", "nodev"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]},
        ],
        "linux": {
            "cgroupsPath": cgroup or "/apus-test",
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc")],
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                            "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


class Shim:
    def __init__(self, program, folder, args=None, spec=None, lower=None, cache=None, **shim):
        self.id = uuid.uuid4().hex
        self.folder = f"{folder}/{self.id}"
        self.seq = 0
        self.events = []
        os.makedirs(f"{self.folder}/rootfs")
        self.cgroup = f"/apus-test/{self.id}"
        spec = spec or make_spec(args, tty=shim.get("tty", False))
        spec["linux"]["cgroupsPath"] = self.cgroup
        for name in ("upper", "work"):
            os.makedirs(f"{self.folder}/{name}")
        config = {
            "id": self.id, "rootfs": {"type": "overlay", "layers": [lower], "upper": f"{self.folder}/upper",
                                      "work": f"{self.folder}/work"},
            "log": {"driver": "json-file", "path": f"{self.folder}/log", "maxSize": -1, "maxFile": 1},
        }
        config.update(shim)
        for name, value in (("config.json", spec), ("shim.json", config)):
            with open(f"{self.folder}/{name}", "w") as file:
                json.dump(value, file)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        self.control.settimeout(20)
        fd = theirs.fileno()
        command = [program, "shim", "--bundle", self.folder, "--run-dir", self.folder,
                   "--seccomp-cache", cache or f"{folder}/seccomp"]
        pid = os.posix_spawn(command[0], command, {}, setsid=True, file_actions=[
            (os.POSIX_SPAWN_DUP2, fd, 3)] if fd != 3 else [])
        self.pid = pid
        theirs.close()

    def call(self, request, fds=(), **fields):
        self.seq += 1
        body = json.dumps(dict(seq=self.seq, request=request, **fields)).encode()
        socket.send_fds(self.control, [body], list(fds))
        while True:
            message = self.receive()
            if message.get("seq") == self.seq:
                return message
            self.events.append(message)

    def receive(self):
        data = self.control.recv(1 << 17)
        if not data:
            raise EOFError("the shim closed the connection")
        return json.loads(data)

    def wait(self, event="exit"):
        while True:
            for index, message in enumerate(self.events):
                if message.get("event") == event:
                    return self.events.pop(index)
            self.events.append(self.receive())

    def log(self):
        with open(f"{self.folder}/log") as file:
            return [json.loads(line) for line in file]

    def text(self, stream="stdout"):
        return "".join(line["log"] for line in self.log() if line["stream"] == stream)

    def close(self):
        try:
            self.call("shutdown")
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError("the shim does not shut down") from None
        except (EOFError, OSError):
            pass
        self.control.close()
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder)
