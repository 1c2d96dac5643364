# SPDX-License-Identifier: Apache-2.0
"""AppArmor where the kernel has none: nothing is worn, and what is asked for is refused. The machine test has a kernel that has it."""
import pathlib

import pytest

ENABLED = pathlib.Path("/sys/module/apparmor/parameters/enabled")
pytestmark = pytest.mark.skipif(ENABLED.exists() and ENABLED.read_text().startswith("Y"), reason="this kernel has AppArmor")


def test_no_profile_without_apparmor(daemon, busybox, client):
    assert "name=apparmor" not in daemon.api("GET", "/info")[1]["SecurityOptions"]
    identifier = client.ok("create", busybox, "true")
    assert daemon.api("GET", f"/containers/{identifier}/json")[1]["AppArmorProfile"] == ""
    client.ok("rm", identifier)
    client.ok("run", "--rm", "--security-opt", "apparmor=unconfined", busybox, "true")


def test_a_profile_that_is_asked_for_is_refused(busybox, client):
    result = client.run("run", "--rm", "--security-opt", "apparmor=my-profile", busybox, "true")
    assert result.returncode != 0 and "apparmor is not enabled on this host: profile my-profile" in result.stderr, result
