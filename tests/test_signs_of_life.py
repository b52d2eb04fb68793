"""Whether there are workers: readiness, `lookreel doctor` and creations know."""

import time
from typing import Any

import pytest
from sqlalchemy import text

from app.doctor_database import database_findings
from db import fleet, retention
from db.tables import Worker
from resolvers.models import WorkerWatch
from tests.house import FORM, House, eventually, multipart
from tests.policies import under_policy
from tests.wires import GraphQLWire, RestWire
from tests.workers import at_work

PATH = "/api/v1/video-jobs"


async def last_sign(house: House, seconds: int) -> None:
    """Let a worker have been there so long ago."""
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM workers"))
        values = {"seconds": seconds}
        statement = "INSERT INTO workers VALUES (gen_random_uuid(), now(), now() - :seconds * interval '1 s')"
        await session.execute(text(statement), values)


async def health(house: House) -> dict[str, Any]:
    answer = await house.http.get("/healthz")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def doctor(house: House) -> tuple[str, str]:
    (finding,) = [it for it in await database_findings(house.settings) if it.subject == "workers"]
    return finding.state.value, finding.text


@pytest.mark.parametrize(
    ("began", "silent", "is_refused"), [(100, 100, True), (100, 10, False), (10, 100, False), (100, None, False)]
)
def test_a_process_that_has_just_begun_waits_as_long_for_a_worker(
    began: float, silent: float | None, *, is_refused: bool
) -> None:
    watch = WorkerWatch(60, began=time.monotonic() - began)

    assert (watch.refusal(silent) is not None) is is_refused


async def test_a_worker_gives_signs_of_life_while_it_reads_the_queue(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.service.SIGN_OF_LIFE_SECONDS", 0.05)

    async def signs() -> list[Any]:
        async with house.database.session() as session:
            return [tuple(row) for row in await session.execute(text("SELECT id, seen_at FROM workers"))]

    async with at_work(house.settings, house.database) as one, at_work(house.settings, house.database) as other:
        first = await eventually(signs, lambda rows: len(rows) == 2)
        second = await eventually(signs, lambda rows: not set(rows) & set(first))
        found = await doctor(house)

    assert {id_ for id_, _ in second} == {one.worker_id, other.worker_id}
    assert found == ("ok", "2 alive")
    # What is left of them is of use for a day.
    async with house.database.transaction() as transaction:
        await retention.forget(transaction, retention.SIGNS_OF_LIFE, fleet.ALIVE)
    assert await house.count(table=Worker) == 2
    await last_sign(house, 31)
    async with house.database.transaction() as transaction:
        await retention.forget(transaction, retention.SIGNS_OF_LIFE, fleet.ALIVE)
    assert await house.count(table=Worker) == 0


async def test_readiness_and_the_doctor_say_when_nobody_is_there(house: House) -> None:
    found = [(await health(house), await doctor(house))]
    await last_sign(house, 3)
    found.append((await health(house), await doctor(house)))
    await last_sign(house, 45)
    degraded, (state, words) = await health(house), await doctor(house)

    ok = {"status": "ok"}
    assert found == [(ok, ("ok", "None has been here yet, and no job waits for long")), (ok, ("ok", "1 alive"))]
    assert degraded["status"] == "degraded"
    assert degraded["workers"].startswith("No worker has given a sign of life for 4")
    assert (state, words.partition(" for 4")[0]) == ("failed", "None has given a sign of life")


async def test_a_job_that_waits_for_the_first_worker_tells_as_well(house: House) -> None:
    await house.create(await house.user())
    fresh = await health(house)
    async with house.database.session() as session:
        await session.execute(text("UPDATE video_jobs SET created_at = created_at - interval '1 minute'"))

    assert (fresh, (await health(house))["status"]) == ({"status": "ok"}, "degraded")


async def test_nothing_is_charged_once_nobody_has_been_there_for_long(house: House) -> None:
    caller = await house.user()
    async with under_policy(house, no_worker_seconds=1) as strict, under_policy(house, no_worker_seconds=0) as lenient:
        await last_sign(house, 60)
        # A process that has just begun waits as long for the first one.
        await eventually(lambda: health_of_creation(strict, caller), lambda code: code == "NO_WORKER", 10)
        await house.set_tokens(caller, 100)
        before = await house.traces(caller)
        refused = [await wire.create(caller) for wire in (RestWire(strict), GraphQLWire(strict))]
        raw = await strict.http.post(PATH, files=multipart(FORM), headers=strict.headers(caller))
        after = await house.traces(caller)
        lasting = await RestWire(lenient).create(caller)
        await last_sign(house, 0)
        again = await RestWire(strict).create(caller)

    assert [answer.code for answer in refused] == ["NO_WORKER"] * 2
    assert (raw.status_code, raw.headers["Retry-After"], after) == (503, "60", before)
    assert [answer.code for answer in (lasting, again)] == [None, None]


async def health_of_creation(house: House, caller: Any) -> str | None:
    """Ask for a video that nobody can pay, so that none is made."""
    await house.set_tokens(caller, 0)
    return (await RestWire(house).create(caller)).code


async def test_without_any_worker_ever_an_api_alone_takes_jobs(house: House) -> None:
    async with under_policy(house, no_worker_seconds=1) as strict:
        answers = [await RestWire(strict).create(await house.user()) for _ in range(3)]

    assert [answer.code for answer in answers] == [None] * 3
