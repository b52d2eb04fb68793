"""Revision 0007 on a database with jobs in progress: they keep their provider, and the pace goes on."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import migrations, submission_pace
from tests.inspected import InspectedDatabase

JOB = """INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status, status_message, progress_percentage, tokens_consumed, submission, operation_name, cloudinary_url,
    completed_at) VALUES (gen_random_uuid(), :user, :name, 'veo-3.1-generate-preview', '720p', '16:9', 8, false,
    :mock, :status, '', 0, 50, :submission, :operation, :url, CASE WHEN :status = 'SUCCEEDED' THEN now() END)"""
JOBS = {
    "waiting": ("PENDING", "NEW", False),
    "being sent": ("PENDING", "SENDING", False),
    "sent": ("RUNNING", "SENT", False),
    "sent mock": ("RUNNING", "SENT", True),
    "ended": ("SUCCEEDED", "SENT", False),
}


@pytest.fixture
async def old_database(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database of its own, of the release before."""
    async with database.beside("0005") as old:
        yield old


async def test_jobs_in_progress_keep_their_provider_and_trouble_is_that_of_veo(old_database: InspectedDatabase) -> None:
    async with old_database.session() as session:
        user = uuid4()
        await session.execute(text("INSERT INTO users (id, tokens) VALUES (:user, 0)"), {"user": user})
        for name, (status, submission, mock) in JOBS.items():
            values = {"user": user, "name": name, "status": status, "submission": submission, "mock": mock}
            values["operation"] = "operations/1" if submission == "SENT" else None
            values["url"] = "/media/x.mp4" if status == "SUCCEEDED" else None
            await session.execute(text(JOB), values)
        await session.execute(text("UPDATE submission_pace SET trouble = '403'"))

    await migrations.upgrade(old_database.server.url)

    async with old_database.session() as session:
        rows = await session.execute(text("SELECT prompt, provider, version FROM video_jobs"))
        found = {row.prompt: (row.provider, row.version) for row in rows}
        # As workers of the release before go on to do.
        (turn,) = await session.execute(text("UPDATE submission_pace SET next_at = now() RETURNING next_at"))
    assert found == {
        "waiting": (None, 1),
        "being sent": ("veo", 1),
        "sent": ("veo", 1),
        "sent mock": ("mock", 1),
        "ended": (None, 1),
    }
    assert turn is not None
    assert await submission_pace.troubles(old_database.reader) == {"veo": "403"}
