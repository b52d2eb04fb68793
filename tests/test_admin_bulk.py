"""Admins cancel and retry many jobs at once."""

from typing import Any

import pytest

from auth.caller import Role
from db import accounts
from db.tables import LedgerEntry, VideoJob
from tests.admin_jobs import CANCEL, FAIL, RETRY, STORE, bulk, change, recorded
from tests.house import House


@pytest.mark.parametrize("whose", ["a user's", "the admin's own"])
async def test_many_jobs_are_cancelled_as_single_ones_are(house: House, whose: str) -> None:
    admin, other = await house.user(role=Role.ADMIN), await house.user()
    user = await house.user(tokens=1000) if whose == "a user's" else admin
    await house.set_tokens(user, 1000)
    jobs = [await house.create(user) for _ in range(3)]
    await house.create(other)
    theirs = {"userId": str(user.user_id)}

    dry = await bulk(house, admin, CANCEL, filter=theirs, dryRun=True, reason="Outage")
    assert (dry["matched"], dry["changed"], dry["results"]) == (3, 0, [])
    assert (await house.count(VideoJob.status == "PENDING"), await recorded(house)) == (4, [])

    part = await bulk(house, admin, CANCEL, filter=theirs, limit=2, reason="Outage")
    assert (part["matched"], part["changed"], part["hasNextPage"]) == (3, 2, True)
    rest = await bulk(house, admin, CANCEL, filter=theirs, after=part["endCursor"], reason="Outage")

    assert (rest["matched"], rest["changed"], rest["hasNextPage"]) == (1, 1, False)
    results = [*part["results"], *rest["results"]]
    assert results == [{"videoJobId": job, "newVideoJobId": None, "code": None} for job in reversed(jobs)]
    assert await house.count(VideoJob.status == "CANCELLED", VideoJob.user_id == user.user_id) == 3
    assert await house.count(VideoJob.status == "PENDING", VideoJob.user_id == other.user_id) == 1
    assert await house.tokens(user) == 1000
    entries = [(entry.action, str(entry.object_id), entry.reason) for entry in await recorded(house)]
    assert entries == [("CANCEL_VIDEO_JOB", job, "Outage") for job in reversed(jobs)]


async def test_failed_jobs_are_retried_once_for_their_owners(house: House) -> None:
    admin, rich, poor = await house.user(role=Role.ADMIN), await house.user(tokens=150), await house.user(tokens=50)
    failed, unpaid = await house.create(rich), await house.create(poor)
    stored = await house.create(rich)
    await change(house, FAIL, failed, code="FAULT")
    await change(house, FAIL, unpaid, code="FAULT")
    await change(house, STORE, stored, seconds=1)

    given = {"filter": {"errorCode": ["FAULT"]}, "reason": "After the outage"}
    done = await bulk(house, admin, RETRY, **given)
    again = await bulk(house, admin, RETRY, **given)
    dry = await bulk(house, admin, RETRY, **given, dryRun=True)

    assert (done["matched"], done["changed"]) == (2, 1)
    refused, made = done["results"]
    assert refused == {"videoJobId": unpaid, "newVideoJobId": None, "code": "INSUFFICIENT_TOKENS"}
    assert (made["videoJobId"], made["code"]) == (failed, None)
    assert (again["matched"], again["changed"], again["results"]) == (1, 0, [refused])
    assert dry["matched"] == 1
    new = await house.job(made["newVideoJobId"])
    assert (new.user_id, new.status, new.prompt) == (rich.user_id, "PENDING", "The model turns slowly")
    assert (await house.tokens(rich), await house.tokens(poor)) == (0, 0)
    [entry] = await recorded(house)
    assert (entry.action, entry.user_id, str(entry.object_id)) == ("RETRY_VIDEO_JOB", rich.user_id, failed)
    assert (entry.reason, entry.details) == ("After the outage", f"New video job {new.id}")


