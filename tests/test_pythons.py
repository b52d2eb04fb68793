"""One lock for all Pythons, and which Pythons of a machine the tests run under."""

import os
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests import pythons

ROOT = Path(__file__).parent.parent
# Name of a package that stands twice in a lock, with other versions for other Pythons: why it has to.
TWICE: dict[str, str] = {}


LOCKS = ("requirements.lock", "requirements-otel.lock", "requirements-dev.lock", "requirements-bench.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_one_version_for_all_pythons(lock: str) -> None:
    versions = defaultdict(set)
    for name, version in re.findall(r"^([\w.-]+(?:\[.*\])?)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        versions[name].add(version)

    assert len(versions) > 50
    assert {name: found for name, found in versions.items() if len(found) > 1 and name not in TWICE} == {}


def test_the_locks_agree() -> None:
    pinned = [set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS]

    names = [{pin.partition("==")[0] for pin in pins} for pins in pinned]
    assert pinned[0] < pinned[1]
    for one, other in ((1, 2), (2, 3)):
        assert {pin for pin in pinned[one] if pin.partition("==")[0] in names[other]} <= pinned[other]


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def test_interpreters_are_found_on_the_path_and_at_pyenvs_and_only_those_that_answer(tmp_path: Path) -> None:
    first, second, pyenv = (tmp_path / name for name in ("first", "second", "pyenv"))
    script(first / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    script(first / "python3.13", "echo cpython 3 13 3.13.7")
    script(first / "python3.14", "echo cpython 3 14 3.14.0", mode=0o644)
    script(second / "python3.13", "echo cpython 3 13 3.13.1")
    script(second / "python3.9", "echo cpython 3 9 3.9.18")
    for name, answer in {
        "3.9.1": "cpython 3 9 3.9.1",
        "3.12.9": "cpython 3 12 3.12.9",
        "3.12.10": "cpython 3 12 3.12.10",
        "3.11.4": "pypy 3 11 3.11.4",
        "3.99.0": "cpython 3 99 3.99.0",
    }.items():
        script(pyenv / "versions" / name / "bin" / "python", f"echo {answer}")

    found = pythons.found(pythons.candidates(f"{first}{os.pathsep}{second}{os.pathsep}", pyenv))

    assert {minor: (one.version, one.path) for minor, one in found.items()} == {
        12: ("3.12.10", str(pyenv / "versions/3.12.10/bin/python")),
        13: ("3.13.7", str(first / "python3.13")),
    }


def test_an_environment_is_made_once_for_a_lock_and_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []

    def run(*command: str) -> None:
        ran.append(command)
        folder.mkdir(exist_ok=True)

    monkeypatch.setattr(pythons, "ROOT", tmp_path)
    monkeypatch.setattr(pythons, "_run", run)
    for name in (*pythons.LOCKS, "pyproject.toml"):
        (tmp_path / name).write_text("first")
    folder = tmp_path / ".venv-3.12"
    old, new = (pythons.Interpreter(12, version, "/usr/bin/python3.12") for version in ("3.12.1", "3.12.2"))

    pythons.make_environment(old)
    once = len(ran)
    for interpreter, lock, times in ((old, "first", 1), (old, "second", 2), (new, "second", 3), (new, "second", 3)):
        (tmp_path / "requirements-dev.lock").write_text(lock)
        pythons.make_environment(interpreter)
        assert len(ran) == once * times


def test_pip_installs_where_uv_cannot_and_what_failed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs: list[str] = []

    def run(*command: str) -> None:
        programs.append(Path(command[0]).name)
        if command[1:3] == ("pip", "install") and "-r" in command:
            raise pythons.NoEnvironment("no index")
        if command[2:3] == ("pip",):
            raise pythons.NoEnvironment("nor here")

    monkeypatch.setattr(pythons, "_run", run)
    monkeypatch.setattr(pythons, "ROOT", tmp_path)
    monkeypatch.setattr(pythons, "found", lambda _: {12: pythons.Interpreter(12, "3.12.1", "/usr/bin/python3.12")})
    for name in (*pythons.LOCKS, "pyproject.toml"):
        (tmp_path / name).write_text("")

    assert pythons.main(11) == 1
    assert programs == ["uv", "uv", Path(sys.executable).name]
    said = capsys.readouterr().out
    assert said.startswith("Other Pythons of this machine: 3.12.1 (/usr/bin/python3.12); not here: 3.13, 3.14\n")
    assert "Python 3.12.1: no environment could be made with /usr/bin/python3.12:\nnor here\n" in said


def test_a_machine_with_one_python_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pythons, "found", lambda _: {})

    assert pythons.main(12) == 0
    assert capsys.readouterr().out == "Other Pythons of this machine: none; not here: 3.11, 3.13, 3.14\n"


def test_what_is_run_under_each_exists() -> None:
    assert [name for name in pythons.TESTS if not (ROOT / name).exists()] == []
