"""Failures that take more than a script: quotas, hosts that are gone, and images that are lost."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from app.generators import veo_access
from db.enums import LogLevel, Submission, VideoJobStatus
from db.tables import VideoJobLog
from providers.veo.generator import VeoGenerator
from providers.veo.models import NAME
from tests.doubles.answers import Answer, quota_exceeded
from tests.worker.messages import UNCERTAIN
from tests.worker.studio import CHARGED, REFUNDED, Studio, picture


async def test_a_quota_lets_everybody_wait_as_long_as_google_says(studio: Studio) -> None:
    one, two = await studio.house.user(), await studio.house.user()
    studio.veo.script_submit(quota_exceeded("1s"))
    first = await studio.created(one)
    async with studio.working():
        await studio.logged(first, "did not accept")
        waiting = await studio.house.job(first)
        asked_in_vain = len(studio.veo.submits)
        second = await studio.created(two)
        jobs = [await studio.house.finished(job_id) for job_id in (first, second)]

    assert (waiting.status, waiting.submission, waiting.submit_errors) == ("PENDING", Submission.NEW, 0)
    assert (waiting.operation_name, waiting.started_at) == (None, None)
    assert (asked_in_vain, len(studio.veo.submits), len(studio.veo.accepted)) == (1, 3, 2)
    async with studio.house.database.session() as session:
        refusal = select(VideoJobLog.timestamp).where(VideoJobLog.level == LogLevel.WARNING)
        refused_at = (await session.scalars(refusal)).one()
    for job in jobs:
        assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
        assert job.submitted_at is not None
        # The refusal is logged a moment after the wait has been fixed.
        assert job.submitted_at - refused_at > timedelta(seconds=0.5)
    assert [await studio.money(caller) for caller in (one, two)] == [CHARGED] * 2


async def test_a_generator_that_cannot_be_reached_lets_jobs_wait(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    generator = VeoGenerator(replace(veo_access(studio.house.settings), base_url=closed))
    async with studio.working(generators={NAME: generator}):
        log = await studio.logged(job_id, "ConnectError")
        waiting = await studio.house.job(job_id)
    await generator.aclose()
    asked_in_vain = len(studio.veo.submits)
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert log[1][0] == LogLevel.WARNING
    assert log[1][1].startswith("The generator did not accept the video yet: ConnectError")
    assert waiting.status == VideoJobStatus.PENDING
    assert (asked_in_vain, len(studio.veo.submits)) == (0, 1)
    assert job.status == VideoJobStatus.SUCCEEDED
    assert await studio.money(caller) == CHARGED


async def test_a_token_endpoint_in_trouble_lets_jobs_wait(studio: Studio) -> None:
    job_id = await studio.created(await studio.house.user())
    studio.veo.script_token(*[Answer({"error": "internal_failure"}, 503)] * 3)  # Google's library tries thrice
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
    assert len(studio.veo.submits) == 1


async def test_a_submit_whose_connection_is_reset_is_uncertain(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    async with resetting() as (url, connections):
        generator = VeoGenerator(replace(veo_access(studio.house.settings), base_url=url))
        async with studio.working(generators={NAME: generator}):
            job = await studio.house.finished(job_id)
        await generator.aclose()

    assert (job.error_code, job.error_message) == ("SUBMISSION_UNCERTAIN", UNCERTAIN)
    assert len(connections) == 1
    assert connections[0].startswith(b"POST ")
    assert await studio.money(caller) == CHARGED


@asynccontextmanager
async def resetting() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve by resetting each connection once a request has come in; yield the address, and what came in."""
    connections: list[bytes] = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(await reader.readuntil(b"\r\n\r\n"))
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections


async def test_images_that_cannot_be_read_yet_delay_the_submit(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, ("initialImage", picture("PNG")))
    studio.cloudinary.faults.extend(["HTML", "drop"])
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
    assert (len(studio.veo.submits), await studio.money(caller)) == (1, CHARGED)


async def test_images_that_are_gone_fail_the_job_before_it_costs_anything_upstream(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, ("initialImage", picture("PNG")))
    studio.cloudinary.files.clear()
    async with studio.working(refund_failed_jobs=True):
        job = await studio.house.finished(job_id)

    assert (job.error_code, job.error_message) == (
        "IMAGE_LOST",
        "An image of this video job is not there any more. Please create a new video.",
    )
    assert (studio.veo.submits, await studio.money(caller)) == ([], REFUNDED)


async def test_a_storage_that_is_down_while_many_videos_are_done_costs_no_second_generation(studio: Studio) -> None:
    callers = [await studio.house.user() for _ in range(6)]
    job_ids = [await studio.created(caller, prompt=f"Video {number}") for number, caller in enumerate(callers)]
    studio.cloudinary.failure_rate = 0.6
    async with studio.working():
        jobs = [await studio.house.finished(job_id) for job_id in job_ids]

    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 6
    assert studio.veo.accepted_by_prompt() == {f"Video {number}": 1 for number in range(6)}
    assert len(studio.veo.submits) == 6
    assert set(studio.cloudinary.files) == {("video", f"lookreel/{job_id}") for job_id in job_ids}
    assert [await studio.money(caller) for caller in callers] == [CHARGED] * 6
