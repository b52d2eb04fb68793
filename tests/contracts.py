"""The committed descriptions of both APIs, and the migrations, compared with the code."""

import asyncio
import difflib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import typer
from alembic.util import CommandError
from strawberry.printer import print_schema

from app.asgi import rest_api
from db import migrations
from db.embedded.server import embedded_server
from schema.schema import schema

ROOT = Path(__file__).parent.parent


def descriptions() -> dict[Path, str]:
    """Return what each committed file must say."""
    return {
        ROOT / "schema" / "schema.graphql": print_schema(schema) + "\n",
        ROOT / "rest_compat" / "openapi.json": json.dumps(rest_api().openapi(), indent=2, ensure_ascii=False) + "\n",
    }


def differences() -> Iterator[str]:
    """Yield a diff for each committed file that says something else than the code."""
    for path, expected in descriptions().items():
        committed = path.read_text() if path.exists() else ""
        lines = difflib.unified_diff(committed.splitlines(), expected.splitlines(), path.name, "the code", lineterm="")
        yield from lines


def missing_migration() -> str | None:
    """Build a database by the migrations; return how the models differ from it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, embedded_server(Path(folder)) as url:
        try:
            asyncio.run(_migrate_and_compare(url))
        except CommandError as error:
            return str(error)
    return None


async def _migrate_and_compare(url: str) -> None:
    await migrations.upgrade(url)
    await migrations.check(url)


def main(action: Literal["write", "check"]) -> None:
    """Write the descriptions anew, or fail where they or the migrations do not match the code."""
    if action == "write":
        for path, text in descriptions().items():
            path.write_text(text)
        return
    problems = list(differences())
    if problems:
        problems.append("The committed API descriptions are out of date: run `make contracts` and look at the diff.")
    missing = missing_migration()
    if missing:
        problems.append(f"A migration is missing: {missing}")
    typer.echo("\n".join(problems), err=True, nl=bool(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    typer.run(main)
