"""Connections as DATABASE_URL describes them, each with limits; what goes wrong is said in a sentence."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from db.engine import connections
from db.engine.connections import Server
from db.engine.database import Database
from db.engine.errors import (
    DatabaseAccessDenied,
    DatabaseMissing,
    DatabaseTooManyConnections,
    DatabaseTooOld,
    DatabaseUnavailable,
    InvalidDatabaseUrl,
)
from db.engine.limits import FOR_HEALTH, FOR_QUEUES, FOR_REQUESTS, UNLIMITED, Limits
from tests.doubles.certificates import authority, written
from tests.doubles.postgres_proxy import PostgresProxy, proxied, server_context

LIMITS = "statement_timeout, lock_timeout, idle_in_transaction_session_timeout"
SHORT = Limits(connect=0.2)


@pytest.fixture
def folder(database: Database) -> str:
    """Where the tests' server has its socket."""
    return database.server.address.hosts[0][0]


@pytest.fixture
async def proxy(folder: str) -> AsyncIterator[PostgresProxy]:
    async with proxied(folder) as proxy:
        yield proxy


@asynccontextmanager
async def opened(url: str, limits: Limits = FOR_REQUESTS, name: str = "lookreel") -> AsyncIterator[asyncpg.Connection]:
    connection = await Server(url, name).connect(limits)
    try:
        yield connection
    finally:
        await connection.close()


def at(folder: str, query: str = "", user: str = "postgres", database: str = "postgres") -> str:
    return f"postgres://{user}@/{database}?host={quote(folder, safe='')}&{query}"


def over_tcp(proxy: PostgresProxy, query: str = "", host: str = "127.0.0.1") -> str:
    return f"postgres://postgres@{host}:{proxy.port}/postgres?{query}"


async def shown(connection: asyncpg.Connection, names: str = LIMITS) -> list[str]:
    return [await connection.fetchval(f"SHOW {name}") for name in names.split(", ")]


async def refused(url: str, limits: Limits = FOR_REQUESTS) -> str:
    """Return the sentence, and that it is one."""
    with pytest.raises(DatabaseUnavailable) as raised:
        await Server(url).connect(limits)
    sentence = str(raised.value)
    assert re.fullmatch(r"[A-Z][^\n]+\.", sentence)
    return sentence


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (FOR_REQUESTS, ["10s", "3s", "30s"]),
        (FOR_HEALTH, ["1s", "1s", "30s"]),
        (FOR_QUEUES, ["1min", "30s", "30s"]),
        (UNLIMITED, ["0", "0", "0"]),
        (Limits(statement=0.25, lock=0.0001, idle_in_transaction=None), ["250ms", "1ms", "0"]),
    ],
)
async def test_every_use_has_its_limits(folder: str, limits: Limits, expected: list[str]) -> None:
    async with opened(at(folder), limits) as connection:
        assert await shown(connection) == expected


@pytest.mark.parametrize(
    "query",
    [
        "statement_timeout=7s",
        "options=-c%20statement_timeout%3D7s",
        "options=-cstatement_timeout=7s",
        "options=--statement_timeout=7s",
        "options=--statement-timeout=7s+-c+geqo=off",
    ],
)
async def test_what_the_url_sets_stays(folder: str, query: str) -> None:
    async with opened(at(folder, query)) as connection:
        assert await shown(connection) == ["7s", "3s", "30s"]


async def test_what_the_operator_has_set_for_a_role_or_a_database_stays(database: Database, folder: str) -> None:
    name = f"limits_{uuid4().hex}"
    async with database.raw_connection() as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN")
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.execute(f"ALTER ROLE {name} SET statement_timeout = '2s'")
        await admin.execute(f"ALTER DATABASE {name} SET lock_timeout = 0")
        try:
            async with opened(at(folder, user=name, database=name)) as connection:
                assert await shown(connection) == ["2s", "0", "30s"]
        finally:
            await admin.execute(f"DROP DATABASE {name}")
            await admin.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["lookreel api", '"$user", public']),
        ("application_name=billing", ["billing", '"$user", public']),
        ("options=-c%20search_path%3Dlooks,public", ["lookreel api", "looks,public"]),
        ("search_path=looks", ["lookreel api", "looks"]),
    ],
)
async def test_the_server_knows_who_is_there(folder: str, query: str, expected: list[str]) -> None:
    async with opened(at(folder, query), name="lookreel api") as connection:
        assert await shown(connection, "application_name, search_path") == expected


