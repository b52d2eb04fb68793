"""The same house under a policy of the owner's, and under other settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving


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
