# SPDX-License-Identifier: Apache-2.0
"""What the tests in the guest stand on: one daemon for all, busybox pulled from a registry, a look at the control groups."""
import io
import json
import os
import pathlib
import shutil
import tarfile
import tempfile

from harness import Daemon, Registry, free_port

PROGRAMS = pathlib.Path(os.environ["APUS_PROGRAMS"])
IMAGES = pathlib.Path(os.environ["APUS_IMAGES"])
# A plain file system; the root is an overlay, and overlays do not stack on an overlay's upper layer.
PLACE = "/apus"
CGROUPS = pathlib.Path("/sys/fs/cgroup")


class Skip(Exception):
    """Not possible on this guest; the text says why."""


def short(function):
    """Marks a test of the short form."""
    function.short = True
    return function


made = {}


def fixture(name):
    if name not in made:
        made[name] = MAKERS[name]()
    return made[name]


def make_daemon(extra=()):
    daemon = Daemon(PROGRAMS, pathlib.Path(tempfile.mkdtemp(prefix="apus-t-", dir=PLACE)), extra)
    daemon.start()
    return daemon


def make_registry():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-r-", dir=PLACE))
    layouts = folder / "images"
    layouts.mkdir()
    (layouts / "busybox").symlink_to(IMAGES / "busybox")
    registry = Registry(layouts, folder / "registry", free_port())
    registry.start()
    return registry


def make_archive():
    """busybox as `docker save` would write it. A registry and a pull take half a minute in here."""
    layout = IMAGES / "busybox"

    def blob(digest):
        return layout / "blobs" / digest.replace(":", "/")

    top = json.loads((layout / "index.json").read_text())["manifests"][0]
    manifest = json.loads(blob(top["digest"]).read_text())
    names = {digest: digest.split(":")[1] for digest in [manifest["config"]["digest"], *(part["digest"] for part in manifest["layers"])]}
    index = [{"Config": names[manifest["config"]["digest"]], "RepoTags": ["busybox:latest"],
              "Layers": [names[part["digest"]] for part in manifest["layers"]]}]
    place = pathlib.Path(tempfile.mkdtemp(prefix="apus-i-", dir=PLACE)) / "busybox.tar"
    with tarfile.open(place, "w") as archive:
        for digest, name in names.items():
            archive.add(blob(digest), name)
        text = json.dumps(index).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    os.chmod(place.parent, 0o755)
    return place


def make_busybox():
    fixture("daemon").client().ok("load", "-i", fixture("archive"), timeout=180)
    return "busybox"


MAKERS = {
    "daemon": make_daemon,
    "registry": make_registry,
    "archive": make_archive,
    "busybox": make_busybox,
    "client": lambda: fixture("daemon").client(),
    "docker": lambda: docker(),
}


def docker():
    if shutil.which("docker") is None:
        raise Skip("no docker client here")
    return fixture("daemon").client("docker")


class Running:
    """A container that lives as long as the block."""

    def __init__(self, client, *flags, image="busybox", command=("sleep", "1000")):
        self.client = client
        self.id = client.ok("run", "-d", *flags, image, *command).splitlines()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.ok("rm", "-f", self.id)

    def folder(self):
        return group(self.id)

    def held(self, file):
        """A control file of the container's group."""
        return (self.folder() / file).read_text().strip()

    def sh(self, script):
        return self.client.run("exec", self.id, "sh", "-c", script)


def group(identifier):
    for folder, folders, _ in os.walk(CGROUPS):
        if identifier in folders:
            return pathlib.Path(folder, identifier)
    raise AssertionError(f"no control group of {identifier}")


def leave():
    """Ends what was started; gives what is left behind."""
    left = []
    if "daemon" in made:
        left = made["daemon"].destroy()
    if "registry" in made:
        made["registry"].stop()
    return left
