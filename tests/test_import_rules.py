"""The import rules hold, and each of them fails when it is broken: a rule that cannot fail protects nothing."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "auth", "db", "graphql_server", "media", "providers", "resolvers", "rest_compat", "schema", "worker")
LINT_IMPORTS = str(Path(sys.executable).with_name("lint-imports"))


@pytest.fixture
def house_copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.mp4"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    # From the copy's own folder and with nothing else on the path, so that the copy is what is read.
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_graphql_server_has_no_word_of_what_it_serves() -> None:
    words = re.compile("lookreel|[a-z]Look|video|job|product|veo|cloudinary|asyncpg|sqlalchemy", re.IGNORECASE)
    found = {path.name: words.findall(path.read_text()) for path in (ROOT / "graphql_server").rglob("*.py")}

    assert len(found) > 15
    assert {name: those for name, those in found.items() if those} == {}


def test_the_house_keeps_its_rules(house_copy: Path) -> None:
    kept = lint(house_copy)

    assert kept.returncode == 0, kept.stdout
    assert "Contracts: 7 kept, 0 broken." in kept.stdout


# A module, a line for it, and the rule that this breaks.
BREAKING = [
    ("resolvers/looks.py", "import schema", "Imports run one way"),
    ("db/looks.py", "import resolvers.looks", "Imports run one way"),
    ("auth/caller.py", "import db.tables", "Imports run one way"),
    ("media/images.py", "import resolvers.errors", "Imports run one way"),
    ("rest_compat/looks.py", "import schema.types", "Imports run one way"),
    ("worker/run.py", "import providers.local_disk.storage", "Imports run one way"),
    ("graphql_server/cost.py", "import schema.types", "The GraphQL server serves any schema"),
    ("graphql_server/execution/plans.py", "import db.engine.statements", "The GraphQL server serves any schema"),
    ("graphql_server/view.py", "import auth.errors", "The GraphQL server serves any schema"),
    ("rest_compat/looks.py", "import graphql_server.view", "The GraphQL server is the schema's"),
    ("resolvers/looks.py", "import graphql_server.errors", "The GraphQL server is the schema's"),
    ("schema/queries.py", "import sqlalchemy", "The wires write no SQL"),
    ("rest_compat/looks.py", "import sqlalchemy", "The wires write no SQL"),
    ("resolvers/looks.py", "import fastapi", "The rules and the worker know no wire"),
    ("worker/run.py", "import strawberry", "The rules and the worker know no wire"),
    ("app/wiring.py", "import cloudinary", "Vendors are known to the providers alone"),
    ("resolvers/image_files.py", "import PIL.Image", "Pillow is known to the media alone"),
    ("worker/run.py", "from google import genai", "Vendors are known to the providers alone"),
]


def test_each_rule_fails_when_it_is_broken(house_copy: Path) -> None:
    for module, line, _ in BREAKING:
        with (house_copy / module).open("a") as file:
            file.write(f"\n{line}\n")

    broken = lint(house_copy)

    assert broken.returncode == 1
    _, *reports = re.split(r"\n(.+)\n-{10,}\n", broken.stdout.partition("Broken contracts")[2])
    found = dict(zip(reports[::2], reports[1::2], strict=True))
    for module, line, contract in BREAKING:
        package = line.split()[1].partition(".")[0]
        chain = f"- +{module.removesuffix('.py').replace('/', '.')} -> {package}\\b"
        assert [name for name, report in found.items() if name.startswith(contract) and re.search(chain, report)], line
