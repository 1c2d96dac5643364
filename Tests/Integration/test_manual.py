# SPDX-License-Identifier: Apache-2.0
"""The manual pages say what the programs have: every command and flag, and none that is not there."""
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import PROGRAMS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def said(program, *words):
    return subprocess.run([str(PROGRAMS / program), *words, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout


def flags_of(text):
    """Long flags at the left of a help page, with their short forms."""
    return {long: short or None for short, long in re.findall(r"^ +(?:(-\w), )? *(--[\w-]+)", text, re.M)}


def flags_in(page):
    """Flags that head a paragraph of a page."""
    labels = [line for tag, line in zip(page.splitlines(), page.splitlines()[1:]) if tag == ".TP" and r"\fB\-" in line]
    found = {}
    for label in labels:
        words = [word.replace(r"\-", "-") for word in re.findall(r"\\fB(.*?)\\fR", label)]
        found[next(w for w in words if w.startswith("--"))] = next((w for w in words if re.fullmatch(r"-\w", w)), None)
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    subprocess.run([str(ROOT / "Scripts/manual.sh"), str(PROGRAMS), str(folder)], check=True, timeout=30)
    return folder / "man1"


def test_every_command_of_the_help_has_a_page_with_its_flags(pages):
    def members(text):
        found = []
        for part in re.findall(r"Commands:\n((?:  \S.*\n)+)", text):
            found += re.findall(r"^  (\S+)", part, re.M)
        return found

    top = members(said("apus"))
    paths = [[name] for name in top]
    for group in ("container", "image", "network", "system", "volume"):
        assert group in top
        paths += [[group, name] for name in members(said("apus", group))]
    assert len(paths) > 80
    for path in paths:
        page = (pages / f"apus-{'-'.join(path)}.1").read_text()
        if page.startswith(".so "):
            page = (pages.parent / page.split()[1]).read_text()
        expected = {name: short for name, short in flags_of(said("apus", *path)).items() if name != "--help"}
        assert flags_in(page) == expected, path
        assert f"apus {' '.join(path)}" in page or path[0] == "completion"
    assert flags_in((pages / "apus.1").read_text()) == flags_of(said("apus"))


def test_pages_point_to_pages_that_exist(pages):
    for page in pages.iterdir():
        text = page.read_text()
        for name in re.findall(r"^\.so man1/(\S+)$", text, re.M) + [
                found.replace(r"\-", "-") + ".1" for found in re.findall(r"^\\fB(apus\\-[^ ]*?)\\fR\(1\)$", text, re.M)]:
            assert (pages / name).exists(), f"{page.name}: {name}"


def test_the_page_of_the_daemon(pages):
    page = (pages.parent / "man8/apusd.8").read_text()
    assert len(flags_in(page)) > 40
    assert flags_in(page) == flags_of(said("apusd"))


def test_the_page_of_the_runtime(pages):
    page, text = (pages.parent / "man8/apus-runtime.8").read_text(), said("apus-runtime")
    commands = re.findall(r"^   (\w+)  ", text.split("COMMANDS:")[1].split("GLOBAL OPTIONS:")[0], re.M)
    assert re.findall(r"^\\fB(\w+)\\fR$", page, re.M) == commands
    assert "create" in commands and len(flags_in(page)) > 5
    assert set(flags_in(page)) == set(re.findall(r"^   (--[\w-]+)", text.split("GLOBAL OPTIONS:")[1], re.M))


def test_roff_has_no_complaint(pages):
    if shutil.which("groff") is None:
        pytest.skip("no groff on this machine")
    every = [p for p in pages.iterdir() if not p.read_text().startswith(".so")] + list((pages.parent / "man8").iterdir())
    result = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", *map(str, sorted(every))], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
