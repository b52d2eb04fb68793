"""What admins see of everybody."""

from typing import Any
from uuid import uuid4

from auth.caller import Role
from tests.admin_jobs import CANCEL, FAIL, STORE, bulk, change
from tests.house import House


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
