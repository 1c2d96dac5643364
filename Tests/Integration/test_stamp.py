# SPDX-License-Identifier: Apache-2.0
"""Which commit a program was built from: Scripts/stamp.sh on copies of our programs, in a repository and without one."""
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import PROGRAMS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FACTS = "{{.Client.GitCommit}} {{.Client.BuildTime}}"
STAMPED = "Thu Jan  1 00:00:00 1970"


@pytest.fixture()
def program(tmp_path):
    if shutil.which("objcopy") is None:
        pytest.skip("no objcopy (binutils)")
    return pathlib.Path(shutil.copy(PROGRAMS / "apus", tmp_path / "apus"))


def stamp(script, *programs, **variables):
    subprocess.run([str(script), *map(str, programs)], check=True, timeout=60,
                   env={**os.environ, "SOURCE_DATE_EPOCH": "0", **variables})


def facts(program):
    # No daemon is asked: the client's own half is printed before its absence is complained about.
    answer = subprocess.run([str(program), "-H", "unix:///nonexistent", "version", "-f", FACTS], capture_output=True,
                            text=True, timeout=30)
    return answer.stdout.strip()


def repository(folder):
    """A checkout with nothing but the script, and its commit."""
    (folder / "Scripts").mkdir(parents=True)
    shutil.copy(ROOT / "Scripts/stamp.sh", folder / "Scripts")
    shutil.copy(ROOT / ".gitattributes", folder)
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    return subprocess.run([*git, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def test_commit_and_time_of_a_checkout(program, tmp_path):
    commit = repository(tmp_path / "tree")
    assert facts(program) == "unknown unknown"
    stamp(tmp_path / "tree/Scripts/stamp.sh", program)
    assert facts(program) == f"{commit} {STAMPED}"
    once = program.read_bytes()
    stamp(tmp_path / "tree/Scripts/stamp.sh", program)
    assert program.read_bytes() == once, "the same commit and time make the same program"
    (tmp_path / "tree/.gitattributes").write_text("changed\n")
    stamp(tmp_path / "tree/Scripts/stamp.sh", program)
    assert facts(program).startswith(f"{commit}-dirty ")


def test_commit_of_a_tarball(program, tmp_path):
    commit = repository(tmp_path / "tree")
    (tmp_path / "unpacked").mkdir()
    subprocess.run(f"git -C {tmp_path}/tree archive HEAD | tar -x -C {tmp_path}/unpacked", shell=True, check=True)
    stamp(tmp_path / "unpacked/Scripts/stamp.sh", program)
    assert facts(program) == f"{commit} {STAMPED}"


def test_a_copy_inside_another_repository_is_not_that_repository(program, tmp_path):
    repository(tmp_path / "outer")
    shutil.copytree(tmp_path / "outer/Scripts", tmp_path / "outer/vendor/Scripts")
    stamp(tmp_path / "outer/vendor/Scripts/stamp.sh", program)
    assert facts(program) == f"unknown {STAMPED}"


def test_programs_without_the_section_stay_as_they_are(tmp_path):
    other = pathlib.Path(shutil.copy("/bin/true", tmp_path / "other"))
    before = other.read_bytes()
    stamp(ROOT / "Scripts/stamp.sh", other)
    assert other.read_bytes() == before
