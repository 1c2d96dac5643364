# SPDX-License-Identifier: Apache-2.0
"""Starting and ending daemons and registries, running clients, counting what is left over."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import http.client

LEFT = ("container", "exec")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=30):
    """Polls a fact of the outside world that sends no event. Fails by name after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


class Client:
    """`docker` or `apus` bound to one daemon."""

    def __init__(self, name, program, daemon):
        self.name, self.program, self.daemon = name, program, daemon
        self.config = daemon.root / f"config-{name}"
        self.config.mkdir(exist_ok=True)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")},
            "DOCKER_HOST": f"unix://{daemon.socket}",
            "DOCKER_CONFIG": str(self.config),
            "TZ": "UTC",
        }

    def run(self, *arguments, stdin=None, timeout=90, text=True):
        return subprocess.run(
            [str(self.program), *map(str, arguments)], input=stdin, capture_output=True, text=text, timeout=timeout,
            env=self.environment, stdin=None if stdin is not None else subprocess.DEVNULL)

    def ok(self, *arguments, **options):
        result = self.run(*arguments, **options)
        assert result.returncode == 0, f"{self.name} {' '.join(map(str, arguments))}: {result.returncode}\n{result.stderr}"
        return result.stdout.strip() if isinstance(result.stdout, str) else result.stdout

    def start(self, *arguments, **options):
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([str(self.program), *map(str, arguments)], env=self.environment, **options)


class Daemon:
    _count = 0

    def __init__(self, programs, root, extra=()):
        self.programs, self.root, self.extra = programs, root, [str(word) for word in extra]
        self.socket = root / "a.sock"
        self.data, self.execution = root / "d", root / "x"
        self.log = root / "apusd.log"
        Daemon._count += 1
        # One /24 a daemon, different between the workers that run side by side.
        self.subnet = f"10.{100 + os.getpid() % 100}.{Daemon._count % 250}"
        self.process = None
        self.is_destroyed = False
        self.before = self.machine()

    def start(self):
        self.is_destroyed = False
        environment = {**os.environ, "XDG_RUNTIME_DIR": ""}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.programs / "apusd"), "--data-root", str(self.data), "--exec-root", str(self.execution),
                 "--pidfile", str(self.root / "pid"), "-H", f"unix://{self.socket}", "--bip", f"{self.subnet}.1/24", *self.extra],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        wait_until(self.answers, f"the daemon answers; its log: {self.log.read_text()[-2000:]}")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"apusd ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        try:
            return self.request("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None):
        """One API call: (status, body bytes, headers)."""
        connection = UnixConnection(self.socket)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                headers = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()

    def api(self, method, path, body=None):
        status, answer, _ = self.request(method, path, body)
        return status, json.loads(answer) if answer.strip() else None

    def client(self, name="apus"):
        program = self.programs / "apus" if name == "apus" else shutil.which(name)
        return Client(name, program, self)

    def pull(self, registry, name):
        client = self.client()
        client.ok("pull", f"127.0.0.1:{registry.port}/{name}", timeout=180)
        client.ok("tag", f"127.0.0.1:{registry.port}/{name}", name)

    def kill(self):
        """What a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def restart(self):
        self.start()

    # What the machine holds of this daemon, by its roots and bridge.

    def machine(self):
        root = str(self.root)
        mounts = [line.split()[4] for line in open("/proc/self/mountinfo") if root in line]
        processes = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if root.encode() in command and b"apus-runtime" in command:
                    processes.append(command.replace(b"\0", b" ").decode(errors="replace")[:120])
        links = [line.split(":")[1].strip().split("@")[0]
                 for line in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.splitlines()]
        return {"mounts": sorted(mounts), "shims": sorted(processes), "links": sorted(links)}

    def bridge_ports(self):
        addresses = json.loads(subprocess.run(["ip", "-j", "address"], capture_output=True, text=True).stdout or "[]")
        bridges = [link["ifname"] for link in addresses
                   if any(a.get("local") == f"{self.subnet}.1" for a in link.get("addr_info", []))]
        ports = []
        for bridge in bridges:
            found = subprocess.run(["ip", "-o", "link", "show", "master", bridge], capture_output=True, text=True).stdout
            ports += [line.split(":")[1].strip() for line in found.splitlines()]
        return bridges, ports

    def firewall(self):
        listing = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
        return [line.strip() for line in listing.splitlines() if f"{self.subnet}." in line]

    def cgroups(self, identifiers):
        found = []
        for folder, folders, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(folder, name) for name in folders if name in identifiers]
        return found

    def files(self):
        """Files and folders under both roots that belong to containers."""
        found = []
        for place in (self.data / "containers", self.execution / "containers"):
            if place.exists():
                found += [str(p) for p in place.iterdir()]
        return found

    def namespaces(self):
        found = set()
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    found.add(os.readlink(entry / "ns/net"))
                except OSError:
                    pass
        return found

    def destroy(self):
        """Removes every container, stops the daemon, says what is left; once."""
        if self.is_destroyed:
            return []
        problems = []
        if self.process.poll() is not None:
            self.start()
        self.is_destroyed = True
        identifiers = [c["Id"] for c in self.api("GET", "/containers/json?all=1")[1]]
        for identifier in identifiers:
            status, answer = self.api("DELETE", f"/containers/{identifier}?force=1&v=1")
            if status not in (204, 404, 409):
                problems.append(f"remove {identifier[:12]}: {status} {answer}")
        wait_until(lambda: not self.api("GET", "/containers/json?all=1")[1], "all containers are removed")
        problems += [f"file {path}" for path in self.files()]
        problems += [f"bridge port {port}" for port in wait_quiet(lambda: self.bridge_ports()[1])]
        problems += [f"cgroup {path}" for path in wait_quiet(lambda: self.cgroups(set(identifiers)))]
        self.stop()
        after = self.machine()
        problems += [f"mount {path}" for path in after["mounts"]]
        problems += [f"process {command}" for command in wait_quiet(lambda: self.machine()["shims"])]
        bridges, _ = self.bridge_ports()
        for bridge in bridges:
            problems.append(f"bridge {bridge}")
            subprocess.run(["ip", "link", "delete", bridge])
        problems += [f"rule {rule}" for rule in self.firewall()]
        return problems


def wait_quiet(listing, seconds=10):
    """What is still listed when the kernel has had time to finish (it takes links and cgroups apart in the background)."""
    deadline = time.monotonic() + seconds
    while (found := listing()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


class Registry:
    """Debian's docker-registry over a folder, filled from the OCI layouts."""

    def __init__(self, images, folder, port):
        self.images, self.folder, self.port = images, folder, port
        self.script = pathlib.Path(__file__).resolve().parents[2] / "Scripts" / "registry.sh"

    def start(self):
        subprocess.run([str(self.script), "start", str(self.folder), str(self.port)], check=True, timeout=300,
                       stdout=subprocess.DEVNULL, env={**os.environ, "APUS_IMAGES": str(self.images)})

    def stop(self):
        subprocess.run([str(self.script), "stop", str(self.folder), str(self.port)], timeout=60, stdout=subprocess.DEVNULL)
