"""A way to the tests' own server that a test may cut off."""

from collections.abc import AsyncIterator

import pytest

from tests.doubles.postgres_proxy import PostgresProxy, proxied


@pytest.fixture
async def proxy(socket_folder: str) -> AsyncIterator[PostgresProxy]:
    async with proxied(socket_folder) as proxy:
        yield proxy