async def test_no_name_of_a_database_is_the_users(database: Database, folder: str) -> None:
    async with opened(f"postgresql+asyncpg://postgres@/?host={quote(folder)}") as connection:
        assert await connection.fetchval("SELECT current_database()") == "postgres"
    assert database


@pytest.mark.parametrize("sessions", ["any", "primary", "read-write", "prefer-standby", ""])
async def test_of_several_hosts_one_that_is_there_and_fits(proxy: PostgresProxy, sessions: str) -> None:
    hosts = f"127.0.0.1:1,nowhere.invalid:5,127.0.0.1:{proxy.port}"

    async with opened(f"postgres://postgres@{hosts}/postgres?target_session_attrs={sessions}") as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_host_that_does_not_answer_takes_its_turn_only(proxy: PostgresProxy) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent:
        url = f"postgres://postgres@127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{proxy.port}/postgres"

        async with opened(url, SHORT) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert "does not answer within 0.2 s" in await refused(
            url.replace(str(proxy.port), "1").rpartition(",")[0], SHORT
        )


async def test_any_of_the_hosts_first(proxy: PostgresProxy) -> None:
    url = f"postgres://postgres@127.0.0.1:1,127.0.0.1:{proxy.port}/postgres?load_balance_hosts=random"

    for _ in range(4):
        async with opened(url) as connection:
            assert await connection.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(("query", "expected"), [("", (1, 30, 10, 3)), ("keepalives_idle=7", (1, 7, 10, 3))])
async def test_the_kernel_looks_whether_the_other_side_is_there(
    proxy: PostgresProxy, query: str, expected: tuple[int, ...]
) -> None:
    async with opened(over_tcp(proxy, query)) as connection:
        assert kept_alive(connection) == expected
    async with opened(over_tcp(proxy, f"{query}&keepalives=0")) as connection:
        assert kept_alive(connection)[0] == 0


def kept_alive(connection: asyncpg.Connection) -> tuple[int, ...]:
    used = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
    times = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    return (
        used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        *(used.getsockopt(socket.IPPROTO_TCP, option) for option in times),
    )


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Certificate and key of `localhost`, and the authority's certificate."""
    ca = authority()
    return *ca.issued("localhost").files(tmp_path), written(tmp_path / "ca.pem", ca.certificate)


@pytest.fixture
async def encrypting(folder: str, certificates: tuple[Path, Path, Path]) -> AsyncIterator[PostgresProxy]:
    async with proxied(folder, server_context(*certificates[:2])) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("query", "encrypted"),
    [
        ("sslmode=disable", 0),
        ("sslmode=allow", 0),
        ("sslmode=prefer", 1),
        ("", 1),
        ("sslmode=require", 1),
        ("ssl=true", 1),
        ("channel_binding=require", 1),
        ("sslmode=require&channel_binding=require", 1),
        ("sslmode=verify-ca&sslrootcert=CA", 1),
        ("sslmode=verify-full&sslrootcert=CA", 1),
        ("sslmode=require&ssl_min_protocol_version=TLSv1.3", 1),
    ],
)
async def test_tls_as_it_is_asked_for(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path], query: str, encrypted: int
) -> None:
    url = over_tcp(encrypting, query.replace("CA", quote(str(certificates[2]))), host="localhost")

    async with opened(url) as connection:
        assert await connection.fetchval("SELECT 1") == 1

    assert encrypting.encrypted == encrypted


async def test_the_systems_certificates(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = over_tcp(encrypting, "sslrootcert=system", host="localhost")
    assert "certificate that cannot be trusted" in await refused(url)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[2]))
    async with opened(url) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert encrypting.encrypted == 1


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_certificate_of_another_authority_is_refused(
    encrypting: PostgresProxy, tmp_path: Path, mode: str
) -> None:
    root = written(tmp_path / "other.pem", authority().certificate)

    sentence = await refused(over_tcp(encrypting, f"sslmode={mode}&sslrootcert={quote(str(root))}", "localhost"))

    assert "certificate that cannot be trusted" in sentence
    assert "DATABASE_URL" in sentence


