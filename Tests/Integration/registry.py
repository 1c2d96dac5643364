# SPDX-License-Identifier: Apache-2.0
"""An apus-registry for a test: starting, killing, asking, and making users for it."""
import ctypes
import hashlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess

from harness import free_port, wait_until

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def bcrypt(password):
    """As `htpasswd -B -C 5` does, by the system's libcrypt."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), b"$2y$05$" + b"saltsaltsaltsaltsalte.").decode()


def digest(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class ApusRegistry:
    def __init__(self, programs, root, *flags, tls=None):
        self.program = pathlib.Path(programs) / "apus-registry"
        self.root, self.flags, self.tls = pathlib.Path(root), [str(flag) for flag in flags], tls
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.log = self.root.with_suffix(".log")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "serve", "--root", str(self.root), "--listen", self.host, *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.answers, "apus-registry answers")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"apus-registry ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        try:
            return self.call("GET", "/health")[0] == 200
        except OSError:
            return False

    def connection(self):
        if self.tls:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=60, context=ssl.create_default_context(cafile=str(self.tls)))
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method, path, body=None, headers=None):
        """(status, header fields, body)"""
        connection = self.connection()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def expect(self, status, method, path, body=None, headers=None):
        found, fields, answer = self.call(method, path, body, headers)
        assert found == status, f"{method} {path}: {found} {answer[:500]!r}"
        return fields, answer

    def json(self, path):
        return json.loads(self.expect(200, "GET", path)[1])

    def push_blob(self, name, data, headers=None):
        self.expect(201, "POST", f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data, headers)
        return {"mediaType": "application/octet-stream", "digest": digest(data), "size": len(data)}

    def push_manifest(self, name, tag, config, layers, **fields):
        document = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers, **fields}).encode()
        self.expect(201, "PUT", f"/v2/{name}/manifests/{tag or digest(document)}", document, {"Content-Type": OCI_MANIFEST})
        return {"mediaType": OCI_MANIFEST, "digest": digest(document), "size": len(document)}

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(timeout=30) == 0

    def tool(self, *arguments):
        return subprocess.run([str(self.program), *map(str, arguments)], capture_output=True, text=True, timeout=120)

    def verified(self):
        """The folder holds what it says, whoever has it open."""
        result = self.tool("verify", "--root", self.root)
        assert result.returncode == 0, result.stdout + result.stderr

    def memory(self):
        """Peak resident memory in MiB."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmHWM")


def certificates(folder):
    """A certificate of our own for 127.0.0.1: (certificate, key)."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", str(certificate), "-keyout", str(key)],
        check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key
