# SPDX-License-Identifier: Apache-2.0
"""What this guest's kernel has and development machines may lack."""
import subprocess

from machine import short


def ok(*words):
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(words)}: {result.stderr}"
    return result.stdout


@short
def test_ipvlan_and_macvlan_links_can_be_made():
    ok("ip", "link", "add", "parent0", "type", "dummy")
    try:
        for kind in ("ipvlan", "macvlan"):
            ok("ip", "link", "add", "link", "parent0", "name", f"{kind}0", "type", kind)
            assert kind in ok("ip", "-d", "link", "show", f"{kind}0")
            ok("ip", "link", "delete", f"{kind}0")
    finally:
        ok("ip", "link", "delete", "parent0")


def test_published_port_reaches_a_container(daemon, client, busybox):
    """The firewall's rules on a kernel whose modules are loaded on demand."""
    from harness import free_port
    port = free_port()
    identifier = client.ok("run", "-d", "-p", f"{port}:80", busybox, "sh", "-c", "echo inside >/tmp/index.html; httpd -f -p 80 -h /tmp")
    try:
        text = ok("curl", "-sS", "--retry", "10", "--retry-connrefused", "--retry-delay", "1", f"http://127.0.0.1:{port}/index.html")
        assert text == "inside\n", text
    finally:
        client.ok("rm", "-f", identifier)
