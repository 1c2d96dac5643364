# SPDX-License-Identifier: Apache-2.0
"""same_answers.txt, line by line, through the stock client and ours called by its name: exit code, output and errors."""
import difflib
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from harness import Client

LIST = pathlib.Path(__file__).with_name("same_answers.txt")
# What differs between two runs and not between two clients.
NOISE = [
    (r"[0-9a-f]{64}", "<ID>"),
    (r"\b[0-9a-f]{12}\b", "<id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<TIME>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", "<TIME>"),
    (r"\b(Less than a second|About a minute|About an hour|\d+ (seconds?|minutes?|hours?))\b", "<AGO>"),
    (r":\d{5}\b", ":<PORT>"),
    (r"\b10\.\d+\.\d+\.\d+\b", "<IP>"),
    (r" {2,}", "  "),
]


def sections():
    """Name and lines of each section; a section makes what it needs and removes it."""
    found, name = {}, None
    for line in LIST.read_text().splitlines():
        if line.startswith("## "):
            name = line[3:]
            found[name] = []
        elif line and not line.startswith("#"):
            found[name].append(line)
    return found


def configurations(folder, daemon):
    """Folders for DOCKER_CONFIG, named in the list."""
    host = f"unix://{daemon.socket}"
    contents = {
        "formats": {"psFormat": "table {{.Names}}\t{{.Image}}", "imagesFormat": "{{.Repository}}", "networksFormat": "n {{.Name}}",
                    "volumesFormat": "v {{.Name}}"},
        "keys": {"detachKeys": "ctrl-a,nosuch"},
        "proxies": {"proxies": {"default": {"httpProxy": "http://a:1", "noProxy": "x,y", "ftpProxy": "f"},
                                host: {"httpProxy": "http://b:1", "allProxy": "all"}}},
        "default-proxies": {"proxies": {"default": {"httpsProxy": "http://a:1"}}},
        "context": {"currentContext": "other"},
    }
    for name, content in contents.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(content))
    (folder / "broken").mkdir()
    (folder / "broken/config.json").write_text('{"psFormat": ')
    meta = folder / "context/contexts/meta" / hashlib.sha256(b"other").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps(
        {"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}))


class Caller:
    """One of the two clients, under the same program name and with names of its own for what it makes."""

    def __init__(self, client, program, own, folder, registry):
        self.client, self.program, self.own, self.folder, self.registry = client, program, own, folder, registry
        folder.mkdir()
        configurations(folder, client.daemon)

    def answer(self, line):
        words = shlex.split(line.replace("ME", self.own).replace("REGISTRY", self.registry))
        environment = dict(self.client.environment)
        while re.match(r"[A-Z_]+=", words[0]):
            name, value = words.pop(0).split("=", 1)
            environment[name] = value
        result = subprocess.run([str(self.program), *words], capture_output=True, text=True, errors="replace", timeout=90,
                                env=environment, stdin=subprocess.DEVNULL, cwd=self.folder)
        out = self.plain(result.stdout)
        if "images" in words:
            # The stock client lists the names of one image in any order.
            out = "\n".join(sorted(out.splitlines()))
        return result.returncode, out, self.plain(result.stderr)

    def plain(self, text):
        text = text.replace(self.own, "ME").replace(self.own.upper(), "ME").replace(str(self.client.config), "CONFIG")
        for pattern, word in NOISE:
            text = re.sub(pattern, word, text)
        return text


@pytest.fixture(scope="module")
def callers(daemon, registry, tmp_path_factory):
    stock = shutil.which("docker")
    if stock is None:
        pytest.skip("no docker client on this machine")
    version = subprocess.run([stock, "version", "-f", "{{.Client.Version}}"], capture_output=True, text=True).stdout
    if not version.startswith("28."):
        pytest.skip(f"the list is of docker 28, this machine has {version.strip() or 'none'}")
    daemon.pull(registry, "busybox:latest")
    folder = tmp_path_factory.mktemp("same")
    (folder / "docker").symlink_to(daemon.programs / "apus")
    address = f"127.0.0.1:{registry.port}"
    return [Caller(daemon.client("docker"), stock, "mestock", folder / "stock", address),
            Caller(Client("apus", daemon.programs / "apus", daemon), folder / "docker", "meapus0", folder / "ours", address)]


@pytest.mark.parametrize("section", list(sections()))
def test_same_answers(callers, section):
    problems = []
    for line in sections()[section]:
        # `[code]`: the texts differ for the reason given above the line.
        only_code = line.startswith("[code] ")
        line = line.removeprefix("[code] ")
        stock, ours = callers[0].answer(line), callers[1].answer(line)
        if stock[0] != ours[0]:
            problems.append(f"{line}\n  exit code {stock[0]}, ours {ours[0]}")
        if only_code:
            continue
        for label, expected, got in (("out", stock[1], ours[1]), ("err", stock[2], ours[2])):
            lines = difflib.unified_diff(expected.splitlines(), got.splitlines(), n=0, lineterm="")
            changed = [text for text in lines if not text.startswith(("---", "+++", "@@"))]
            if changed:
                problems.append(f"{line}\n" + "\n".join(f"  {label} {text[:300]}" for text in changed[:20]))
    assert not problems, "\n" + "\n".join(problems)


# Where ours is better than the same: the command, its exit code, and what it says.
@pytest.mark.parametrize("words, code, text", [
    (["run", "--kernel-memory", "1m", "busybox", "true"], 125, "the --kernel-memory flag is not supported: the kernel removed it"),
    (["run", "--detach-keys", "nosuch", "busybox", "true"], 125, "invalid detach keys (nosuch)"),
    (["run", "--cidfile", "/nosuch/file", "busybox", "true"], 125, "open /nosuch/file: no such file or directory"),
    (["run", "--use-api-socket", "busybox", "true"], 125, "the --use-api-socket flag is not supported yet"),
    (["run", "--disable-content-trust=false", "busybox", "true"], 125, "--disable-content-trust=false"),
    (["start", "--checkpoint", "x", "nosuch"], 1, "the --checkpoint flag is not supported yet"),
    (["images", "--tree"], 1, "the --tree flag is not supported yet"),
    (["pull", "--disable-content-trust=false", "x"], 1, "the --disable-content-trust=false flag is not supported yet"),
    (["volume", "ls", "--cluster"], 1, "the --cluster flag is not supported yet"),
    (["volume", "create", "--availability", "x"], 1, "the --availability flag is not supported yet: cluster volumes"),
    (["load", "-i", "/etc"], 1, "read /etc: is a directory"),
    (["-H", "tcp://127.0.0.1:1", "ps"], 1, "Is the docker daemon running? (connection refused)"),
    (["-c", "nosuch", "ps"], 1, 'context "nosuch": context not found'),
])
def test_what_is_refused_is_named(callers, words, code, text):
    before = callers[1].client.ok("ps", "-aq")
    result = callers[1].client.run(*words)
    assert result.returncode == code and text in result.stderr and result.stdout == ""
    assert callers[1].client.ok("ps", "-aq") == before


@pytest.mark.parametrize("name", ["build", "builder", "buildx", "checkpoint", "commit", "compose", "config", "context", "cp",
                                  "diff", "export", "login", "logout", "manifest", "node", "plugin", "search", "secret",
                                  "service", "stack", "stats", "swarm", "trust"])
def test_commands_to_come_say_so(callers, name):
    result = callers[1].client.run(name, "--anything", "x")
    assert (result.returncode, result.stderr) == (1, f"apus: the '{name}' command is not supported yet\n")
