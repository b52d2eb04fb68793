"""Revision 0015 on a database with looks: their notes find them for those alone whom they are for."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import looks, migrations
from db.looks import LookList, LookView
from tests.inspected import InspectedDatabase

LOOK = """INSERT INTO looks (id, user_id, title, notes, generated_image_url, visibility, search_text)
    VALUES (:id, :user, :title, :notes, '/i', 'public', :words)"""
PRODUCT = """INSERT INTO products (id, look_id, position, sku, name)
    VALUES (gen_random_uuid(), :look, :position, :sku, :name)"""


@pytest.fixture
async def old_database(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database of its own, of the release before."""
    async with database.beside("makers") as old:
        yield old


async def test_looks_of_before_are_searched_as_new_ones_are(old_database: InspectedDatabase) -> None:
    user, noted, bare, untitled = uuid4(), uuid4(), uuid4(), uuid4()
    async with old_database.session() as session:
        await session.execute(text("INSERT INTO users (id, tokens) VALUES (:user, 0)"), {"user": user})
        for id_, title, notes in (
            (noted, "Stra\u00dfe", "For ZO\u00cb"),
            (bare, "Clay", None),
            (untitled, None, "Secret"),
        ):
            values = {"id": id_, "user": user, "title": title, "notes": notes, "words": f"before {title} {notes}"}
            await session.execute(text(LOOK), values)
        for position, (name, sku) in enumerate([("Shirt", "LR-2"), ("Coat", None)]):
            product = {"look": noted, "position": position, "name": name, "sku": sku}
            await session.execute(text(PRODUCT), product)

    await migrations.upgrade(old_database.server.url)

    async with old_database.session() as session:
        rows = {row.id: row.search_text for row in await session.execute(text("SELECT id, search_text FROM looks"))}
    assert rows == {
        noted: f"strasse shirt lr-2 coat{looks.NOTES}for zo\u00eb",
        bare: "before Clay None",
        untitled: f"{looks.NOTES}secret",
    }
    assert await found(old_database, user, "zo\u00eb", by_notes=True) == [noted]
    assert await found(old_database, user, "zo\u00eb", by_notes=False) == []
    assert await found(old_database, user, "LR-2 COAT", by_notes=False) == [noted]


async def found(database: InspectedDatabase, user: UUID, search: str, *, by_notes: bool) -> list[UUID]:
    wanted = LookList(LookView.PUBLIC, user, search, by_notes=by_notes)
    return [look.id for look in (await wanted.page(database.reader, first=9)).rows]
