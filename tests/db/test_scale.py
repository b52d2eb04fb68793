"""What lists and searches read of 100,000 rows, told by EXPLAIN of the statements that `db` really sends.

Never times, so that a busy machine changes nothing. Lists are read on the tests' own server. Where that has no pg_trgm,
searches run on an installed PostgreSQL 15 or later, started here, or are skipped. Loading takes some seconds.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID

import pytest

from app.demo_user import SAMPLE
from auth.caller import Caller
from db import creations, look_videos, migrations, revisions, video_jobs
from db.engine.paging import Page, Position
from db.engine.statements import Statement, Writer
from db.enums import VideoJobStatus
from db.looks import LookList, LookView
from db.video_job_lists import VideoJobFilter
from resolvers import accounts, video_job_creation
from resolvers.looks import create as create_look
from resolvers.video_job_input import VideoJobInput
from tests.db.many_rows import (
    ACTIVE_EVERY,
    JOBS,
    MANY_LOOKS,
    OLDEST,
    OWNER,
    RARE_EVERY,
    READER,
    ROWS,
    load,
    server_with_pg_trgm,
)
from tests.house import CATALOGUE
from tests.inspected import InspectedDatabase

T = TypeVar("T")
PageReader = Callable[..., Awaitable[Page[Any]]]

PAGE = 100


@dataclass(frozen=True)
class Plan:
    """How PostgreSQL came by an answer: `buffers` of 8 kB it looked at, rows it read, also those then left out."""

    kinds: set[str]
    indexes: set[str]
    buffers: int
    rows_read: int  # of tables

    @classmethod
    def of(cls, root: dict[str, Any]) -> "Plan":
        every = list(nodes(root))
        counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        scans = [node for node in every if "Relation Name" in node]
        return cls(
            kinds={node["Node Type"] for node in every},
            indexes={node["Index Name"] for node in every if "Index Name" in node},
            buffers=root["Shared Hit Blocks"] + root["Shared Read Blocks"],
            rows_read=sum(round(scan.get(count, 0) * scan["Actual Loops"]) for scan in scans for count in counts),
        )


def behind(n: int) -> Position:
    """Return where the page starts that comes after this job or look."""
    return Position(OLDEST + timedelta(seconds=n // 3), UUID(int=n))


def numbers(page: Page[Any]) -> list[int]:
    return [row.id.int for row in page.rows]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def explained(database: InspectedDatabase, read: Callable[[Writer], Awaitable[T]]) -> tuple[T, Plan]:
    """Read, then let PostgreSQL explain the one statement that this sent, with the same parameters."""
    sent: list[tuple[str, list[object]]] = []

    async def fetch(self: Writer, statement: Statement[Any], **values: object) -> list[Any]:
        sent.append((statement.sql, statement.arguments(values)))
        return await real(self, statement, **values)

    real = Writer.fetch
    async with database.transaction() as transaction:
        with patch.object(Writer, "fetch", fetch):
            answer = await read(transaction)
        ((statement, parameters),) = sent
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        ((document,),) = await transaction.send(explain, *parameters)
        (plan,) = json.loads(document)
    return answer, Plan.of(plan["Plan"])


def jobs_of_owner(session: Writer, after: Position | None = None) -> Awaitable[Page[Any]]:
    return VideoJobFilter(user_id=OWNER).page(session, first=PAGE, after=after)


def looks_in(view: LookView, search: str | None = None, user_id: UUID = OWNER) -> PageReader:
    wanted = LookList(view, user_id, search, by_notes=view is not LookView.PUBLIC)

    def read(session: Writer, after: Position | None = None) -> Awaitable[Page[Any]]:
        return wanted.page(session, first=PAGE, after=after)

    return read


@pytest.fixture(scope="module")
async def grown(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database on the tests' server with as many jobs as looks."""
    async with database.beside("heads") as grown:
        await load(grown, MANY_LOOKS | {JOBS: (ROWS, ACTIVE_EVERY)})
        yield grown


