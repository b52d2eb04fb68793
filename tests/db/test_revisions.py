"""Which revisions are applied is told without Alembic, and agrees with it."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from db import migrations, revisions
from db.engine.errors import DatabaseUnavailable
from tests.inspected import InspectedDatabase

ALEMBIC = Path(__file__).parents[2] / "alembic.ini"


def test_the_heads_are_those_of_the_scripts() -> None:
    assert set(ScriptDirectory.from_config(Config(ALEMBIC)).get_heads()) == set(migrations.scripts().get_heads())
    assert set(migrations.scripts().get_heads()) == revisions.HEADS


async def test_a_database_has_what_was_applied(database: InspectedDatabase) -> None:
    async with database.beside() as fresh:
        applied = [await revisions.applied(fresh.reader)]
        for revision in ("0004", "0005", "heads"):
            await migrations.upgrade(fresh.server.url, revision)
            applied.append(await revisions.applied(fresh.reader))
        complete = await revisions.are_applied(fresh.reader)

    assert applied == [set(), {"0004"}, {"0005"}, revisions.HEADS]
    assert complete


async def test_a_server_that_cannot_be_reached_is_not_an_empty_database() -> None:
    nowhere = InspectedDatabase("postgresql://127.0.0.1:1/postgres")
    with pytest.raises(DatabaseUnavailable) as raised:
        await revisions.are_applied(nowhere.reader)
    assert type(raised.value) is DatabaseUnavailable
    await nowhere.close()
