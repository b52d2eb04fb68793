"""Connections as DATABASE_URL describes them, each with limits; what goes wrong is said in a sentence."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from db.engine import connections
from db.engine.connections import Server
from db.engine.database import Database
from db.engine.errors import DatabaseAccessDenied, DatabaseMissing, DatabaseTooManyConnections, DatabaseTooOld
from db.engine.limits import FOR_HEALTH, FOR_QUEUES, FOR_REQUESTS, UNLIMITED, Limits
from tests.db.connecting import at, opened, over_tcp, refused
from tests.doubles.postgres_proxy import PostgresProxy

LIMITS = "statement_timeout, lock_timeout, idle_in_transaction_session_timeout"
SHORT = Limits(connect=0.2)


async def shown(connection: asyncpg.Connection, names: str = LIMITS) -> list[str]:
    return [await connection.fetchval(f"SHOW {name}") for name in names.split(", ")]


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
async def test_every_use_has_its_limits(socket_folder: str, limits: Limits, expected: list[str]) -> None:
    async with opened(at(socket_folder), limits) as connection:
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
async def test_what_the_url_sets_stays(socket_folder: str, query: str) -> None:
    async with opened(at(socket_folder, query)) as connection:
        assert await shown(connection) == ["7s", "3s", "30s"]


async def test_what_the_operator_has_set_for_a_role_or_a_database_stays(database: Database, socket_folder: str) -> None:
    name = f"limits_{uuid4().hex}"
    async with database.raw_connection() as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN")
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.execute(f"ALTER ROLE {name} SET statement_timeout = '2s'")
        await admin.execute(f"ALTER DATABASE {name} SET lock_timeout = 0")
        try:
            async with opened(at(socket_folder, user=name, database=name)) as connection:
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
async def test_the_server_knows_who_is_there(socket_folder: str, query: str, expected: list[str]) -> None:
    async with opened(at(socket_folder, query), name="lookreel api") as connection:
        assert await shown(connection, "application_name, search_path") == expected


async def test_no_name_of_a_database_is_the_users(database: Database, socket_folder: str) -> None:
    async with opened(f"postgresql+asyncpg://postgres@/?host={quote(socket_folder)}") as connection:
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


async def test_a_database_that_is_not_there_is_named(socket_folder: str) -> None:
    with pytest.raises(DatabaseMissing, match=r'database "nothing" does not exist\. Create it'):
        await Server(at(socket_folder, database="nothing")).connect(FOR_REQUESTS)


async def test_a_user_that_is_not_there_is_named(socket_folder: str) -> None:
    with pytest.raises(DatabaseAccessDenied, match=r'role "nobody_here" does not exist'):
        await Server(at(socket_folder, user="nobody_here")).connect(FOR_REQUESTS)


async def test_too_many_connections_are_named(database: Database, socket_folder: str) -> None:
    name = f"full_{uuid4().hex}"
    async with database.raw_connection() as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
        try:
            async with opened(at(socket_folder, user=name)):
                with pytest.raises(DatabaseTooManyConnections, match="too many connections for role"):
                    await Server(at(socket_folder, user=name)).connect(FOR_REQUESTS)
        finally:
            await admin.execute(f"DROP ROLE {name}")


async def test_a_setting_that_the_server_does_not_know_is_named(socket_folder: str) -> None:
    assert 'unrecognized configuration parameter "lookreel"' in await refused(at(socket_folder, "options=-clookreel=1"))


async def test_hosts_none_of_which_fits_are_named(proxy: PostgresProxy) -> None:
    assert "target_session_attrs" in await refused(over_tcp(proxy, "target_session_attrs=standby"))


async def test_a_server_that_is_too_old_is_named(socket_folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OLDEST_POSTGRESQL", 99)
    with pytest.raises(DatabaseTooOld, match=r"PostgreSQL \d+ is too old: upgrade the server to 99 or newer"):
        await Server(at(socket_folder)).connect(FOR_REQUESTS)


TIMES = [
    datetime(2026, 11, 30, 14, 48, 27, 120_003, UTC),
    datetime(2026, 11, 30, 14, 48, 27, 500_000, UTC),
    datetime(2026, 2, 28, tzinfo=UTC),
    datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_998, UTC),
]
# Python has more of them than PostgreSQL reads.
OFFSETS = [
    timedelta(hours=-5),
    timedelta(hours=5, minutes=53, seconds=28),
    timedelta(hours=16),
    timedelta(hours=-23, minutes=-59),
    timedelta(seconds=1, microseconds=3),
]


@pytest.mark.parametrize("by_pooler", [{}, {"TimeZone": "Asia/Kathmandu"}, {"DateStyle": "German"}], ids=str)
async def test_times_are_in_utc_to_the_microsecond(socket_folder: str, by_pooler: dict[str, str]) -> None:
    server = Server(at(socket_folder, "options=-c%20TimeZone%3DAsia/Tokyo%20-c%20DateStyle%3DSQL"))
    # A pooler may have settings of its own instead of ours.
    vars(server)["_settings"].update(by_pooler)
    async with server.opened(FOR_REQUESTS) as connection:
        expected = {"TimeZone": "UTC", "DateStyle": "ISO", **by_pooler}
        zone, style = await shown(connection, "TimeZone, DateStyle")
        assert {"TimeZone": zone, "DateStyle": style.partition(",")[0]} == expected
        for time in TIMES:
            found = await connection.fetchval("SELECT $1::timestamptz", time)
            assert (found, found.tzinfo) == (time, UTC)
        assert await connection.fetchval("SELECT $1::timestamptz[]", TIMES[:3]) == TIMES[:3]
        for offset in OFFSETS:
            elsewhere = TIMES[0].astimezone(timezone(offset))
            assert await connection.fetchval("SELECT $1::timestamptz = $2", TIMES[0], elsewhere) is True


async def test_what_is_set_for_a_database_does_not_change_how_times_are_read(
    database: Database, socket_folder: str
) -> None:
    name = f"times_{uuid4().hex}"
    async with database.raw_connection() as admin:
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
        await admin.execute(f"ALTER DATABASE {name} SET datestyle = 'German'")
        try:
            async with opened(at(socket_folder, database=name)) as connection:
                assert (await shown(connection, "TimeZone"))[0] == "UTC"
                assert await connection.fetchval("SELECT $1::timestamptz", TIMES[0]) == TIMES[0]
        finally:
            await admin.execute(f"DROP DATABASE {name}")
