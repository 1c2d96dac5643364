# SPDX-License-Identifier: Apache-2.0
"""What every integration test stands on: a daemon of its own, the test images in a registry of its own, both clients."""
import os
import pathlib
import shutil
import tempfile

import pytest

from harness import Daemon, Registry, free_port

PROGRAMS = pathlib.Path(os.environ.get("APUS_PROGRAMS", ".build/debug")).resolve()
IMAGES = pathlib.Path(os.environ.get("APUS_IMAGES", ".cache/images")).resolve()


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """A plain-HTTP registry on loopback that serves busybox, debian and nginx."""
    if not (IMAGES / "busybox").exists():
        pytest.skip(f"no test images in {IMAGES}: run make images")
    registry = Registry(IMAGES, tmp_path_factory.mktemp("registry"), free_port())
    registry.start()
    yield registry
    registry.stop()


def make_daemon(extra=()):
    # Short: unix socket paths are limited to 108 bytes.
    root = pathlib.Path(tempfile.mkdtemp(prefix="apus-t-", dir="/var/tmp"))
    daemon = Daemon(PROGRAMS, root, extra)
    daemon.start()
    return daemon


@pytest.fixture(scope="module")
def daemon():
    """One daemon for the tests of a file. Whatever it leaves behind fails the run."""
    daemon = make_daemon()
    yield daemon
    leftovers = daemon.destroy()
    shutil.rmtree(daemon.root, ignore_errors=True)
    assert leftovers == [], f"left behind: {leftovers}"


@pytest.fixture()
def own_daemon():
    """A daemon for one test that kills, fills or restarts it."""
    daemons = []

    def make(*extra):
        daemons.append(make_daemon(extra))
        return daemons[-1]

    yield make
    problems = []
    for daemon in daemons:
        problems += daemon.destroy()
        shutil.rmtree(daemon.root, ignore_errors=True)
    assert problems == [], f"left behind: {problems}"


@pytest.fixture(scope="module")
def busybox(daemon, registry):
    """busybox:latest in the module's daemon, pulled for real."""
    daemon.pull(registry, "busybox:latest")
    return "busybox"


@pytest.fixture(params=["docker", "apus"])
def client(request, daemon):
    """The stock client and ours, against the same daemon."""
    if request.param == "docker" and shutil.which("docker") is None:
        pytest.skip("no docker client on this machine")
    return daemon.client(request.param)
