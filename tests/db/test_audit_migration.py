"""Revision 0012 on a database with jobs: prompts that are not plain ASCII are found as new ones are."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import migrations
from db.engine.paging import searchable
from db.video_job_lists import VideoJobFilter
from tests.inspected import InspectedDatabase

JOB = """INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status_message, tokens_consumed) VALUES
    (gen_random_uuid(), :user, :prompt, 'm', '720p', '16:9', 8, false, true, '', 50)"""
PROMPTS = ["A RED coat", "Die Stra\u00dfe in \u0130stanbul", "CAF\u00c9", None]


@pytest.fixture
async def old_database(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database of its own, of the release before."""
    async with database.beside("video_job_deletions") as old:
        yield old


async def test_prompts_of_before_are_found_and_plain_ones_are_not_rewritten(old_database: InspectedDatabase) -> None:
    user = uuid4()
    async with old_database.session() as session:
        await session.execute(text("INSERT INTO users (id, tokens) VALUES (:user, 0)"), {"user": user})
        for prompt in PROMPTS:
            await session.execute(text(JOB), {"user": user, "prompt": prompt})

    await migrations.upgrade(old_database.server.url)

    async with old_database.session() as session:
        rows = await session.execute(text("SELECT prompt, search_text FROM video_jobs"))
        assert {row.prompt: row.search_text for row in rows} == {prompt: _folded(prompt) for prompt in PROMPTS}
    assert [_folded(prompt) for prompt in PROMPTS] == [None, "die strasse in istanbul", "caf\u00e9", None]
    assert await found(old_database, user, "red") == ["A RED coat"]
    assert await found(old_database, user, "STRASSE") == [PROMPTS[1]]
    assert await found(old_database, user, "cafe\u0301") == ["CAF\u00c9"]


async def found(database: InspectedDatabase, user: UUID, search: str) -> list[str | None]:
    wanted = VideoJobFilter(user_id=user, search=search)
    return [job.prompt for job in (await wanted.page(database.reader, first=9)).rows]


def _folded(text: str | None) -> str | None:
    return None if text is None or text.isascii() else searchable(text)
