# SPDX-License-Identifier: Apache-2.0
"""The docker Python SDK against our daemon."""
import docker
import pytest


@pytest.fixture(scope="module")
def sdk(daemon, busybox):
    client = docker.DockerClient(base_url=f"unix://{daemon.socket}", timeout=60)
    yield client
    client.close()


def test_run(sdk):
    assert sdk.containers.run("busybox", "echo hi", remove=True) == b"hi\n"


def test_failure_carries_code_and_output(sdk):
    with pytest.raises(docker.errors.ContainerError) as caught:
        sdk.containers.run("busybox", ["sh", "-c", "echo oops >&2; exit 4"], remove=True)
    assert caught.value.exit_status == 4 and b"oops" in caught.value.stderr


def test_missing_image(sdk):
    with pytest.raises(docker.errors.ImageNotFound):
        sdk.images.get("no-such-image")


def test_logs_stream(sdk):
    container = sdk.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.05; done"], detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    container.remove()


def test_exec(sdk):
    container = sdk.containers.run("busybox", "sleep 1000", detach=True)
    code, output = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 6"], demux=True)
    assert (code, output) == (6, (b"out\n", b"err\n"))
    code, output = container.exec_run("id -u", user="65534")
    assert (code, output) == (0, b"65534\n")
    assert container.top()["Titles"]
    container.remove(force=True)


def test_attach_with_stdin(sdk):
    container = sdk.containers.create("busybox", "cat", stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    raw = getattr(socket, "_sock", socket)
    raw.sendall(b"hello through a socket\n")
    frame = b""
    while len(frame) < 8 + len("hello through a socket\n"):
        frame += raw.recv(1024)
    assert frame[0] == 1 and frame[8:] == b"hello through a socket\n"
    raw.close()
    container.remove(force=True)


def test_wait_kill_restart(sdk):
    container = sdk.containers.run("busybox", "sleep 1000", detach=True)
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.restart(timeout=0)
    container.reload()
    assert container.status == "running"
    container.kill()
    assert container.wait()["StatusCode"] == 137
    container.remove()


def test_images(sdk, tmp_path):
    image = sdk.images.get("busybox")
    assert image.tag("copy", "v1")
    assert "copy:v1" in sdk.images.get("copy:v1").tags
    data = b"".join(image.save(named=True))
    sdk.images.remove("copy:v1")
    assert sdk.images.load(data)[0].id == image.id
    assert sdk.images.get("busybox").history()


def test_networks_and_volumes(sdk):
    assert {n.name for n in sdk.networks.list()} >= {"bridge", "host", "none"}
    volume = sdk.volumes.create("sdk-volume", labels={"a": "b"})
    assert volume.attrs["Labels"] == {"a": "b"}
    sdk.containers.run("busybox", "touch /v/x", volumes={"sdk-volume": {"bind": "/v", "mode": "rw"}}, remove=True)
    volume.remove()


def test_info_and_version(sdk):
    assert sdk.ping()
    assert sdk.version()["ApiVersion"] == "1.51"
    assert sdk.info()["Driver"] == "overlay2" or sdk.info()["Driver"]


def test_events(sdk):
    events = sdk.events(decode=True, filters={"type": "container"})
    sdk.containers.run("busybox", "true", name="watched", remove=True)
    seen = []
    for event in events:
        if event.get("Actor", {}).get("Attributes", {}).get("name") == "watched":
            seen.append(event["Action"])
        if seen and seen[-1] == "destroy":
            break
    events.close()
    assert [s for s in seen if s in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"]