@pytest.mark.parametrize("status", ["suspended", "pending"])
async def test_nothing_is_made_for_an_owner_who_may_not_act(house: House, status: str) -> None:
    admin, owner = await house.user(role=Role.ADMIN), await house.user(tokens=100)
    job = await house.create(owner)
    await change(house, FAIL, job, code="FAULT")
    async with house.database.transaction() as transaction:
        await accounts.set_status(transaction, owner.user_id, status)

    done = await bulk(house, admin, RETRY, filter={"ids": [job]})

    assert (done["matched"], done["changed"]) == (1, 0)
    assert done["results"] == [{"videoJobId": job, "newVideoJobId": None, "code": "ACCOUNT_NOT_ACTIVE"}]
    assert (await house.tokens(owner), await house.count(VideoJob.user_id == owner.user_id)) == (50, 1)
    assert await recorded(house) == []


async def test_an_owner_who_uses_the_admins_key_has_retried_for_nobody(house: House) -> None:
    admin, owner = await house.user(role=Role.ADMIN), await house.user(tokens=150)
    job = await house.create(owner)
    await change(house, FAIL, job, code="FAULT")
    url, key = f"/api/v1/video-jobs/{job}/retry", {"Idempotency-Key": f"retried by an admin: {job}"}
    assert (await house.http.post(url, headers=house.headers(owner) | key)).status_code == 202

    done = await bulk(house, admin, RETRY, filter={"ids": [job]})

    assert (done["changed"], [result["code"] for result in done["results"]]) == (0, ["IDEMPOTENCY_KEY_REUSED"])
    assert (await house.tokens(owner), await recorded(house)) == (50, [])


async def test_a_dry_run_has_no_next_page(house: House) -> None:
    admin, owner = await house.user(role=Role.ADMIN), await house.user()
    job = await house.create(owner)

    dry = await bulk(house, admin, CANCEL, filter={"ids": [job]}, dryRun=True)

    assert (dry["matched"], dry["hasNextPage"], dry["endCursor"]) == (1, False, None)


NOT_SAID: list[tuple[dict[str, Any], str]] = [
    ({"filter": {}}, "filter"),
    ({"filter": {"search": " "}}, "filter"),
    ({"filter": {"status": ["PENDING"], "search": " "}}, "search"),
    ({"filter": {"status": ["PENDING"], "model": ""}}, "model"),
    ({"filter": {"status": ["PENDING"], "provider": " "}}, "provider"),
    ({"filter": {"errorCode": ["FAULT"] * 101}}, "errorCode"),
    ({"filter": {"status": ["PENDING"]}, "limit": 0}, "limit"),
    ({"filter": {"status": ["PENDING"]}, "limit": 101}, "limit"),
    ({"filter": {"status": ["PENDING"]}, "after": "rubbish"}, "after"),
    ({"filter": {"status": ["PENDING"]}, "reason": "r" * 501}, "reason"),
    ({"filter": {"status": ["PENDING"]}, "dryRun": None}, "dryRun"),
    ({"filter": {"status": ["CANCELLED"]}, "dryRun": None}, "dryRun"),
]


@pytest.mark.parametrize("mutation", [CANCEL, RETRY])
async def test_what_does_not_say_which_jobs_does_nothing(house: House, mutation: str) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user()
    await house.create(user)

    for given, field in NOT_SAID:
        payload = await bulk(house, admin, mutation, **given)
        assert payload["errors"] == [{"code": "INVALID_INPUT", "field": field}]
        assert (payload["matched"], payload["changed"], payload["results"]) == (None, 0, [])

    assert (await house.count(VideoJob.status == "PENDING"), await recorded(house)) == (1, [])
    assert await house.count(LedgerEntry.kind == "REFUND", table=LedgerEntry) == 0


@pytest.mark.parametrize(
    ("mutation", "status"), [(CANCEL, ["FAILED", "SUCCEEDED"]), (RETRY, ["PENDING", "SUCCEEDED"]), (RETRY, None)]
)
async def test_what_cannot_be_done_to_a_job_is_not_matched(
    house: House, mutation: str, status: list[str] | None
) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user()
    await house.create(user)

    payload = await bulk(house, admin, mutation, filter={"userId": str(user.user_id), "status": status})

    assert (payload["matched"], payload["changed"], payload["errors"]) == (0, 0, [])
    assert await house.count(VideoJob.status == "PENDING") == 1
