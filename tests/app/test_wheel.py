"""The wheel has every file of the packages, and runs anywhere beside other people's packages of such names."""

import ast
import asyncio
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from contextlib import closing
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from db import revisions
from tests.app.processes import environment
from tests.inspected import InspectedDatabase

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str | Path, folder: Path = ROOT, **settings: object) -> str:
    ran = subprocess.run(command, cwd=folder, env=environment(settings), capture_output=True, text=True, check=False)
    assert ran.returncode in {0, 1}, ran.stderr
    return ran.stdout


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                found |= {alias.name.partition(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # As `pip wheel .` does; environments made by uv have no pip.
    run(UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A virtual environment with the wheel, and with what it depends on from this one."""
    venv = wheel.parent / "venv"
    run(UV, "venv", "-q", "--python", sys.executable, venv)
    run(UV, "pip", "install", "-q", "--offline", "--no-deps", "--python", venv / "bin" / "python", wheel)
    (site,) = venv.glob("lib/python*/site-packages")
    # What is named by a .pth has its own .pth files not read: the checkout is not on the path.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (site / "app").mkdir()
    (site / "app" / "__init__.py").write_text("raise SystemExit('somebody else package')")
    return venv / "bin" / "lookreel"


def test_every_file_is_in_it_under_one_name(wheel: Path) -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    packages = sorted(set(build["only-include"]) - {"lookreel"})
    files = [path.relative_to(ROOT) for package in packages for path in (ROOT / package).rglob("*") if path.is_file()]
    expected = {f"lookreel/_house/{path}" for path in files if path.suffix != ".pyc"} | {"lookreel/__init__.py"}

    with closing(zipfile.ZipFile(wheel)) as archive:
        names = set(archive.namelist())

    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"lookreel"}
    assert build["sources"] == {package: f"lookreel/_house/{package}" for package in packages}


async def test_it_runs_in_a_folder_of_somebody_elses(
    installed: Path, tmp_path: Path, database: InspectedDatabase
) -> None:
    (tmp_path / "db.py").write_text("raise SystemExit('somebody else module')")
    async with database.beside() as empty:
        url = empty.url.render_as_string(hide_password=False)
        # The list comes from the revisions' files, by way of a process that the command becomes.
        listed = run(installed, "migrate", "--check", folder=tmp_path, DATABASE_URL=url, JWT_SECRET_KEY="k" * 32)

    assert {line.split(":")[0] for line in listed.splitlines()} >= revisions.HEADS
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["db.py"]


def test_it_takes_no_dependency_that_was_not_tried_but_for_its_repairs() -> None:
    """Whoever installs it without the lock gets the newest that fit (decision 1)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    required = list(map(Requirement, project["dependencies"]))

    unbounded = [str(one) for one in required if not {it.operator for it in one.specifier} & {"==", "~=", "<"}]

    assert unbounded == []
    assert [one.name for one in required if locked[one.name] not in one.specifier] == []


def test_all_that_is_imported_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["otel"]
    dependencies = {Requirement(it).name for it in named}
    # By an extra of PyJWT, by what google-genai is given, and at one version for each of pydantic.
    dependencies |= {"cryptography", "google-auth", "pydantic-core"}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    owners = packages_distributions()

    undeclared = [
        f"{path.relative_to(ROOT)}: {name}"
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path) - sys.stdlib_module_names - set(packages)
        if not {owner.lower().replace("_", "-") for owner in owners.get(name, ())} & dependencies
    ]

    assert undeclared == []


def test_it_says_its_version(installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert run(installed, "--version", folder=tmp_path) == f"lookreel {version}\n"
