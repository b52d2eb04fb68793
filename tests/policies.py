"""The same house under a policy of the owner's, and under other settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auth.caller import Caller
from tests.house import FORM, House
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import GraphQLWire, RestWire

QUOTE = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) {
  cost rule balance freeSlots errors { ... on UserError { code } } } }"""


@asynccontextmanager
async def under_policy(house: House, policy: str = "", **changes: object) -> AsyncIterator[House]:
    """Serve the same database under another policy, with these changes of the settings."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "policy.toml"
        file.write_text(policy)
        settings = house.settings.model_copy(update={"policy_file": file} | changes)
        database = InspectedDatabase(house.database.server.url)
        try:
            async with serving(settings, database) as url, House.opened(settings, database, url) as other:
                yield other
        finally:
            await database.close()


def wires_of(house: House) -> list[RestWire | GraphQLWire]:
    return [RestWire(house), GraphQLWire(house)]


async def quote(house: House, caller: Caller, **fields: Any) -> dict[str, Any]:
    body = await house.graphql(caller, QUOTE, input={**FORM, "mockMode": True, **fields})
    found: dict[str, Any] = body["data"]["videoJobQuote"]
    return found