@pytest.fixture(scope="module")
async def searched(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database full of looks on a server with pg_trgm."""
    async with server_with_pg_trgm(database) as server, server.beside("heads") as searched:
        await load(searched, MANY_LOOKS)
        yield searched


@pytest.mark.parametrize(
    ("read", "every", "left", "index"),
    [
        pytest.param(jobs_of_owner, 1, PAGE, "ix_video_jobs(_all)?_newest_first", id="page 1,000 of 100,000 jobs"),
        # Half of all looks, so both indexes serve. Not the very last page: to sort the last few rows may look as cheap.
        pytest.param(looks_in(LookView.MY_PRIVATE), 2, 90 * PAGE, "ix_looks(_all)?_newest_first", id="own looks"),
        pytest.param(looks_in(LookView.PUBLIC), 3, 90 * PAGE, "ix_looks_public_newest_first", id="public looks"),
        pytest.param(looks_in(LookView.ALL), 1, 90 * PAGE, "ix_looks_all_newest_first", id="all looks"),
    ],
)
async def test_a_late_page_costs_the_same(
    grown: InspectedDatabase, read: PageReader, every: int, left: int, index: str
) -> None:
    shown = [n for n in range(ROWS, 0, -1) if n % every == 0]

    first, first_plan = await explained(grown, read)
    late, late_plan = await explained(grown, lambda session: read(session, behind(shown[-left - 1])))

    assert (numbers(first), first.has_next) == (shown[:PAGE], True)
    assert (numbers(late), late.has_next) == (shown[-left:][:PAGE], left > PAGE)
    for plan, other in ((first_plan, late_plan), (late_plan, first_plan)):
        assert plan.kinds == {"Limit", "Index Scan"}
        assert [name for name in plan.indexes if not re.fullmatch(index, name)] == []
        assert PAGE <= plan.rows_read <= (PAGE + 1) * every
        assert plan.buffers <= 2 * other.buffers + 5


async def test_the_jobs_that_hold_slots_are_found_among_all(grown: InspectedDatabase) -> None:
    standing, plan = await explained(grown, lambda session: creations.standing(session, OWNER, None))
    assert [job_id.int for job_id in standing.active] == list(range(ACTIVE_EVERY, ROWS + 1, ACTIVE_EVERY))
    # Either finds them at once: all active jobs, or a user's jobs by status. Who waits first is looked up beside them,
    # since there was no worker yet.
    found_by = {"ix_video_jobs_active", "ix_video_jobs_of_status", "ix_video_jobs_waiting", "ix_workers_seen_at"}
    assert plan.indexes <= found_by
    assert plan.rows_read <= 2 * len(standing.active)


@pytest.mark.parametrize("statuses", [[VideoJobStatus.RUNNING], [VideoJobStatus.FAILED]])
async def test_few_jobs_of_a_status_are_found_among_all(
    grown: InspectedDatabase, statuses: list[VideoJobStatus]
) -> None:
    wanted = VideoJobFilter(user_id=OWNER, statuses=statuses)
    running = list(range(ACTIVE_EVERY, ROWS + 1, ACTIVE_EVERY))[::-1]

    page, plan = await explained(grown, lambda session: wanted.page(session, first=PAGE))

    assert numbers(page) == (running if statuses == [VideoJobStatus.RUNNING] else [])
    # A few that are sorted afterwards, or those in order: either way no others are read.
    assert plan.kinds <= {"Limit", "Index Scan", "Sort"}
    assert plan.indexes <= {"ix_video_jobs_of_status", "ix_video_jobs_all_of_status", "ix_video_jobs_active"}
    assert plan.rows_read == len(page.rows)


async def test_looks_shared_with_a_user_are_reached_by_their_shares(grown: InspectedDatabase) -> None:
    shared = range(2, ROWS + 1, 3000)
    page, plan = await explained(grown, looks_in(LookView.SHARED_WITH_ME, user_id=READER))

    assert numbers(page) == list(shared[::-1][:PAGE])
    assert plan.indexes == {"ix_look_shares_user_id", "pk_looks"}
    assert not any("Seq Scan" in kind for kind in plan.kinds), plan
    assert plan.rows_read <= 2 * len(shared)


@pytest.mark.parametrize("word", ["houndstooth", "undstoo", "HoundsTooth scarf"])
@pytest.mark.parametrize(("view", "every"), [(LookView.MY_PRIVATE, 2), (LookView.PUBLIC, 3), (LookView.ALL, 1)])
async def test_a_search_uses_its_index(searched: InspectedDatabase, word: str, view: LookView, every: int) -> None:
    found, plan = await explained(searched, looks_in(view, word))

    assert numbers(found) == [n for n in range(ROWS, 0, -1) if n % RARE_EVERY == 0 and n % every == 0]
    assert plan.kinds == {"Limit", "Sort", "Bitmap Heap Scan", "Bitmap Index Scan"}
    assert plan.indexes == {"ix_looks_search_text"}
    assert plan.rows_read <= ROWS // RARE_EVERY


async def test_a_server_with_pg_trgm_has_the_whole_schema_and_takes_jobs(searched: InspectedDatabase) -> None:
    caller = Caller(UUID(int=0x100), "new@example.com")
    async with searched.transaction() as session:
        await accounts.get_or_create_account(session, caller)
        look = await create_look(session, caller, SAMPLE)
        asked = VideoJobInput(
            prompt="She turns",
            model="veo-3.1-generate-001",
            resolution="720p",
            aspect_ratio="16:9",
            mock_mode=True,
            look_id=str(look.id),
        )
        created = await video_job_creation.create(session, caller, asked, CATALOGUE)
        shown_in = await look_videos.looks_of_jobs(session, [created.job.id])
        assert [shown.id for shown in shown_in] == [look.id]
        assert await video_jobs.active_but_not_queued(session, limit=1) == []

    assert await revisions.are_applied(searched.reader)
    await migrations.check(searched.server.url)
