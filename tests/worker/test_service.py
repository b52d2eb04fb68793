"""The worker with a real queue: nothing is lost, whoever dies."""

import asyncio
from datetime import timedelta
from itertools import accumulate

import pytest
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import HealthCheckEvent
from pgqueuer.qm import QueueManager
from sqlalchemy import text

from app.settings import Settings
from db.enums import VideoJobStatus
from db.tables import VideoJob
from tests.house import House, eventually
from tests.workers import at_work


async def succeeded(house: House) -> int:
    return await house.count(VideoJob.status == VideoJobStatus.SUCCEEDED)


async def test_a_mock_video_is_made_and_can_be_played_in_parts(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(
        caller, lookId=look.id, resolution="1080p", aspectRatio="9:16", durationSeconds=4, generateAudio="true"
    )

    job = await house.finished(job_id)
    url = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).json()["cloudinaryUrl"]
    part = await house.http.get(url, headers={"Range": "bytes=4-7"})
    beyond = await house.http.get(url, headers={"Range": "bytes=999999999-"})
    whole = await house.http.get(url)
    asked = [("GET", odd) for odd in ("seconds=1-2", "items=0-5", "bytes", "bytes=", "bytes=a-b", "bytes=4-7-9")]
    ignored = [
        await house.http.request(method, url, headers={"Range": wanted})
        for method, wanted in [*asked, ("HEAD", "bytes=4-7"), ("HEAD", "bytes=999999999-")]
    ]

    assert {(answer.status_code, answer.headers["Content-Length"]) for answer in ignored} == {
        (200, str(len(whole.content)))
    }
    assert not [answer for answer in ignored if "Content-Range" in answer.headers]
    assert {answer.content for answer in ignored} == {whole.content, b""}
    assert (job.status, job.progress_percentage) == (VideoJobStatus.SUCCEEDED, 100)
    assert "(Mock Mode)" in job.status_message
    assert (part.status_code, part.content, part.headers["Content-Type"]) == (206, b"ftyp", "video/mp4")
    assert beyond.status_code == 416


async def test_an_ended_job_leaves_the_queue_and_frees_its_slot(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user(tokens=1000)
    for job_id in [await house.create(caller) for _ in range(3)]:
        await house.finished(job_id)

    await house.finished(await house.create(caller))

    assert await house.charges(caller) == 4
    await eventually(lambda: queued(house), lambda rows: rows == 0)


async def test_a_job_that_fell_out_of_the_queue_is_found(house: House, settings: Settings) -> None:
    job_id = await house.create(await house.user())
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM pgqueuer"))

    async with at_work(settings, house.database):
        job = await house.finished(job_id)

    assert job.status == VideoJobStatus.SUCCEEDED


@pytest.mark.usefixtures("hurried", "working")
async def test_a_worker_survives_the_loss_of_its_database_connections(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.service.HEARTBEAT_TIMEOUT", timedelta(seconds=1))  # of what is connected afterwards
    caller = await house.user(tokens=1000)
    first = await house.create(caller)
    await eventually(lambda: house.job(first), lambda job: job.status == VideoJobStatus.RUNNING)
    async with house.database.raw_connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    second = await house.create(caller)
    ended = [await house.finished(job_id) for job_id in (first, second)]

    assert [job.status for job in ended] == [VideoJobStatus.SUCCEEDED] * 2


async def test_a_worker_that_cannot_hear_of_new_jobs_any_more_begins_anew(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QueueManager._run_periodic_health_check, "__defaults__", (timedelta(seconds=0.1),))  # noqa: SLF001 - there is no setting for it
    heard = QueueManager.listener_healthy
    deaf, failed = asyncio.Event(), asyncio.Event()

    async def is_heard(manager: QueueManager, timeout: timedelta) -> HealthCheckEvent:  # noqa: ASYNC109 - as PgQueuer has it
        if deaf.is_set() and not failed.is_set():
            failed.set()
            raise FailingListenerError
        return await heard(manager, timeout)

    async def one_more(already: int) -> int:
        await house.create(await house.user())
        return await eventually(lambda: running(house), lambda jobs: jobs > already, seconds=20)

    monkeypatch.setattr(QueueManager, "listener_healthy", is_heard)
    slow = settings.model_copy(update={"mock_seconds": 600.0})
    async with at_work(slow, house.database):
        seen = [await one_more(0)]
        deaf.set()
        await asyncio.wait_for(failed.wait(), 20)
        seen += [await one_more(1), await one_more(2)]

    assert seen == [1, 2, 3]


async def queued(house: House) -> int:
    async with house.database.session() as session:
        return int((await session.execute(text("SELECT count(*) FROM pgqueuer"))).scalar_one())


async def test_a_worker_waits_for_the_migration(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.database.session() as session:
        await session.execute(text("ALTER TABLE pgqueuer RENAME TO pgqueuer_away"))
    async with at_work(settings, house.database):
        try:
            await eventually(lambda: logged(caplog), lambda log: "has to run `lookreel migrate`" in log)
        finally:
            async with house.database.session() as session:
                await session.execute(text("ALTER TABLE pgqueuer_away RENAME TO pgqueuer"))
        job = await house.finished(await house.create(await house.user()))

    assert job.status == VideoJobStatus.SUCCEEDED


async def logged(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text


async def test_no_more_generations_run_at_once_than_the_fleet_may(house: House, settings: Settings) -> None:
    limited = settings.model_copy(update={"generations_at_once": 2, "mock_seconds": 0.6})
    jobs = [await house.create(await house.user()) for _ in range(5)]

    async with at_work(limited, house.database), at_work(limited, house.database):
        seen = [
            await eventually(lambda: running(house), lambda rows: rows == 2),
            *[await running(house) for _ in range(20)],
        ]
        ended = [await house.finished(job_id) for job_id in jobs]

    assert max(seen) == 2
    assert {job.status for job in ended} == {VideoJobStatus.SUCCEEDED}
    moments = sorted(moment for job in ended for moment in ((job.started_at, 1), (job.completed_at, -1)))
    assert max(accumulate(change for _, change in moments)) == 2


async def running(house: House) -> int:
    return await house.count(VideoJob.status == VideoJobStatus.RUNNING)


async def test_a_cancelled_job_is_let_go_of_at_the_next_question(house: House, settings: Settings) -> None:
    caller = await house.user()
    async with at_work(settings.model_copy(update={"mock_seconds": 2.0}), house.database):
        job_id = await house.create(caller)
        await eventually(lambda: house.job(job_id), lambda job: job.progress_percentage > 0)
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        await eventually(lambda: queued(house), lambda rows: rows == 0)

    assert (await house.job(job_id)).status == VideoJobStatus.CANCELLED
