#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the same commands on apus, dockerd and podman, interleaved, and prints medians and the ratio to the best peer."""
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

PROGRAMS, WORK, ROUNDS, IMAGES = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
PORT = 5077
WITHOUT_DOCKER0 = not pathlib.Path("/sys/class/net/docker0").exists()


def quiet(*command, **options):
    return subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, **options)


def milliseconds(*command, **options):
    start = time.perf_counter()
    quiet(*command, **options)
    return (time.perf_counter() - start) * 1000


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b"200" in connection.recv(100)
    except OSError:
        return False


def pss(pids):
    total = 0
    for pid in pids:
        try:
            for line in open(f"/proc/{pid}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def children_named(words):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if all(word in command for word in words):
                found.append(int(entry.name))
    return found


class Engine:
    image = f"127.0.0.1:{PORT}/busybox"

    def start(self):
        start = time.perf_counter()
        self.process = subprocess.Popen([str(c) for c in self.command], stdout=open(WORK / f"{self.name}.log", "ab"), stderr=subprocess.STDOUT)
        while not answers(self.socket):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} does not start: {(WORK / f'{self.name}.log').read_text()[-800:]}")
            time.sleep(0.001)
        return (time.perf_counter() - start) * 1000

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def idle(self):
        return pss([self.process.pid] + children_named(self.helpers))


class Apus(Engine):
    name, helpers = "apus", ["\0"]
    shim = ["apus-runtime", str(WORK)]

    def __init__(self):
        self.socket = WORK / "apus.sock"
        self.command = [PROGRAMS / "apusd", "--data-root", WORK / "apus", "--exec-root", WORK / "apusx", "--pidfile", WORK / "apus.pid",
                        "-H", f"unix://{self.socket}", "--bip", "10.211.0.1/24"]
        self.client = [PROGRAMS / "apus", "-H", f"unix://{self.socket}"]


class Dockerd(Engine):
    name, helpers = "docker", ["containerd", str(WORK)]
    shim = ["containerd-shim", str(WORK)]

    def __init__(self):
        self.socket = WORK / "docker.sock"
        self.command = ["dockerd", "--data-root", WORK / "docker", "--exec-root", WORK / "dockerx", "--pidfile", WORK / "docker.pid",
                        "-H", f"unix://{self.socket}", "--bip", "10.212.0.1/24"]
        self.client = ["docker", "-H", f"unix://{self.socket}"]


