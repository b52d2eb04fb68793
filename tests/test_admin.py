"""What admins see of everybody, and do to many jobs at once."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from auth.caller import Caller, Role
from db import accounts
from db.tables import AuditEntry, LedgerEntry, VideoJob
from tests.house import House

BULK = """mutation ($input: AdminVideoJobsInput!) { %s(input: $input) {
  matched changed endCursor hasNextPage results { videoJobId newVideoJobId code } errors { code field } } }"""
CANCEL, RETRY = BULK % "adminCancelVideoJobs", BULK % "adminRetryVideoJobs"
FAIL = """UPDATE video_jobs SET status = 'FAILED', started_at = now(), completed_at = now() + interval '7 seconds',
    error_message = 'No', error_code = :code WHERE id = :id"""
STORE = """UPDATE video_jobs SET status = 'SUCCEEDED', started_at = now(), progress_percentage = 100,
    completed_at = now() + :seconds * interval '1 s', cloudinary_url = '/v' WHERE id = :id"""


async def change(house: House, sql: str, job_id: str, **values: Any) -> None:
    async with house.database.session() as session:
        await session.execute(text(sql), {"id": UUID(job_id), **values})


async def recorded(house: House) -> list[AuditEntry]:
    async with house.database.session() as session:
        return list(await session.scalars(select(AuditEntry).order_by(AuditEntry.created_at, AuditEntry.id)))


async def bulk(house: House, admin: Caller, mutation: str, **given: Any) -> dict[str, Any]:
    body = await house.graphql(admin, mutation, input=given)
    assert "errors" not in body, body
    [payload] = body["data"].values()
    found: dict[str, Any] = payload
    return found


async def test_everybodys_jobs_are_narrowed_and_counted(house: House) -> None:
    admin, one, two = await house.user(role=Role.ADMIN), await house.user(tokens=1000), await house.user()
    waiting = await house.create(one)
    failed, stored = await house.create(one, prompt="Blue"), await house.create(one)
    theirs = await house.create(two, model="veo-3.1-fast-generate-preview")
    await change(house, FAIL, failed, code="FAULT")
    await change(house, FAIL, theirs, code="REFUSED")
    await change(house, STORE, stored, seconds=3)

    for arguments, expected in {
        "{}": [theirs, stored, failed, waiting],
        f'{{userId: "{one.user_id}"}}': [stored, failed, waiting],
        "{status: FAILED}": [theirs, failed],
        '{errorCode: ["REFUSED", "OTHER"]}': [theirs],
        '{model: "veo-3.1-fast-generate-preview"}': [theirs],
        '{provider: "veo"}': [],
        '{provider: "mock", status: PENDING}': [waiting],
        '{search: "blue"}': [failed],
        '{createdAfter: "2100-01-01T00:00:00Z"}': [],
        f'{{ids: ["{waiting}", "{theirs}"]}}': [theirs, waiting],
    }.items():
        query = f"{{ adminVideoJobs(filter: {arguments}) {{ totalCount nodes {{ id }} }} }}"
        found = (await house.graphql(admin, query))["data"]["adminVideoJobs"]
        assert ([node["id"] for node in found["nodes"]], found["totalCount"]) == (expected, len(expected)), arguments

    query = """{ adminVideoJobs(filter: {errorCode: "FAULT"}) { failuresByCode { errorCode count } }
        all: adminVideoJobs { durations { count average median longest } countsByStatus { status count } } }"""
    data = (await house.graphql(admin, query))["data"]
    assert data["adminVideoJobs"]["failuresByCode"] == [
        {"errorCode": "FAULT", "count": 1},
        {"errorCode": "REFUSED", "count": 1},
    ]
    assert data["all"]["durations"] == {"count": 1, "average": 3.0, "median": 3.0, "longest": 3.0}
    assert {found["status"]: found["count"] for found in data["all"]["countsByStatus"]} == {
        "PENDING": 1, "RUNNING": 0, "SUCCEEDED": 1, "FAILED": 2, "CANCELLED": 0,
    }  # fmt: skip


async def test_a_provider_has_its_jobs_before_they_are_sent_as_in_the_queue(house: House) -> None:
    admin, one = await house.user(role=Role.ADMIN), await house.user(tokens=1000)
    two = await house.user(tokens=1000)
    mock = await house.create(one)
    ours, fallen_back, theirs = [await house.create(user) for user in (one, one, two)]
    for job, changes in {
        ours: "model = 'veo-3.1-generate-001'",
        fallen_back: "model = 'veo-3.1-generate-001', fallback_model = 'gemini-omni-1.2-flash'",
        theirs: "provider = 'omni', submission = 'SENDING'",
    }.items():
        await change(house, f"UPDATE video_jobs SET mock_mode = false, {changes} WHERE id = :id", job)  # noqa: S608 - of this file

    query = """query ($provider: String) { adminQueue { providers { provider waiting } }
        adminVideoJobs(filter: {provider: $provider, status: PENDING}) { nodes { id } totalCount } }"""
    found = {}
    for provider in ("veo", "omni", "mock"):
        data = (await house.graphql(admin, query, provider=provider))["data"]
        waiting = {queue["provider"]: queue["waiting"] for queue in data["adminQueue"]["providers"]}
        assert waiting[provider] == data["adminVideoJobs"]["totalCount"]
        found[provider] = [node["id"] for node in data["adminVideoJobs"]["nodes"]]
    cancelled = await bulk(house, admin, CANCEL, filter={"provider": "veo"})

    assert found == {"veo": [ours], "omni": [theirs, fallen_back], "mock": [mock]}
    assert [result["videoJobId"] for result in cancelled["results"]] == [ours]


async def test_accounts_are_found_by_id_and_by_a_part_of_the_address(house: House) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user(tokens=70)
    await house.create(user)

    async def found(**arguments: str) -> list[dict[str, Any]]:
        given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
        fields = "userId email status role videoJobCount tokens { balance tier }"
        body = await house.graphql(admin, f"{{ adminUsers({given}) {{ totalCount nodes {{ {fields} }} }} }}")
        page = body["data"]["adminUsers"]
        assert page["totalCount"] == len(page["nodes"]) or (len(page["nodes"]) == 100 < page["totalCount"])
        nodes: list[dict[str, Any]] = page["nodes"]
        return nodes

    shown = {
        "userId": str(user.user_id),
        "email": user.email,
        "status": "ACTIVE",
        "role": "USER",
        "videoJobCount": 1,
        "tokens": {"balance": 20, "tier": "free"},
    }
    assert await found(search=f'"{user.user_id}"') == [shown]
    assert await found(search=f'"{str(user.email).upper()[:20]}"') == [shown]
    assert await found(search=f'"{uuid4()}"') == []
    assert await found(search='"%"') == []
    assert await found(search=f'"{user.user_id}"', tier='"pro"') == []
    assert await found(search=f'"{user.user_id}"', status="ACTIVE", role="USER", tier='"free"') == [shown]
    assert await found(search=f'"{user.user_id}"', role="ADMIN") == []
    assert shown in await found(first="100")


async def test_accounts_are_paged_as_all_lists_are(house: House) -> None:
    admin = await house.user(role=Role.ADMIN)
    users = [await house.user() for _ in range(3)]
    fields = "edges { node { userId } } nodes { userId } pageInfo { hasNextPage endCursor } totalCount"
    query = f"query ($after: String) {{ adminUsers(first: 2, after: $after) {{ {fields} }} }}"

    first = (await house.graphql(admin, query))["data"]["adminUsers"]
    second = (await house.graphql(admin, query, after=first["pageInfo"]["endCursor"]))["data"]["adminUsers"]

    shown = [[node["userId"] for node in page["nodes"]] for page in (first, second)]
    assert shown[0] == [str(user.user_id) for user in users[:0:-1]]
    assert shown[1][0] == str(users[0].user_id)
    assert [[edge["node"]["userId"] for edge in page["edges"]] for page in (first, second)] == shown
    assert first["pageInfo"]["hasNextPage"] is True


async def test_the_queue_tells_what_waits_and_runs_by_provider(house: House) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user(tokens=1000)
    first, second = await house.create(user), await house.create(user)
    await change(house, "UPDATE video_jobs SET status = 'RUNNING', started_at = now() WHERE id = :id", second)

    ended = (
        "UPDATE video_jobs SET status = 'CANCELLED', completed_at = now() - make_interval(mins => :age) WHERE id = :id"
    )
    for age in (20, 61):
        await change(house, ended, await house.create(user), age=age)

    query = """{ adminQueue { waiting running endedLastHour oldestWaitingSince workers { id } pauses { scope }
        providers { provider waiting running endedLastHour blockedUntil trouble } } }"""
    queue = (await house.graphql(admin, query))["data"]["adminQueue"]

    oldest = (await house.graphql(user, f'{{ videoJob(id: "{first}") {{ createdAt }} }}'))["data"]["videoJob"][
        "createdAt"
    ]
    assert (queue["waiting"], queue["running"], queue["endedLastHour"], queue["oldestWaitingSince"]) == (
        1,
        1,
        1,
        oldest,
    )
    assert (queue["workers"], queue["pauses"]) == ([], [])
    nothing = {"waiting": 0, "running": 0, "endedLastHour": 0, "blockedUntil": None, "trouble": None}
    providers = {provider.pop("provider"): provider for provider in queue["providers"]}
    assert providers.pop("mock") == nothing | {"waiting": 1, "running": 1, "endedLastHour": 1}
    assert list(providers.values()) == [nothing] * len(providers)
    assert "veo" in providers


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
