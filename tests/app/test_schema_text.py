"""The schema as a text, for generators of clients."""

from pathlib import Path

import pytest

from app.settings import Settings
from db.engine.database import Database
from tests.house import House
from tests.servers import serving

COMMITTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


@pytest.mark.parametrize("introspection", [True, False])
async def test_the_schema_is_served_where_it_may_be_read(
    settings: Settings, database: Database, house: House, *, introspection: bool
) -> None:
    changed = settings.model_copy(update={"graphql_introspection": introspection})

    async with serving(changed, database) as url:
        answer = await house.http.get(f"{url}/graphql/schema.graphql")

    assert answer.status_code == (200 if introspection else 404)
    assert (answer.text == COMMITTED.read_text()) is introspection
