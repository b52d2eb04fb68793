"""The documents say what the code does: settings, commands, folders, paths."""

import re
from collections import defaultdict
from pathlib import Path

import typer.main

from app.commands import app
from app.settings import Settings

ROOT = Path(__file__).parent.parent
OPERATING = (ROOT / "docs" / "OPERATING.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
README = (ROOT / "README.md").read_text()


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the table under a heading, by their first cell."""
    section = re.split(r"^## ", text.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {row[0]: row for row in cells[2:]}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {name.strip("`"): row[1].strip("`") for name, row in rows(OPERATING, "Settings").items()}

    assert documented == {
        name.upper(): "" if field.default is None else str(field.default).removesuffix(".0")
        for name, field in Settings.model_fields.items()
    }


def test_what_one_machine_takes_is_what_was_measured() -> None:
    number = re.compile(r"\d[\d,]*(?:\.\d+)?")
    measured = set(number.findall((ROOT / "bench" / "RESULTS.md").read_text()))
    told = [row[1:] for row in rows((ROOT / "docs" / "SCALING.md").read_text(), "One machine").values()]

    assert len(told) == 5
    assert [figure for cells in told for figure in number.findall(" ".join(cells)) if figure not in measured] == []


def test_every_command_is_documented_with_its_options() -> None:
    documented: defaultdict[str, set[str]] = defaultdict(set)
    for usage in rows(OPERATING, "Commands"):
        documented[usage.strip("`").split()[1]].update(re.findall(r"--[a-z-]+", usage))

    commands = getattr(typer.main.get_command(app), "commands", {})
    assert documented == {
        name: {
            option
            for each in [command, *getattr(command, "commands", {}).values()]
            for parameter in each.params
            for option in parameter.opts
            if option.startswith("--") and option != "--help"
        }
        for name, command in commands.items()
    }


def test_every_folder_is_in_the_architecture() -> None:
    described = {name.strip("`/") for name in rows(ARCHITECTURE, "Folders")}

    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert described == packages | {"alembic", "clients", "deploy", "docs", "examples", "studio"}


def test_every_path_that_a_document_names_exists() -> None:
    documents = [
        README,
        (ROOT / "CONTRIBUTING.md").read_text(),
        *(path.read_text() for path in ROOT.glob("docs/**/*.md")),
    ]
    named = {name for text in documents for name in re.findall(r"`([a-z_]+/[\w./]+\.\w+)`", text)}

    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:^|`|\$ )make ([a-z]+)\b", README, re.MULTILINE)) <= targets


def test_every_threat_names_tests_that_are_there() -> None:
    rows_ = [line for line in (ROOT / "docs" / "threats.md").read_text().splitlines() if line.startswith("| ")]
    answered = [line for line in rows_ if not line.startswith(("| try", "| trouble", "| ---"))]

    named = [re.findall(r"`(tests/[a-z_/]+\.py)`", line) for line in answered]
    assert all(named), "a threat without a test"
    assert [name for names in named for name in names if not (ROOT / name).is_file()] == []
