"""What lists are narrowed by, over GraphQL."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from auth.caller import Caller
from tests.house import House
from tests.schema.test_queries import statements

JOBS = "videoJobs(%s) { nodes { id } totalCount countsByStatus { status count } }"
LONG_AGO = "UPDATE video_jobs SET created_at = '2024-02-29T12:00:00Z' WHERE id = :id"


async def jobs(house: House, caller: Caller, arguments: str) -> list[str]:
    """Return the ids of a list, which must be as many as it says."""
    body = await house.graphql(caller, f"{{ {JOBS % arguments} }}")
    assert "errors" not in body, body
    found = body["data"]["videoJobs"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["id"] for node in found["nodes"]]


async def change(house: House, sql: str, **values: Any) -> None:
    async with house.database.session() as session:
        await session.execute(text(sql), values)


@pytest.fixture
async def made(house: House) -> tuple[Caller, str, str, str]:
    """A caller with a job of old times that was cancelled, one in a look, and one with a prompt of its own."""
    caller = await house.user(tokens=1000)
    old = await house.create(caller, prompt="A red coat")
    await house.http.post(f"/api/v1/video-jobs/{old}/cancel", headers=house.headers(caller))
    await change(house, LONG_AGO, id=UUID(old))
    look = await house.look(caller)
    shown = await house.create(caller, prompt="100% wool", lookId=look.id)
    special = await house.create(caller, prompt="Die Straße in İstanbul, CAFE\u0301")
    await house.create(await house.user(), prompt="A red coat")
    return caller, old, shown, special


async def test_jobs_are_narrowed_by_each_argument(house: House, made: tuple[Caller, str, str, str]) -> None:
    caller, old, shown, special = made
    look = (await house.graphql(caller, "{ looks { nodes { id } } }"))["data"]["looks"]["nodes"][0]["id"]
    everything = [special, shown, old]

    for arguments, expected in {
        "first: 10": everything,
        "status: null": everything,
        "status: PENDING": [special, shown],
        "status: [PENDING, CANCELLED, PENDING]": everything,
        "status: [CANCELLED]": [old],
        "status: []": [],
        f'lookId: "{look}"': [shown],
        f'lookId: "{uuid4()}"': [],
        'lookId: "rubbish"': [],
        'createdAfter: "2024-02-29T12:00:00Z"': everything,
        'createdAfter: "2024-02-29T12:00:00.000001Z"': [special, shown],
        'createdBefore: "2024-02-29T12:00:00Z"': [],
        'createdBefore: "2024-02-29T12:00:01"': [old],
        'createdBefore: "2024-02-29T14:00:01+02:00"': [old],
        'search: "RED"': [old],
        'search: "0% W"': [shown],
        'search: "%"': [shown],
        'search: "strasse"': [special],
        'search: "STRASSE IN ISTANBUL"': [special],
        'search: "istanbul, café"': [special],
        'search: "  "': everything,
        f'ids: ["{old}", "{special}", "{old}", "rubbish", "{uuid4()}"]': [special, old],
        "ids: []": [],
        f'status: [PENDING], ids: ["{old}", "{shown}"], search: "wool", lookId: "{look}"': [shown],
    }.items():
        assert await jobs(house, caller, arguments) == expected, arguments


@pytest.mark.parametrize(
    ("arguments", "field", "message"),
    [
        (f"ids: {[str(uuid4())] * 101}".replace("'", '"'), "ids", "At most 100 ids can be asked for at once"),
        ('createdAfter: "0001-01-01T00:00:00+14:00"', "createdAfter", "createdAfter is beyond the calendar"),
        ('createdBefore: "9999-12-31T23:59:59-14:00"', "createdBefore", "createdBefore is beyond the calendar"),
        (f'search: "{"a" * 201}"', "search", "search must be at most 200 characters"),
    ],
)
async def test_what_cannot_be_asked_for_is_a_clear_error(
    house: House, arguments: str, field: str, message: str
) -> None:
    body = await house.graphql(await house.user(), f"{{ {JOBS % arguments} }}")

    [error] = body["errors"]
    assert (error["message"], error["extensions"]) == (message, {"code": "INVALID_INPUT", "field": field}) or (
        error["message"],
        error["extensions"]["code"],
    ) == (message, "INVALID_INPUT")


async def test_counts_by_status_leave_out_the_statuses_alone(house: House, made: tuple[Caller, str, str, str]) -> None:
    caller, *_ = made

    body = await house.graphql(caller, "{ " + JOBS % 'status: CANCELLED, search: "a"' + " }")

    counts = {found["status"]: found["count"] for found in body["data"]["videoJobs"]["countsByStatus"]}
    assert counts == {"PENDING": 1, "RUNNING": 0, "SUCCEEDED": 0, "FAILED": 0, "CANCELLED": 1}


async def test_what_is_not_asked_for_is_not_counted(house: House, made: tuple[Caller, str, str, str]) -> None:
    caller, *_ = made
    with statements() as sent:
        await house.graphql(caller, "{ videoJobs { nodes { id } } looks { nodes { id } } }")

    assert [statement for statement in sent if "count(" in statement] == []


@pytest.mark.parametrize("type_", ["VideoJobStatus", "VideoJobStatus!", "[VideoJobStatus!]", "[VideoJobStatus!]!"])
async def test_a_variable_of_one_status_is_as_good_as_one_of_many(
    house: House, made: tuple[Caller, str, str, str], type_: str
) -> None:
    caller, old, *_ = made
    query = f"query ($status: {type_}) {{ {JOBS % 'status: $status'} }}"

    body = await house.graphql(caller, query, status="CANCELLED")

    assert [node["id"] for node in body["data"]["videoJobs"]["nodes"]] == [old]


async def test_a_variable_that_is_used_as_one_value_too_is_refused(house: House) -> None:
    query = "query ($s: Int) { videoJobs(status: $s) { totalCount } looks(first: $s) { totalCount } }"

    body = await house.graphql(await house.user(), query)

    assert [error["extensions"]["code"] for error in body["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_looks_are_narrowed_by_each_argument(house: House) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    plain, shown, public = [str((await house.look(caller)).id) for _ in range(3)]
    foreign = str((await house.look(other)).id)
    await house.create(caller, lookId=shown)
    await change(house, "UPDATE looks SET visibility = 'public' WHERE id = :id", id=UUID(public))

    for arguments, expected in {
        "first: 5": [public, shown, plain],
        "hasVideos: true": [shown],
        "hasVideos: false": [public, plain],
        "hasVideos: null": [public, shown, plain],
        "visibility: PUBLIC": [public],
        "visibility: [PRIVATE, PUBLIC]": [public, shown, plain],
        "visibility: []": [],
        f'ids: ["{plain}", "{foreign}", "x"]': [plain],
        f'view: PUBLIC, ids: ["{plain}", "{public}"]': [public],
        'hasVideos: true, search: "nothing of the kind"': [],
    }.items():
        body = await house.graphql(caller, f"{{ looks({arguments}) {{ totalCount nodes {{ id }} }} }}")
        found = body["data"]["looks"]
        assert [node["id"] for node in found["nodes"]] == expected, arguments
        assert found["totalCount"] == len(expected)


async def test_a_look_shows_its_newest_videos_of_a_status(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = str((await house.look(caller)).id)
    first, second, third = [await house.create(caller, lookId=look) for _ in range(3)]
    await house.http.post(f"/api/v1/video-jobs/{second}/cancel", headers=house.headers(caller))
    fields = "all: videos { videoJobId } one: videos(first: 1) { videoJobId } none: videos(first: 0) { videoJobId }"
    fields += (
        " waiting: videos(status: PENDING) { videoJobId } ended: videos(status: [CANCELLED], first: 5) { videoJobId }"
    )

    body = await house.graphql(caller, f'{{ look(id: "{look}") {{ videoCount {fields} }} }}')
    refused = await house.graphql(caller, f'{{ look(id: "{look}") {{ videos(first: 101) {{ id }} }} }}')

    shown = {
        name: [video["videoJobId"] for video in videos]
        for name, videos in body["data"]["look"].items()
        if name != "videoCount"
    }
    assert shown == {
        "all": [third, second, first],
        "one": [third],
        "none": [],
        "waiting": [third, first],
        "ended": [second],
    }
    assert body["data"]["look"]["videoCount"] == 3
    assert refused["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_the_token_history_is_narrowed_by_kind_and_shows_the_callers_jobs(house: House) -> None:
    caller = await house.user()
    job = await house.create(caller)
    await house.http.post(f"/api/v1/video-jobs/{job}/cancel", headers=house.headers(caller))
    shown = "totalCount nodes { kind videoJob { id prompt thumbnailUrl } }"

    body = await house.graphql(
        caller, f"{{ viewer {{ tokens {{ a: transactions(kind: CHARGE) {{ {shown} }} "
        f"b: transactions(kind: [REFUND, WELCOME]) {{ {shown} }} c: transactions(kind: []) {{ {shown} }} }} }} }}"
    )  # fmt: skip

    paid = {"id": job, "prompt": "The model turns slowly", "thumbnailUrl": None}
    assert body["data"]["viewer"]["tokens"] == {
        "a": {"totalCount": 1, "nodes": [{"kind": "CHARGE", "videoJob": paid}]},
        "b": {"totalCount": 2, "nodes": [{"kind": "REFUND", "videoJob": paid}, {"kind": "WELCOME", "videoJob": None}]},
        "c": {"totalCount": 0, "nodes": []},
    }


async def test_dates_have_microseconds_and_zones(house: House) -> None:
    caller = await house.user()
    job = await house.create(caller)
    now = datetime.now(UTC)

    filters = "createdAfter: $after, createdBefore: $before"
    query = f"query ($after: DateTime, $before: DateTime) {{ videoJobs({filters}) {{ nodes {{ id }} }} }}"
    after, before = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (-5, 5))
    body = await house.graphql(caller, query, after=after, before=before)

    assert body["data"]["videoJobs"]["nodes"] == [{"id": job}]
