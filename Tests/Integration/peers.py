# SPDX-License-Identifier: Apache-2.0
"""Other engines that run their containers with apus-runtime: Debian's dockerd with its containerd, and podman with conmon."""
import json
import os
import resource
import shutil
import signal
import subprocess

import pytest

from harness import wait_quiet, wait_until


class Peer:
    """An engine in roots of its own. `name` says which one it is."""

    name = ""

    def __init__(self, programs, root):
        self.root = root
        self.calls = root / "calls"
        self.calls.touch()
        # The engines call this; so it is known afterwards that they did, and what they asked for.
        self.runtime = root / "apus-runtime"
        self.runtime.write_text(f'#!/bin/sh\necho "$*" >> {self.calls}\nexec {programs / "apus-runtime"} "$@"\n')
        self.runtime.chmod(0o755)
        self.image = "busybox"
        self.identifiers = set()

    def command(self):
        raise NotImplementedError

    def run(self, *arguments, stdin=None, timeout=90):
        """One call of the engine's client."""
        return subprocess.run([*self.command(), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL if stdin is None else None, env=self.environment())

    def ok(self, *arguments, **options):
        result = self.run(*arguments, **options)
        assert result.returncode == 0, f"{self.name} {' '.join(map(str, arguments))}: {result.returncode}\n{result.stderr}"
        return result.stdout.strip()

    def environment(self):
        return {**{k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "CONTAINER"))}, "TZ": "UTC"}

    def container(self, *arguments, **options):
        """`run` with our runtime and no more: a process that ends."""
        return self.run("run", "--rm", *self.flags, *arguments, **options)

    def output(self, *arguments, **options):
        result = self.container(*arguments, **options)
        assert result.returncode == 0, f"{self.name} run {' '.join(map(str, arguments))}: {result.returncode}\n{result.stderr}"
        return result.stdout.strip()

    def start(self, *arguments):
        """`run -d`; gives the id."""
        identifier = self.ok("run", "-d", *self.flags, *arguments).splitlines()[-1]
        self.identifiers.add(identifier)
        return identifier

    def inspect(self, identifier):
        return json.loads(self.ok("inspect", identifier))[0]

    def wait_for_log(self, identifier, text):
        wait_until(lambda: text in (lambda r: r.stdout + r.stderr)(self.run("logs", identifier)), f"{text!r} in the log of {identifier[:12]}")

    flags = ()

    def leftovers(self):
        found = wait_quiet(lambda: [
            os.path.join(folder, name) for folder, folders, _ in os.walk("/sys/fs/cgroup") for name in folders
            if any(identifier in name for identifier in self.identifiers)])
        root = str(self.root)
        return [f"cgroup {path}" for path in found] + [
            f"mount {line.split()[4]}" for line in open("/proc/self/mountinfo") if root in line.split()[4]]


class Docker(Peer):
    name = "docker"
    flags = ("--runtime", "apus")

    def __init__(self, programs, root, subnet, bridge, *extra):
        super().__init__(programs, root)
        if shutil.which("dockerd") is None or shutil.which("docker") is None or shutil.which("containerd") is None:
            pytest.skip("no dockerd with its client on this machine (Debian's docker.io)")
        self.bridge, self.extra, self.subnet = bridge, extra, subnet
        self.log = root / "dockerd.log"
        subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "address", "add", f"{subnet}.1/24", "dev", bridge], check=True)
        subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
        self.process = None
        self.launch()

    def launch(self):
        # Its own mount namespace, whose /etc/subuid is ours to fill; no rule of the host's firewall is touched.
        script = ('mount --make-rprivate / && printf "daemon:300000:65536\\n" > "$0/subid" && touch /etc/subuid /etc/subgid && '
                  'mount --bind "$0/subid" /etc/subuid && mount --bind "$0/subid" /etc/subgid && exec dockerd "$@"')
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", script, str(self.root), "--data-root", str(self.root / "d"), "--exec-root",
                 str(self.root / "x"), "--pidfile", str(self.root / "pid"), "-H", f"unix://{self.root}/s", "-b", self.bridge,
                 "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--userland-proxy=false",
                 "--exec-opt", "native.cgroupdriver=cgroupfs", "--add-runtime", f"apus={self.runtime}", *self.extra],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def answers():
            if self.process.poll() is not None:
                pytest.skip(f"dockerd does not start on this machine: {self.log.read_text()[-1500:]}")
            return self.run("version").returncode == 0
        wait_until(answers, "dockerd answers", 60)

    def command(self):
        return ["docker", "-H", f"unix://{self.root}/s"]

    def environment(self):
        return {**super().environment(), "DOCKER_CONFIG": str(self.root)}

    def pull(self, registry):
        self.image = f"127.0.0.1:{registry.port}/busybox:latest"
        self.ok("pull", self.image)

    def restarts(self, identifier):
        return self.inspect(identifier)["RestartCount"]

    def close(self):
        containers = self.run("ps", "-aq").stdout.split()
        if containers:
            self.run("rm", "-f", "-v", *containers)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        subprocess.run(["ip", "link", "delete", self.bridge])
        return self.leftovers()


class Podman(Peer):
    name = "podman"

    def __init__(self, programs, root):
        super().__init__(programs, root)
        if shutil.which("podman") is None or shutil.which("conmon") is None:
            pytest.skip("no podman on this machine")
        (root / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        # Podman asks for a million open files, which no runtime may give on a machine without CAP_SYS_RESOURCE.
        limits = [f'"{name}={min(resource.getrlimit(number)[1], 4096)}"' for name, number in (
            ("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))]
        (root / "containers.conf").write_text('[containers]\nnetns = "none"\ndefault_ulimits = [' + ", ".join(limits) + "]\n")

    def command(self):
        return ["podman", "--root", str(self.root / "d"), "--runroot", str(self.root / "x"), "--tmpdir", str(self.root / "t"),
                "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", str(self.runtime)]

    def environment(self):
        return {**super().environment(), "CONTAINERS_CONF": str(self.root / "containers.conf")}

    flags = ()

    def pull(self, registry):
        self.image = f"127.0.0.1:{registry.port}/busybox:latest"
        self.ok("pull", "--tls-verify=false", "--signature-policy", self.root / "policy.json", self.image)

    def restarts(self, identifier):
        return self.inspect(identifier)["RestartCount"]

    def close(self):
        self.run("rm", "-a", "-f", "-v", "-t", "0")
        # Its storage keeps a mount of its own on the root.
        subprocess.run(["umount", str(self.root / "d" / "overlay")], capture_output=True)
        return self.leftovers()


def subnet(number):
    """A /24 for one peer, different between the workers that run side by side."""
    return f"10.{200 + os.getpid() % 50}.{number}"
