"""Random GraphQL queries over the schema: the fast path must answer as the default executor does, to the last byte."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.settings import Settings
from bench.trust.findings import Effort, Finding
from db import migrations
from db.embedded.server import embedded_server
from schema.schema import schema
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.schema.asked import queries
from tests.schema.twins import each_field, furnished
from tests.servers import serving

CORE = schema._schema  # noqa: SLF001 - Strawberry offers no other way to it

Asked = tuple[str, bool, bool]


async def compare(effort: Effort) -> Finding:
    """Ask each schema the same; there is no worker, so that nothing changes meanwhile."""
    finding = Finding("GraphQL queries, with the fast path and without")
    asked = drawn(effort.documents)
    async with quiet_house() as house:
        twins = await furnished(house)
        for query, yes, no in [*asked, *((query, True, False) for query in each_field(CORE))]:
            variables = {"yes": yes, "no": no} if "$yes" in query else {}
            answers = [await twins.answer(each, query, variables) for each in (twins.plain, twins.fast)]
            finding.check(answers[0] == answers[1], f"different answers to {query}")
    fields = len(list(each_field(CORE)))
    fallen_back = sum(twins.fallbacks.values())
    finding.tried = f"{len(asked):,} drawn and {fields} of each field; {fallen_back} left to the default executor"
    return finding


def drawn(count: int) -> list[Asked]:
    """Draw queries as the tests do, without running them."""
    found: list[Asked] = []

    calm = settings(database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

    @settings(calm, max_examples=count)
    @given(queries(CORE), st.booleans(), st.booleans())
    def note(query: str, yes: bool, no: bool) -> None:  # noqa: FBT001 - as Hypothesis calls it
        found.append((query, yes, no))

    note()
    return found


@asynccontextmanager
async def quiet_house() -> AsyncIterator[House]:
    """Serve in this process, on a database of its own, without a worker."""
    with TemporaryDirectory(prefix="lookreel-trust-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded_server(folder / "data") as url:
            await migrations.upgrade(url)
            own = Settings(
                database_url=url,
                data_dir=folder / "files",
                jwt_secret_key=secrets.token_urlsafe(48),
                media_urls="plain",
            )
            database = InspectedDatabase(url)
            async with serving(own, database) as base_url, House.opened(own, database, base_url) as house:
                yield house
            await database.close()
