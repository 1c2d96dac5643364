# SPDX-License-Identifier: Apache-2.0
"""A daemon of an ordinary user, made for a test: the user, its subordinate ids and /dev/net/tun exist only in a mount namespace of its own."""
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import threading

from harness import Daemon, wait_until

USER, FIRST = 61234, 1_700_000_000


def missing():
    """What this machine lacks for such a daemon; empty: nothing."""
    lacks = [name for name in ("newuidmap", "newgidmap", "slirp4netns", "unshare", "setpriv") if shutil.which(name) is None]
    limit = pathlib.Path("/proc/sys/user/max_user_namespaces")
    if limit.exists() and limit.read_text().strip() == "0":
        lacks.append("user namespaces")
    clone = pathlib.Path("/proc/sys/kernel/unprivileged_userns_clone")
    if clone.exists() and clone.read_text().strip() == "0":
        lacks.append("user namespaces of ordinary users")
    if not pathlib.Path("/dev/net/tun").exists():
        lacks.append("/dev/net/tun")
    return lacks


ENTER = r"""
set -e
here=$1; shift
for file in passwd group subuid subgid; do mount --bind "$here/etc/$file" "/etc/$file"; done
mount --bind "$here/etc/tun" /dev/net/tun
# A group that hands controllers down takes no processes: then the daemon starts where its predecessor went.
[ -z "$GROUP" ] || { [ -d "$GROUP/apusd" ] && group=$GROUP/apusd || group=$GROUP; echo $$ >"$group/cgroup.procs"; }
exec setpriv --reuid USER --regid USER --clear-groups -- "$@"
""".replace("USER", str(USER))


class RootlessDaemon(Daemon):
    """`Daemon` as an ordinary user with `HOME`, a session folder and 65536 subordinate ids."""

    def __init__(self, programs, root, extra=(), subordinate=True, session=None, group=""):
        super().__init__(programs, root, extra)
        self.home, self.session, etc = root / "home", root / "run", root / "etc"
        for folder in (self.home, self.session, etc):
            folder.mkdir(exist_ok=True)
        os.chmod(root, 0o755)
        for folder in (self.home, self.session):
            os.chown(folder, USER, USER)
            os.chmod(folder, 0o700)
        (etc / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + f"apus-test:x:{USER}:{USER}::{self.home}:/bin/sh\n")
        (etc / "group").write_text(pathlib.Path("/etc/group").read_text() + f"apus-test:x:{USER}:\n")
        for name in ("subuid", "subgid"):
            (etc / name).write_text(f"apus-test:{FIRST}:65536\n" if subordinate else "")
            if not pathlib.Path("/etc", name).exists():
                pathlib.Path("/etc", name).touch()
        tun = etc / "tun"
        if not tun.exists():
            os.mknod(tun, stat.S_IFCHR | 0o666, os.makedev(10, 200))
            os.chmod(tun, 0o666)
        self.socket = self.session / "apus.sock"
        self.data, self.execution = self.home / ".local/share/apus", self.session / "apus"
        self.group = group
        self.named_session = session or self.session

    def command(self, *words):
        return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", ENTER, "rootless", str(self.root), *map(str, words)]

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.named_session), "USER": "apus-test", "GROUP": self.group}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(self.programs / "apusd", *self.extra), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=self.environment())
        wait_until(self.answers, f"the daemon answers; its log: {self.log.read_text()[-2000:]}")

    def try_start(self):
        """Starts a daemon that is expected to refuse: (code, words)."""
        result = subprocess.run(self.command(self.programs / "apusd", *self.extra), capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, env=self.environment(), timeout=60)
        return result.returncode, result.stderr

    def processes(self):
        """Programs of this user: holder, slirp4netns, shims, containers."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                owner = entry.stat().st_uid
                if owner == USER or FIRST <= owner < FIRST + 65536:
                    found.append((entry / "comm").read_text().strip())
            except OSError:
                continue
        return sorted(found)


class Relay:
    """A port on every address that leads to one on loopback: the registry of the tests, for a daemon with another loopback."""

    def __init__(self, target):
        self.target, self.listener = target, socket.create_server(("0.0.0.0", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
