"""What has changed is told after the commit, all that has come together at once."""

import asyncio
import logging
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest

from db.engine.database import WAKE_UP_CHANNEL, Database, WakeUps, wake_up_after_commit
from resolvers import video_jobs
from tests.house import House, eventually


class Heard:
    """What a listener was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, _connection: object, _process: int, _channel: str, text: object) -> None:
        self.texts.append(str(text))

    async def enough(self, number: int, about: str = "") -> list[str]:
        async def told() -> list[str]:
            return [text for text in self.texts if about in text]

        return await eventually(told, lambda texts: len(texts) >= number)


async def test_a_creation_wakes_its_followers_and_a_refusal_nobody(house: House) -> None:
    caller, heard = await house.user(tokens=50), Heard()
    async with house.database.raw_connection() as connection:
        await connection.add_listener(WAKE_UP_CHANNEL, heard)
        job_id = await house.create(caller)
        with pytest.raises(AssertionError, match="INSUFFICIENT_TOKENS"):
            await house.create(caller)
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))

        assert await heard.enough(2) == [f"{job_id}:1:{caller.user_id}", f"{job_id}:2:{caller.user_id}"]


async def test_each_of_many_deletions_is_told(house: House) -> None:
    caller, heard = await house.user(), Heard()
    jobs = [await house.job(await house.create(caller)) for _ in range(2)]
    async with house.database.raw_connection() as connection:
        await connection.add_listener(WAKE_UP_CHANNEL, heard)
        async with house.database.transaction() as transaction:
            await video_jobs.remove(transaction, jobs)

        # Of their creation it may hear as well.
        assert await heard.enough(2, ":2:") == [f"{job.id}:2:{caller.user_id}" for job in jobs]


async def test_what_is_rolled_back_is_not_told(database: Database) -> None:
    job_id, user_id, heard = uuid4(), uuid4(), Heard()
    async with database.raw_connection() as connection:
        await connection.add_listener(WAKE_UP_CHANNEL, heard)
        with suppress(KeyError):
            async with database.transaction() as session:
                wake_up_after_commit(session, job_id, 1, user_id)
                raise KeyError
        async with database.transaction() as session:
            wake_up_after_commit(session, job_id, 2, user_id)
            wake_up_after_commit(session, job_id, 3, user_id)
            assert heard.texts == []

        assert await heard.enough(2) == [f"{job_id}:{version}:{user_id}" for version in (2, 3)]


async def test_what_comes_while_one_is_on_its_way_goes_together() -> None:
    sent: list[list[str]] = []
    on_its_way = asyncio.Event()

    class Slow:
        facts: dict[str, bool] = {}  # noqa: RUF012 - as a reader has them

        async def fetch(self, _statement: object, *, wake_ups: list[str]) -> list[object]:
            sent.append(wake_ups)
            await on_its_way.wait()
            return []

    wake_ups = WakeUps(Slow())  # type: ignore[arg-type]
    for text in ("first", "second", "third"):
        wake_ups.send([text])
        await asyncio.sleep(0)
    on_its_way.set()
    await wake_ups.close()

    assert sent == [["first"], ["second", "third"]]


async def test_a_wake_up_that_cannot_be_sent_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with caplog.at_level(logging.WARNING, "lookreel.db"):
        wake_ups = WakeUps(database.reader)
        wake_ups.send(["lost"])
        await wake_ups.close()

    assert [record.message for record in caplog.records] == ["Wake-ups could not be sent"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12"),
        asyncpg.QueryCanceledError("canceling statement"),
        KeyError("a fault of ours"),
        asyncio.CancelledError("a library's own"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_error_keeps_the_next_wake_ups_from_being_sent(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[list[str]] = []

    class Failing:
        facts: dict[str, bool] = {}  # noqa: RUF012 - as a reader has them

        async def fetch(self, _statement: object, *, wake_ups: list[str]) -> list[object]:
            sent.append(wake_ups)
            if len(sent) == 1:
                raise error
            return []

    wake_ups = WakeUps(Failing())  # type: ignore[arg-type]
    wake_ups.send(["lost"])
    await asyncio.sleep(0)
    wake_ups.send(["next"])
    await wake_ups.close()

    assert sent == [["lost"], ["next"]]
    assert caplog.messages == ["Wake-ups could not be sent"]