class Podman:
    name, image = "podman", f"127.0.0.1:{PORT}/busybox"
    shim = ["conmon", str(WORK)]

    def __init__(self):
        # crun refuses a machine with both kinds of control groups: podman runs where only the first is seen.
        self.space = subprocess.Popen(["unshare", "-m", "sh", "-c", "umount /sys/fs/cgroup/unified; echo; exec sleep infinity"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.space.stdout.readline()
        limits = WORK / "containers.conf"
        limits.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
        self.client = ["env", f"CONTAINERS_CONF={limits}", "nsenter", "-t", self.space.pid, "-m", "podman", "--root", WORK / "podman", "--runroot", WORK / "podmanx", "--cgroup-manager", "cgroupfs"]

    def start(self):
        return None

    def stop(self):
        self.space.kill()
        self.space.wait()

    def idle(self):
        return None


def available():
    engines = [Apus()]
    if os.environ.get("APUS_BENCH_PEERS", "yes") == "yes":
        engines += [Dockerd()] if shutil.which("dockerd") else []
        engines += [Podman()] if shutil.which("podman") else []
    return engines


def working(engines):
    kept = []
    for engine in engines:
        try:
            pull = ["pull", "--tls-verify=false"] if engine.name == "podman" else ["pull"]
            quiet(*engine.client, *pull, engine.image)
            quiet(*engine.client, "run", "--rm", engine.image, "true")
            kept.append(engine)
        except subprocess.CalledProcessError as failure:
            print(f"{engine.name} cannot run here: {failure.stderr.decode()[-200:]}", file=sys.stderr)
    return kept


def row(measure, figures, target="", unit=""):
    ours = figures.get("apus")
    peers = [value for name, value in figures.items() if name != "apus" and value]
    ratio = f"{ours / min(peers):.3f}" if ours and peers else "-"
    cells = [f"{figures[name]:.1f}" if figures.get(name) is not None else "-" for name in ("apus", "docker", "podman")]
    print(f"| {measure} | " + " | ".join(cells) + f" | {ratio} | {target} |", flush=True)


def interleaved(engines, what):
    samples = {engine.name: [] for engine in engines}
    for _ in range(ROUNDS):
        for engine in engines:
            samples[engine.name].append(what(engine))
    return {name: statistics.median(values) for name, values in samples.items()}


def parallel_starts(engine, count=50, width=8):
    start = time.perf_counter()
    running = []
    for number in range(count):
        if len(running) == width:
            running.pop(0).wait()
        running.append(subprocess.Popen([*map(str, engine.client), "run", "-d", "--name", f"many{number}", engine.image, "sleep", "1000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for process in running:
        process.wait()
    return time.perf_counter() - start


def tables():
    return set(subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout.splitlines())


def main():
    firewall = tables()
    quiet("Scripts/registry.sh", "start", WORK / "registry", PORT, env={**os.environ, "APUS_IMAGES": str(IMAGES)})
    engines = available()
    started = {engine.name: engine.start() for engine in engines}
    print("| measure (median) | apus | docker | podman | ratio to the best peer | target |\n|---|---|---|---|---|---|")
    try:
        engines = working(engines)
        daemons = [engine for engine in engines if engine.name != "podman"]
        samples = {engine.name: [started[engine.name]] for engine in daemons}
        for _ in range(4):
            for engine in daemons:
                engine.stop()
                samples[engine.name].append(engine.start())
        row("daemon start to first answer, ms", {name: statistics.median(values) for name, values in samples.items()}, "<= 0.25")
        row("idle daemon, PSS MiB", {engine.name: engine.idle() for engine in daemons}, "<= 0.15 of dockerd")
        row("run --rm busybox true, ms", interleaved(engines, lambda e: milliseconds(*e.client, "run", "--rm", e.image, "true")), "<= 0.10")

        def detached(engine):
            taken = milliseconds(*engine.client, "run", "-d", "--name", "one", engine.image, "sleep", "1000")
            quiet(*engine.client, "rm", "-f", "one")
            return taken

        row("run -d, ms", interleaved(engines, detached), "<= 0.12")
        for engine in engines:
            quiet(*engine.client, "run", "-d", "--name", "target", engine.image, "sleep", "1000")
        row("exec CTR true, ms", interleaved(engines, lambda e: milliseconds(*e.client, "exec", "target", "true")), "<= 0.15")
        row("client version, ms", interleaved(engines, lambda e: milliseconds(*e.client, "version")), "<= 0.4")
        row("ps, ms", interleaved(engines, lambda e: milliseconds(*e.client, "ps")), "<= 0.5")
        row("50 x run -d, 8 at a time, s", {engine.name: parallel_starts(engine) for engine in engines}, "<= 0.12")
        row("memory per running container, PSS MiB",
            {engine.name: pss(children_named(engine.shim)) / 51 for engine in engines}, "<= 0.5 of conmon")
        row("idle daemon after use, PSS MiB", {engine.name: engine.idle() for engine in daemons}, "<= 0.15 of dockerd")
    finally:
        for engine in engines:
            names = subprocess.run([*map(str, engine.client), "ps", "-aq"], capture_output=True, text=True).stdout.split()
            if names:
                subprocess.run([*map(str, engine.client), "rm", "-f", *names], capture_output=True)
            engine.stop()
        quiet("Scripts/registry.sh", "stop", WORK / "registry", PORT)
        for mounted in reversed([line.split()[4] for line in open("/proc/self/mountinfo") if str(WORK) in line]):
            subprocess.run(["umount", "-l", mounted])
        # dockerd leaves its rules and its bridge, which would go on dropping what others forward.
        for table in tables() - firewall:
            subprocess.run(["nft", "delete", *table.split()], capture_output=True)
        if WITHOUT_DOCKER0:
            subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True)
        shutil.rmtree(WORK, ignore_errors=True)


main()
