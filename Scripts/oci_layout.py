#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes folders as the layers of an OCI image layout (image-spec, image-layout.md). Entries are sorted, so equal trees give equal digests."""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import stat
import tarfile

EPOCH = "2024-01-01T00:00:00Z"


def store(blobs, data):
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def walk(root):
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files + folders):
            path = os.path.join(folder, name)
            yield os.path.relpath(path, root), path


def changed(old, new):
    """Paths of `new` that differ from `old`, and whiteouts for what is gone."""
    before = dict(walk(old))
    after = dict(walk(new))
    for name, path in after.items():
        if name not in before:
            yield name, path
            continue
        a, b = os.lstat(before[name]), os.lstat(path)
        same = (a.st_mode, a.st_uid, a.st_gid) == (b.st_mode, b.st_uid, b.st_gid)
        if stat.S_ISDIR(b.st_mode):
            if not same:
                yield name, path
        elif not same or a.st_size != b.st_size or int(a.st_mtime) != int(b.st_mtime):
            yield name, path
    for name in before:
        if name not in after and os.path.dirname(name) in {**after, "": None}:
            yield os.path.join(os.path.dirname(name), ".wh." + os.path.basename(name)), None


def layer(blobs, entries):
    """One gzip layer: its descriptor and the digest of the plain tar (the DiffID)."""
    plain = hashlib.sha256()
    target = blobs / "layer.tmp"

    class Tee:
        def __init__(self, out):
            self.out = out

        def write(self, data):
            plain.update(data)
            return self.out.write(data)

    with open(target, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="", compresslevel=6) as packed:
        with tarfile.open(fileobj=Tee(packed), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name, path in entries:
                if path is None:
                    tar.addfile(tarfile.TarInfo(name))
                    continue
                entry = tar.gettarinfo(path, name)
                if entry is None:
                    continue
                entry.uname = entry.gname = ""
                entry.mtime = int(entry.mtime)
                if entry.isreg():
                    with open(path, "rb") as content:
                        tar.addfile(entry, content)
                else:
                    tar.addfile(entry)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    size = target.stat().st_size
    target.rename(blobs / digest)
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}, f"sha256:{plain.hexdigest()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("tag")
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--changes", nargs=2, action="append", default=[])
    parser.add_argument("--cmd", action="append", default=[])
    parser.add_argument("--port", action="append", default=[])
    parser.add_argument("--stop-signal")
    options = parser.parse_args()
    blobs = options.folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    layers, differences = [], []
    for entries in [walk(root) for root in options.layer] + [changed(*pair) for pair in options.changes]:
        descriptor, difference = layer(blobs, entries)
        layers.append(descriptor)
        differences.append(difference)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    configuration = {"Cmd": options.cmd, "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    if options.port:
        configuration["ExposedPorts"] = {port: {} for port in options.port}
    if options.stop_signal:
        configuration["StopSignal"] = options.stop_signal
    image = {"created": EPOCH, "architecture": machine, "os": "linux", "config": configuration,
             "rootfs": {"type": "layers", "diff_ids": differences},
             "history": [{"created": EPOCH, "created_by": "made from Debian's packages"} for _ in differences]}
    described = store(blobs, json.dumps(image, sort_keys=True).encode())
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described}, "layers": layers}
    name = f"{options.folder.name}:{options.tag}"
    top = {"mediaType": manifest["mediaType"], **store(blobs, json.dumps(manifest, sort_keys=True).encode()),
           "platform": {"architecture": machine, "os": "linux"},
           "annotations": {"org.opencontainers.image.ref.name": options.tag, "io.containerd.image.name": f"docker.io/library/{name}"}}
    (options.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (options.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))


main()