async def test_a_certificate_of_another_host_is_refused(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path]
) -> None:
    sentence = await refused(over_tcp(encrypting, f"sslmode=verify-full&sslrootcert={quote(str(certificates[2]))}"))

    assert "certificate that cannot be trusted" in sentence
    assert "DATABASE_URL" in sentence


async def test_a_client_shows_its_certificate(
    folder: str, certificates: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    clients = authority()
    trusted = written(tmp_path / "clients.pem", clients.certificate)
    (tmp_path / "client").mkdir()
    certificate, key = clients.issued("client").files(tmp_path / "client", b"p w")
    shows = f"sslmode=require&sslcert={quote(str(certificate))}&sslkey={quote(str(key))}&sslpassword=p%20w"

    async with proxied(folder, server_context(*certificates[:2], trusted)) as proxy:
        async with opened(over_tcp(proxy, shows)) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await refused(over_tcp(proxy, "sslmode=require"))


async def test_a_server_without_tls_is_not_used_where_tls_is_asked_for(proxy: PostgresProxy) -> None:
    sentence = await refused(over_tcp(proxy, "sslmode=require"))

    assert "rejected SSL upgrade" in sentence


async def test_a_missing_certificate_of_the_authority_is_named(
    proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidDatabaseUrl, match=r"root certificate file .*root\.crt"):
        await Server(over_tcp(proxy, "sslmode=verify-full")).connect(FOR_REQUESTS)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgres://u:hush@127.0.0.1:1/db", "cannot be reached: PostgreSQL at 127.0.0.1, port 1, refuses: "),
        (
            "postgres://u:hush@nowhere.invalid/db",
            "cannot be reached: PostgreSQL at nowhere.invalid, port 5432, cannot be found: ",
        ),
        ("postgres:///db?host=/nowhere", "cannot be reached: PostgreSQL at /nowhere, port 5432, refuses: "),
    ],
)
async def test_nobody_there_is_named(url: str, named: str) -> None:
    sentence = await refused(url)

    assert named in sentence
    assert sentence.endswith("Check DATABASE_URL.")
    assert "hush" not in sentence


@pytest.mark.parametrize("query", ["", "connect_timeout=1"])
async def test_a_server_that_does_not_answer_is_named(proxy: PostgresProxy, query: str) -> None:
    proxy.cut_off()

    async with asyncio.timeout(20):
        sentence = await refused(over_tcp(proxy, query), Limits(connect=1.0 if not query else 3600.0))

    assert "does not answer within 1 s" in sentence


async def test_a_database_that_is_not_there_is_named(folder: str) -> None:
    with pytest.raises(DatabaseMissing, match=r'database "nothing" does not exist\. Create it'):
        await Server(at(folder, database="nothing")).connect(FOR_REQUESTS)


async def test_a_user_that_is_not_there_is_named(folder: str) -> None:
    with pytest.raises(DatabaseAccessDenied, match=r'role "nobody_here" does not exist'):
        await Server(at(folder, user="nobody_here")).connect(FOR_REQUESTS)


async def test_too_many_connections_are_named(database: Database, folder: str) -> None:
    name = f"full_{uuid4().hex}"
    async with database.raw_connection() as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
        try:
            async with opened(at(folder, user=name)):
                with pytest.raises(DatabaseTooManyConnections, match="too many connections for role"):
                    await Server(at(folder, user=name)).connect(FOR_REQUESTS)
        finally:
            await admin.execute(f"DROP ROLE {name}")


async def test_a_setting_that_the_server_does_not_know_is_named(folder: str) -> None:
    assert 'unrecognized configuration parameter "lookreel"' in await refused(at(folder, "options=-clookreel=1"))


async def test_hosts_none_of_which_fits_are_named(proxy: PostgresProxy) -> None:
    assert "target_session_attrs" in await refused(over_tcp(proxy, "target_session_attrs=standby"))


async def test_a_server_that_is_too_old_is_named(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OLDEST_POSTGRESQL", 99)
    with pytest.raises(DatabaseTooOld, match=r"PostgreSQL \d+ is too old: upgrade the server to 99 or newer"):
        await Server(at(folder)).connect(FOR_REQUESTS)
