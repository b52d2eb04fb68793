"""`python -m tests.pythons`: what depends on the interpreter, under every other supported Python of this machine.

Each gets an environment of its own, `.venv-3.12` and so on, which is kept until the lock or the interpreter changes.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parent.parent
MINORS = range(11, 15)
LOCKS = ("requirements.lock", "requirements-dev.lock")
# The demo is everything once; the others are what compiled packages and the event loop have a part in.
TESTS = (
    "tests/app/test_demo.py",
    "tests/auth",
    "tests/media/test_images.py",
    "tests/media/test_videos.py",
    "tests/worker/test_generate.py",
    "tests/worker/test_real_videos.py",
)
ASK = "import sys; print(sys.implementation.name, sys.version_info[0], sys.version_info[1], sys.version.split()[0])"
ASK_SECONDS = 20


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine; `version` is such as `3.12.1`."""

    minor: int
    version: str
    path: str

    @property
    def environment(self) -> Path:
        return ROOT / f".venv-3.{self.minor}"


class NoEnvironment(Exception):
    """An environment could not be made. The message is what the installer said."""


def candidates(path: str, pyenv: Path) -> Iterator[str]:
    """Yield where interpreters may be: on the `PATH`, then pyenv's, of each version the newest first."""
    for folder in filter(None, path.split(os.pathsep)):
        yield from (str(Path(folder, f"python3.{minor}")) for minor in MINORS)
    yield from map(str, sorted(pyenv.glob("versions/3.*/bin/python"), key=_numbers, reverse=True))


def found(paths: Iterable[str]) -> dict[int, Interpreter]:
    """Return the first interpreter of each supported version that answers: a shim may be there for none."""
    interpreters: dict[int, Interpreter] = {}
    for path in dict.fromkeys(paths):
        interpreter = _asked(path) if os.access(path, os.X_OK) else None
        if interpreter is not None and interpreter.minor in MINORS:
            interpreters.setdefault(interpreter.minor, interpreter)
    return dict(sorted(interpreters.items()))


def make_environment(interpreter: Interpreter) -> None:
    """Install what the locks name, unless it is there.

    Raises:
        NoEnvironment

    """
    locks = b"".join((ROOT / name).read_bytes() for name in (*LOCKS, "pyproject.toml"))
    wanted = f"{interpreter.version} {sha256(locks).hexdigest()}"
    stamp = interpreter.environment / "lookreel.stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    target, uv = (
        ("--python", str(interpreter.environment / "bin" / "python")),
        str(Path(sys.executable).with_name("uv")),
    )
    locked = ("--quiet", "--require-hashes", "--no-deps", *(argument for name in LOCKS for argument in ("-r", name)))
    _run(uv, "venv", "--quiet", "--clear", "--python", interpreter.path, str(interpreter.environment))
    try:
        # Compiled now, as pip does: where nobody may write bytecode later, each process would compile everything anew.
        _run(uv, "pip", "install", *target, "--compile-bytecode", *locked)
    except NoEnvironment:
        # pip may have an index of its own in its settings, which uv does not read.
        _run(sys.executable, "-m", "pip", *target, "install", *locked)
    _run(uv, "pip", "install", *target, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp.write_text(wanted)


def main(this: int = sys.version_info.minor) -> int:
    """Test under each interpreter but this one, which runs everything; return 1 where one has failed."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    others = found(candidates(os.environ.get("PATH", ""), pyenv))
    others.pop(this, None)
    missing = ", ".join(f"3.{n}" for n in MINORS if n != this and n not in others)
    here = ", ".join(f"{one.version} ({one.path})" for one in others.values())
    print(f"Other Pythons of this machine: {here or 'none'}; not here: {missing or 'none'}", flush=True)
    results = [_tested(interpreter) for interpreter in others.values()]
    return 0 if all(results) else 1


def _tested(interpreter: Interpreter) -> bool:
    began = time.monotonic()
    try:
        make_environment(interpreter)
    except NoEnvironment as error:
        print(f"Python {interpreter.version}: no environment could be made with {interpreter.path}:\n{error}")
        return False
    python = interpreter.environment / "bin" / "python"
    passed = subprocess.run([python, "-m", "pytest", *TESTS], cwd=ROOT, check=False).returncode == 0
    print(f"Python {interpreter.version}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return passed


def _asked(path: str) -> Interpreter | None:
    try:
        answer = subprocess.run([path, "-c", ASK], capture_output=True, text=True, check=True, timeout=ASK_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    name, major, minor, version = answer.stdout.split()
    return Interpreter(int(minor), version, path) if (name, major) == ("cpython", "3") else None


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.parts[-3])]


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise NoEnvironment(done.stdout.strip())


if __name__ == "__main__":
    sys.exit(main())
