"""Lookreel behind a real PgBouncer in each mode, and what is said where a mode cannot be honoured (decision 45)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Text, func, make_url, select

from app.doctor_database import State, database_findings
from app.environment import InvalidSettings, read_settings
from app.settings import Settings
from app.wiring import migrate, open_database, require_mode
from db.engine.limits import FOR_REQUESTS, Limits, PoolerMode
from db.engine.statements import Row, Statement
from tests.app.processes import lookreel
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.pgbouncer import pgbouncer
from tests.rest_compat.event_stream import following
from tests.servers import serving
from tests.workers import at_work


@pytest.fixture(scope="module")
async def poolers(server_url: str) -> AsyncIterator[dict[str, str]]:
    """The addresses of a PgBouncer in each mode, by the mode."""
    async with pgbouncer(server_url, "session") as session, pgbouncer(server_url, "transaction") as transaction:
        yield {"session": session, "transaction": transaction}


def through(settings: Settings, url: str, mode: PoolerMode, direct: str | None) -> Settings:
    changes = {"database_url": url, "database_pooler_mode": mode, "database_direct_url": direct}
    return settings.model_copy(update=changes)


@pytest.fixture
async def pooler(
    request: pytest.FixtureRequest, server_url: str, poolers: dict[str, str]
) -> AsyncIterator[tuple[PoolerMode, str]]:
    """A mode, and the address of a PgBouncer that suits it."""
    mode: PoolerMode = request.param
    if mode is PoolerMode.TRANSACTION:
        async with pgbouncer(server_url, "transaction", keeps_statements=True) as url:
            yield mode, url
    else:
        yield mode, poolers["session" if mode is PoolerMode.SESSION else "transaction"]


@pytest.mark.parametrize("pooler", PoolerMode, indirect=True)
async def test_a_job_is_made_and_followed_through_a_pooler(
    settings: Settings, database: InspectedDatabase, pooler: tuple[PoolerMode, str]
) -> None:
    mode, address_of_pooler = pooler
    async with database.beside() as inspected:
        url = make_url(address_of_pooler).set(database=inspected.url.database).render_as_string()
        direct = inspected.url.render_as_string(hide_password=False)
        pooled = through(settings, url, mode, None if mode is PoolerMode.SESSION else direct)
        await migrate(pooled, wait_seconds=0)
        async with (
            open_database(pooled) as ours,
            serving(pooled, ours) as address,
            House.opened(pooled, inspected, address) as house,
        ):
            await require_mode(ours)
            caller = await house.user()
            job_id = await house.create(caller)
            async with following(house, caller, job_id) as stream:
                await stream.until("status")
                async with at_work(pooled, ours):
                    events = await stream.rest()
            assert (await house.http.get("/readyz")).json() == {"status": "ready", "problems": {}}
            findings = {finding.subject: finding for finding in await database_findings(pooled)}

    assert events[-1].data["status"] == "SUCCEEDED"
    assert {finding.state for finding in findings.values()} == {State.OK}, findings
    assert findings["sessions"].text.startswith("A pooler")
    assert "the pooler has 1" in findings["connections"].text


class Waiting(Row):
    milliseconds: str


LOCK_TIMEOUT = Statement(select(func.current_setting("lock_timeout", type_=Text)), Waiting)


async def test_limits_last_for_a_transaction_and_give_way_to_the_roles(
    database: InspectedDatabase, poolers: dict[str, str]
) -> None:
    limits = Limits(lock=1.5)
    # Sessions of another database than those that the tests of what is wrong leave behind as they should not be.
    url = make_url(poolers["transaction"]).set(database="template1").render_as_string()
    pooled = InspectedDatabase(url, mode=PoolerMode.UNNAMED, limits=limits, pool_size=1)
    async with pooled.transaction() as transaction:
        ((inside,),) = await transaction.fetch(LOCK_TIMEOUT)
        await transaction.send("SET LOCAL lock_timeout = 0")
    ((outside,),) = await pooled.reader.fetch(LOCK_TIMEOUT)
    decided = limits.beginning(PoolerMode.TRANSACTION)
    async with database.raw_connection(FOR_REQUESTS) as connection:
        await connection.execute(f"SET lock_timeout = '7s'; {decided}")
        theirs = await connection.fetchval("SHOW lock_timeout")
    await pooled.close()

    assert (inside, outside, theirs) == ("1500ms", "0", "7s")


@pytest.mark.parametrize(
    ("mode", "is_direct_pooled", "sentence"),
    [
        (PoolerMode.SESSION, False, "DATABASE_URL leads to a pooler in transaction mode, which gives each"),
        (PoolerMode.TRANSACTION, False, "DATABASE_URL leads to a pooler that loses prepared statements. Set its max_p"),
        (PoolerMode.UNNAMED, True, "DATABASE_DIRECT_URL leads to a pooler in transaction mode, which gives each"),
    ],
)
async def test_what_the_pooler_cannot_do_is_a_sentence(
    settings: Settings, poolers: dict[str, str], mode: PoolerMode, sentence: str, *, is_direct_pooled: bool
) -> None:
    direct = poolers["transaction"] if is_direct_pooled else settings.database_url
    # Another address of the same, so that it is looked at.
    url = poolers["transaction"].replace("127.0.0.1", "localhost")
    pooled = through(settings, url, mode, direct)
    async with open_database(pooled) as ours:
        with pytest.raises(InvalidSettings, match=sentence) as refusal:
            await require_mode(ours)
    findings = {finding.subject: finding for finding in await database_findings(pooled)}

    assert findings["sessions"].state is State.FAILED
    assert findings["sessions"].text == str(refusal.value)


async def test_a_database_that_is_not_there_may_still_come(settings: Settings) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    async with open_database(through(settings, nowhere, PoolerMode.TRANSACTION, f"{nowhere}?")) as ours:
        await require_mode(ours)


@pytest.mark.parametrize("command", ["migrate", "worker"])
async def test_a_process_ends_in_78(settings: Settings, poolers: dict[str, str], command: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": poolers["transaction"], "JWT_SECRET_KEY": settings.jwt_secret_key}

    done = await asyncio.to_thread(lookreel, command, DATA_DIR=tmp_path, **environment)

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines()[-1].startswith("DATABASE_URL leads to a pooler in transaction mode")


async def test_a_pooler_with_too_few_sessions_is_told(settings: Settings, server_url: str) -> None:
    async with pgbouncer(server_url, "session", sessions=12) as url:
        findings = await database_findings(through(settings, url, PoolerMode.SESSION, None))

    (found,) = [finding for finding in findings if finding.subject == "connections"]
    assert found.state is State.FAILED
    assert "of the 12 of one more process. Raise its default_pool_size" in found.text


async def test_a_server_with_too_few_connections_is_told(settings: Settings, house: House) -> None:
    assert house.http
    findings = await database_findings(settings.model_copy(update={"database_pool_size": 200}))

    (found,) = [finding for finding in findings if finding.subject == "connections"]
    assert found.state is State.FAILED
    assert found.text.startswith("A process opens up to 202 at PostgreSQL, which has 97 for us; ")
    assert " are running. Lower DATABASE_POOL_SIZE" in found.text


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"DATABASE_DIRECT_URL": "postgresql://h/d"}, "DATABASE_DIRECT_URL: there is no DATABASE_URL"),
        (
            {"DATABASE_URL": "postgresql://h/d", "DATABASE_POOLER_MODE": "transaction"},
            "DATABASE_POOLER_MODE: transaction needs DATABASE_URL, which leads to the pooler, and DATABASE_DIRECT_URL",
        ),
        (
            {
                "DATABASE_URL": "postgresql://h/d?search_path=ours",
                "DATABASE_DIRECT_URL": "postgresql://h/d",
                "DATABASE_POOLER_MODE": "transaction-unnamed",
            },
            "DATABASE_URL cannot be used: search_path is a session's",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, settings_: dict[str, str], sentence: str
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "k" * 40)
    for name, value in settings_.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as refusal:
        read_settings()

    assert str(refusal.value).startswith(sentence)
