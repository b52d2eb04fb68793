"""`lookreel user list`, `export` and `remove`: an account with all that is its own, and nothing of others."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from app.settings import Settings
from auth.caller import Caller, Role
from db.tables import (
    AuditEntry,
    FileRemoval,
    LedgerEntry,
    Look,
    LookShare,
    LookVideo,
    Product,
    User,
    VideoJob,
    VideoJobLog,
)
from resolvers import account_data, accounts, video_job_creation
from resolvers.authentication import READ_SECONDS
from tests.app.processes import lookreel
from tests.house import CATALOGUE, House, eventually
from tests.resolvers.test_queue_order import ASKED
from tests.workers import at_work

TABLES = (Look, Product, LookShare, LookVideo, VideoJob, VideoJobLog)


async def counts(house: House) -> list[int]:
    return [await house.count(table=table) for table in TABLES]


async def test_accounts_are_found_by_address_id_and_what_they_may(house: House, environment: dict[str, object]) -> None:
    one, other = await house.user(), await house.user(300)
    await house.create(one)

    def listed(*options: str) -> list[list[str]]:
        done = lookreel("user", "list", *options, **environment)
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    found = listed(str(one.user_id))
    assert [(*line[:5], *line[7:]) for line in found] == [
        (str(one.user_id), "active", "user", "free", "50", "1", str(one.email))
    ]
    assert listed(str(one.email)) == found
    assert str(other.user_id) in [line[0] for line in listed()]
    assert listed("nobody-has-this") == listed("--status", "suspended") == []
    assert len(listed("--limit", "1")) == 1


async def test_an_export_has_all_of_one_account_and_nothing_of_others(
    house: House, settings: Settings, environment: dict[str, object]
) -> None:
    one, other = await house.user(1000), await house.user(1000)
    look = await house.look(one)
    job_id = await house.create(one, lookId=look.id, prompt="One's own words")
    await house.create(other, prompt="Another's words")
    async with at_work(settings, house.database):
        await house.finished(job_id)

    done = lookreel("user", "export", "--email", str(one.email), **environment)

    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [line["type"] for line in lines]
    assert (kinds[0], kinds.count("look"), kinds.count("look_video"), kinds.count("video_job")) == ("account", 1, 1, 1)
    assert {"product", "video_job_log", "token_transaction"} <= set(kinds)
    (job,) = [line for line in lines if line["type"] == "video_job"]
    assert (job["id"], job["prompt"], job["status"]) == (job_id, "One's own words", "SUCCEEDED")
    assert (lines[0]["email"], lines[0]["tokens"]) == (one.email, 950)
    assert str(other.user_id) not in done.stdout
    assert "Another" not in done.stdout


async def test_a_removed_account_leaves_its_ledger_alone_and_lets_nobody_in(
    house: House, settings: Settings, environment: dict[str, object]
) -> None:
    one, other = await house.user(1000), await house.user(1000)
    await house.look(other)
    others = await counts(house)
    look = await house.look(one)
    ended = await house.create(one, lookId=look.id)
    async with at_work(settings, house.database):
        await house.finished(ended)
    await house.create(one, lookId=look.id)
    async with house.database.transaction() as transaction:
        await accounts.set_as_operator(transaction, one, Role.ADMIN)
    address = ("--email", str(one.email))
    before = await counts(house)
    of_one = (LedgerEntry.user_id == one.user_id, LedgerEntry.kind.in_(["CHARGE", "REFUND"]))
    prompts = LedgerEntry.description.contains("The model turns")
    assert await house.count(*of_one, prompts, table=LedgerEntry) == 2

    refused = lookreel("user", "remove", *address, **environment)
    assert (refused.returncode, refused.stdout, await counts(house)) == (1, "", before)
    assert "--yes" in refused.stderr
    removed = lookreel("user", "remove", *address, "--yes", **environment)

    assert removed.stdout == f"{one.user_id} removed, with 2 videos and 1 looks\n", removed.stderr
    assert (await counts(house), before[0]) == (others, others[0] + 1)
    assert await house.count(*of_one, table=LedgerEntry) == 3
    assert await house.count(*of_one, LedgerEntry.description.is_not(None), table=LedgerEntry) == 0
    welcome = (LedgerEntry.user_id == one.user_id, LedgerEntry.description == "Welcome")
    assert await house.count(*welcome, table=LedgerEntry) == 1
    # The one that waited was paid back.
    assert (await house.tokens(one), await house.charges(one)) == (950, 2)
    async with house.database.session() as session:
        row = await session.get_one(User, one.user_id)
        assert (row.email, row.name, row.status, row.role) == (None, None, "suspended", "user")
    assert await house.count(FileRemoval.address == look.generated_image_url, table=FileRemoval) == 1
    on_record = AuditEntry.details == "Removed with 2 video jobs and 1 looks"
    assert await house.count(on_record, AuditEntry.user_id == one.user_id, table=AuditEntry) == 1
    await eventually(lambda: status_of(house, one), lambda status: status == 403)
    assert lookreel("user", "remove", *address, "--yes", **environment).returncode == 1


async def test_an_export_goes_on_page_after_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.account_data.PAGE", 2)
    one = await house.user(1000)
    made = [str((await house.look(one)).id) for _ in range(3)] + [await house.create(one) for _ in range(3)]

    rows = [row async for row in account_data.everything(house.database.reader, one.user_id)]

    assert sorted(str(row["id"]) for kind, row in rows if kind in {"look", "video_job"}) == sorted(made)
    amounts = [row["amount"] for kind, row in rows if kind == "token_transaction"]
    assert amounts == [-50, -50, -50, 900, 100]


async def test_what_a_process_creates_that_has_not_heard_of_it_yet_goes_as_well(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, waits = asyncio.Event(), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await heard.wait()

    monkeypatch.setattr("resolvers.account_data.asyncio", SimpleNamespace(sleep=sleep))
    one = await house.user(1000)
    removing = asyncio.create_task(account_data.remove(house.database, one.user_id))
    async with house.database.transaction() as transaction:
        await video_job_creation.create(transaction, one, ASKED, CATALOGUE)
    heard.set()

    assert (await removing)[0] == 1
    assert waits == [3 * READ_SECONDS]
    assert await house.count(VideoJob.user_id == one.user_id) == 0


async def status_of(house: House, caller: Caller) -> int:
    return (await house.http.get("/api/v1/looks", headers=house.headers(caller))).status_code
