# SPDX-License-Identifier: Apache-2.0
"""What an attacker brings along: programs of bare system calls, image archives with hostile members; and the fixtures of the
tests that are attacked."""
import gzip
import hashlib
import io
import json
import pathlib
import platform
import shutil
import struct
import tarfile
import tempfile
import uuid

import pytest

from conftest import IMAGES

NATIVE = platform.machine() == "x86_64"


class Result:
    """The value that an earlier call of a program returned."""

    def __init__(self, index):
        self.index = index


class Probe:
    """A static x86-64 ELF program that makes system calls one after another and writes what they returned to its stdout.
    No compiler, libc or interpreter is needed, in any image."""
    BASE = 0x400000
    LOAD = {"rax": b"\x48\xb8", "rdi": b"\x48\xbf", "rsi": b"\x48\xbe", "rdx": b"\x48\xba", "r10": b"\x49\xba",
            "r8": b"\x49\xb8", "r9": b"\x49\xb9", "rbx": b"\x48\xbb", "rcx": b"\x48\xb9", "rbp": b"\x48\xbd"}
    FETCH = {"rdi": b"\x48\x8b\x38", "rsi": b"\x48\x8b\x30", "rdx": b"\x48\x8b\x10", "r10": b"\x4c\x8b\x10",
             "r8": b"\x4c\x8b\x00", "r9": b"\x4c\x8b\x08"}
    NATIVE_ORDER = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
    COMPAT_ORDER = ("rbx", "rcx", "rdx", "rsi", "rdi", "rbp")

    def __init__(self):
        self.calls = []

    def call(self, number, *arguments, compat=False):
        """Bytes become pointers to them. `compat` goes through int 0x80, with the numbers of i386."""
        self.calls.append((number, arguments, compat))
        return Result(len(self.calls) - 1)

    def build(self):
        head = 120
        results = self.BASE + head
        data, code = bytearray(8 * len(self.calls)), bytearray()
        for position, (number, arguments, compat) in enumerate(self.calls):
            for register, value in zip(self.COMPAT_ORDER if compat else self.NATIVE_ORDER, arguments):
                if isinstance(value, Result):
                    code += self.LOAD["rax"] + struct.pack("<Q", results + 8 * value.index) + self.FETCH[register]
                    continue
                if isinstance(value, (bytes, bytearray)):
                    address = self.BASE + head + len(data)
                    data += bytes(value) + b"\0" * (8 - len(value) % 8)
                    value = address
                code += self.LOAD[register] + struct.pack("<Q", value & (1 << 64) - 1)
            code += self.LOAD["rax"] + struct.pack("<Q", number) + (b"\xcd\x80" if compat else b"\x0f\x05")
            code += self.LOAD["rcx"] + struct.pack("<Q", results + 8 * position) + b"\x48\x89\x01"
        for number, values in ((1, (1, results, 8 * len(self.calls))), (231, (0,))):  # write, exit_group
            for register, value in zip(self.NATIVE_ORDER, values):
                code += self.LOAD[register] + struct.pack("<Q", value)
            code += self.LOAD["rax"] + struct.pack("<Q", number) + b"\x0f\x05"
        size = head + len(data) + len(code)
        elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
            "<HHIQQQIHHHHHH", 2, 62, 1, self.BASE + head + len(data), 64, 0, 0, 64, 56, 1, 64, 0, 0)
        program = struct.pack("<IIQQQQQQ", 1, 7, 0, self.BASE, self.BASE, size, size, 4096)
        return elf + program + bytes(data) + bytes(code)

    @staticmethod
    def values(output):
        return [value for value, in struct.iter_unpack("<q", output)]


class Layer:
    """A layer's tar, member by member, with names that no honest tool writes."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, kind=tarfile.REGTYPE, content=b"", link="", mode=0o755, device=(0, 0), uid=0, gid=0):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.mode, member.size = kind, link, mode, len(content)
        member.devmajor, member.devminor = device
        member.uid, member.gid = uid, gid
        self.tar.addfile(member, io.BytesIO(content))
        return self

    def file(self, name, content=b"", **options):
        return self.add(name, content=content if isinstance(content, bytes) else content.encode(), **options)

    def folder(self, name, **options):
        return self.add(name, tarfile.DIRTYPE, **options)

    def link(self, name, target):
        return self.add(name, tarfile.SYMTYPE, link=target, mode=0o777)

    def hard(self, name, target):
        return self.add(name, tarfile.LNKTYPE, link=target)

    def fifo(self, name):
        return self.add(name, tarfile.FIFOTYPE, mode=0o666)

    def device(self, name, kind, major, minor):
        return self.add(name, {"c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE}[kind], mode=0o666, device=(major, minor))

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def busybox_layer(images):
    """The (uncompressed) layer of the busybox image of `make images`."""
    layout = pathlib.Path(images) / "busybox"
    blob = lambda descriptor: (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]))
    return gzip.decompress(blob(manifest["layers"][0]))


def busybox_program(images):
    with tarfile.open(fileobj=io.BytesIO(busybox_layer(images))) as tar:
        return tar.extractfile("bin/busybox").read()


def archive(tag, layers, config=None, names=None, extra=()):
    """A `docker save` archive. `names` replaces the layers' names in manifest.json, `extra` are (name, kind, link) members."""
    image = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()), "os": "linux",
        "config": {"Env": ["PATH=/bin:/usr/bin:/sbin:/usr/sbin"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]},
    }).encode()
    out = Layer()
    for index, layer in enumerate(layers):
        out.file(f"{index}/layer.tar", layer)
    for name, kind, link in extra:
        out.add(name, kind, link=link)
    out.file("config.json", image)
    out.file("manifest.json", json.dumps([{
        "Config": "config.json", "RepoTags": [tag],
        "Layers": names or [f"{index}/layer.tar" for index in range(len(layers))]}]))
    return out.bytes()


@pytest.fixture(scope="module")
def place():
    """A folder of the host, with a secret that no container may see."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-esc-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "secret").write_text("host-secret\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def apus(daemon, busybox):
    return daemon.client()


@pytest.fixture
def name(apus):
    """A container's name; the container goes with the test."""
    name = f"esc-{uuid.uuid4().hex[:12]}"
    yield name
    apus.run("rm", "-f", "-v", name)


@pytest.fixture(scope="module")
def load(daemon, apus):
    """Loads an image made of layers; gives its name."""
    made = []

    def load(*layers, base=True, config=None):
        tag = f"esc-{uuid.uuid4().hex[:12]}:latest"
        data = [busybox_layer(IMAGES)] if base else []
        data += [layer.bytes() for layer in layers]
        apus.ok("load", stdin=archive(tag, data, config), text=False)
        made.append(tag)
        return tag
    yield load
    for tag in made:
        for container in apus.ok("ps", "-aq", "--filter", f"ancestor={tag}").split():
            apus.run("rm", "-f", "-v", container)
        apus.run("rmi", "-f", tag)


def sh(apus, script, *options, image="busybox"):
    """Output and errors of a script in a container that goes again."""
    result = apus.run("run", "--rm", *options, image, "sh", "-c", script)
    return result.stdout + result.stderr


def status(text):
    return {line.split(":")[0]: line.split(":")[1].strip() for line in text.splitlines() if ":" in line}
