"""Connections to the tests' own server by its socket or a proxy, and those that it refuses."""

import re
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

import asyncpg
import pytest

from db.engine.connections import Server
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import FOR_REQUESTS, Limits
from tests.doubles.postgres_proxy import PostgresProxy


def opened(
    url: str, limits: Limits = FOR_REQUESTS, name: str = "lookreel"
) -> AbstractAsyncContextManager[asyncpg.Connection]:
    return Server(url, name).opened(limits)


def at(folder: str, query: str = "", user: str = "postgres", database: str = "postgres") -> str:
    return f"postgres://{user}@/{database}?host={quote(folder, safe='')}&{query}"


def over_tcp(proxy: PostgresProxy, query: str = "", host: str = "127.0.0.1") -> str:
    return f"postgres://postgres@{host}:{proxy.port}/postgres?{query}"


async def refused(url: str, limits: Limits = FOR_REQUESTS) -> str:
    """Return the sentence, and that it is one."""
    with pytest.raises(DatabaseUnavailable) as raised:
        await Server(url).connect(limits)
    sentence = str(raised.value)
    assert re.fullmatch(r"[A-Z][^\n]+\.", sentence)
    return sentence
