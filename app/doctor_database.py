"""What `lookreel doctor` looks at in the database, and between us and it; and how checks are made and told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from pgqueuer import Queries

from app.settings import Settings
from app.wiring import DIRECT, open_database, refusal_of
from db import (
    file_removals,
    look_videos,
    migrations,
    pauses,
    queue,
    revisions,
    server,
    submission_pace,
    video_jobs,
    workers,
)
from db.engine.database import CONNECTIONS_BESIDES, Database
from db.engine.limits import PoolerMode
from db.engine.poolers import is_behind_pooler, usable_at_once
from db.enums import PauseScope

CHECK_SECONDS = 10.0
CLOCK_WARNING_SECONDS = 5.0
CLOCK_FAILURE_SECONDS = 60.0
# How old a worker's last sign of life may be; it gives one every five seconds for each of its jobs.
STALE = timedelta(seconds=30)
OVERDUE_SECONDS = 60.0
MOST_COUNTED = 1000
# How many checks the others depend on; what is busy shows less of a pooler, too.
ONE_BY_ONE = 3


class State(StrEnum):
    """How it is. A note is about something that is not set up, or could not be looked at."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


Answer = tuple[State, str]
"""What a look gave: how it is, and in words what was found and what to do."""


class Finding(NamedTuple):
    """What there is to say about a subject, with what to do. The text may have a secret in it."""

    subject: str
    state: State
    text: str


class Check(NamedTuple):
    """Something to look at; `remedy` is what to do where the looking itself goes wrong."""

    subject: str
    look: Callable[[], Awaitable[Answer]]
    remedy: str


async def found(check: Check) -> Finding:
    """Look, for 10 s at most; that something could not be looked at is a finding, too."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            state, words = await check.look()
    except TimeoutError:
        state, words = State.FAILED, f"No answer within {CHECK_SECONDS:.0f} s. {check.remedy}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        state, words = State.FAILED, f"{told(error)} {check.remedy}"
    return Finding(check.subject, state, words)


def told(error: BaseException) -> str:
    """Return an error's first line as a sentence, with what is behind it."""
    line = (next(iter(str(error).splitlines()), "") or type(error).__name__).rstrip(".")
    if line.endswith(":"):  # what another program says stands below
        line = " ".join(str(error).split())
    behind = "" if error.__cause__ is None else told(error.__cause__)
    return f"{line}." if behind.rstrip(".") in line else f"{line}. {behind}"


def compared(asked: float, theirs: datetime, whose: str) -> Answer:
    """Compare a clock that was read between a moment of ours and now."""
    middle = datetime.fromtimestamp((asked + time.time()) / 2, UTC)
    seconds = abs((middle - theirs).total_seconds())
    words = f"This machine's clock and {whose} are {seconds:.0f} s apart"
    if seconds <= CLOCK_WARNING_SECONDS:
        return State.OK, words
    state = State.FAILED if seconds > CLOCK_FAILURE_SECONDS else State.WARNING
    return state, f"{words}. Set both by NTP: signatures and deadlines depend on them."


async def database_findings(settings: Settings) -> list[Finding]:
    """Return what each check finds in the configured database.

    Nobody looks further where it cannot be used: each check would say the same again.
    """
    remedy = "Check DATABASE_URL, and that PostgreSQL runs there and lets us in." if settings.database_url else ""
    try:
        async with open_database(settings, "lookreel doctor") as database:
            checks = [Check(name, partial(look, database), remedy) for name, look in _DATABASE_CHECKS]
            findings: list[Finding] = []
            for check in checks[:ONE_BY_ONE]:
                if not findings or findings[-1].state is not State.FAILED:
                    findings.append(await found(check))
            if findings[-1].state is not State.FAILED:
                findings += await asyncio.gather(*map(found, checks[ONE_BY_ONE:]))
    except Exception as error:  # noqa: BLE001 - the embedded server, or a URL that is none
        findings = [Finding("database", State.FAILED, f"{told(error)} {remedy}")]
    unseen = [name for name, _ in _DATABASE_CHECKS[len(findings) :]]
    return findings + [Finding(name, State.NOTE, "Not looked at until that is mended.") for name in unseen]


async def _server(database: Database) -> Answer:
    found = await server.get(database.reader)
    facts = f"PostgreSQL {found.version}"
    if found.encoding == "UTF8":
        return State.OK, facts
    return State.WARNING, (
        f"{facts}. The database's encoding is {found.encoding}, which cannot hold every text. Copy it into one made "
        "with ENCODING 'UTF8'."
    )


async def _sessions(database: Database) -> Answer:
    """Tell what is talked to, and whether it does what DATABASE_POOLER_MODE says."""
    for address, name in ((database.server, DIRECT), (database.pooled, "DATABASE_URL")):
        if refusal := await refusal_of(address, name):
            return State.FAILED, refusal
    if not await is_behind_pooler(database.pooled):
        return State.OK, "PostgreSQL itself: connections keep theirs"
    if database.pooled.mode is PoolerMode.SESSION:
        return State.OK, "A pooler, whose connections keep theirs"
    return State.OK, f"A pooler, used as {database.pooled.mode}; to listen, for jobs and to migrate, {DIRECT}"


async def _connections(database: Database) -> Answer:
    """Tell whether the server, and a pooler, have as many as all processes may open."""
    room = await server.room(database.reader)
    processes = room.api_processes + (await workers.alive(database.reader)).count
    is_shared = database.pooled.mode is not PoolerMode.SESSION
    each = 1 if is_shared else database.connections
    facts = f"A process opens up to {each} at PostgreSQL, which has {room.connections} for us; {processes} are running"
    if max(processes, 1) * each > room.connections:
        return State.FAILED, (
            f"{facts}. Lower DATABASE_POOL_SIZE, start fewer processes, raise the server's max_connections (or the "
            "limit of the role or the database), or put a pooler in transaction mode between."
        )
    if not await is_behind_pooler(database.pooled):
        return State.OK, facts
    wanted = database.connections - (CONNECTIONS_BESIDES - 1 if is_shared else 0)
    usable = await usable_at_once(database.pooled, wanted)
    if usable < wanted:
        return State.FAILED, (
            f"{facts}, but the pooler has {usable} of the {wanted} of one more process. Raise its default_pool_size "
            "(in session mode) and max_client_conn, or lower DATABASE_POOL_SIZE."
        )
    return State.OK, f"{facts}; the pooler has {wanted} for one more process"


async def _migrations(database: Database) -> Answer:
    applied = await revisions.applied(database.reader)
    if applied == revisions.HEADS:
        return State.OK, "Up to date"
    if applied - revisions.KNOWN:
        return State.FAILED, f"The database is newer than this code, or something else's. {revisions.WAY_OUT}"
    # The look_videos table alone may be missing: the owner decides when it comes.
    own_time = migrations.scripts().get_revision(migrations.LOOK_VIDEOS)
    if revisions.HEADS - {own_time.revision if own_time else ""} <= applied:
        return State.OK, "Up to date but for the look_videos table"
    return State.FAILED, "The database is not up to date. Run `lookreel migrate`."


async def _look_videos(database: Database) -> Answer:
    if await look_videos.exist(database.reader):
        return State.OK, "The table is there"
    return State.WARNING, (
        "The table is missing, and looks show no videos. Run the one-time migration: "
        "POST /api/v1/migrate/look-videos as an admin, or `lookreel migrate`."
    )


async def _queue(database: Database) -> Answer:
    async with database.raw_connection() as connection:
        queries = Queries.from_asyncpg_connection(connection)
        ages = [age for age in await queries.queue_age() if age.entrypoint == queue.GENERATE_VIDEO]
        ready = await queries.eligible_queued_work([age.entrypoint for age in ages])
        taken = sum(worker.active_jobs for worker in await queries.active_workers())
        stale = len(await queries.stale_jobs(STALE, MOST_COUNTED))
    waiting, oldest = (ages[0].queued_count, ages[0].oldest_age_seconds) if ages else (0, 0.0)
    facts = f"{waiting} waiting, the oldest for {oldest:.0f} s; {taken} taken by workers"
    if taken > stale:
        return State.OK, f"{facts}, who give signs of life"
    if stale or (ready and oldest > OVERDUE_SECONDS):
        return State.FAILED, f"{facts}, but no worker gives a sign of life. Start `lookreel worker`."
    return State.OK, f"{facts}; whether a worker runs shows as soon as there are jobs"


async def _workers(database: Database) -> Answer:
    found = await workers.alive(database.reader)
    if found.count:
        return State.OK, f"{found.count} alive"
    if found.silent_seconds is None or found.silent_seconds < workers.ALIVE.total_seconds():
        return State.OK, "None has been here yet, and no job waits for long"
    return State.FAILED, f"None has given a sign of life for {found.silent_seconds:.0f} s. Start `lookreel worker`."


async def _lost_jobs(database: Database) -> Answer:
    lost = len(await video_jobs.active_but_not_queued(database.reader, limit=MOST_COUNTED))
    if lost:
        return State.WARNING, f"{lost} active ones have no place in the queue. A running worker gives them one soon."
    return State.OK, "All active ones have their place in the queue"


async def _removals(database: Database) -> Answer:
    failed = await file_removals.failed(database.reader)
    if failed:
        return State.WARNING, f"{failed} stored files could not be removed yet. See the workers' log for the reasons."
    return State.OK, "None has failed"


async def _submits(database: Database) -> Answer:
    troubles = await submission_pace.troubles(database.reader)
    if not troubles:
        return State.OK, "No worker was kept out by a generator"
    kept_out = " ".join(f"{provider} kept a worker out: {reason.rstrip('.')}." for provider, reason in troubles.items())
    return State.WARNING, (
        f"{kept_out} Mend the credentials there; real videos are "
        "refused until one that waits, or else a new one, has been accepted within a minute or so."
    )


async def _pauses(database: Database) -> Answer:
    paused = await pauses.current(database.reader)
    if not paused:
        return State.OK, "New videos are accepted"
    scopes = " ".join(f"{'Real' if pause.scope == PauseScope.REAL else 'All'}: {pause.reason}" for pause in paused)
    return State.WARNING, f"An operator has paused new videos. {scopes} `lookreel resume` ends that."


async def _database_clock(database: Database) -> Answer:
    # The first read may have to connect.
    await server.get(database.reader)
    asked = time.time()
    theirs = (await server.get(database.reader)).clock
    return compared(asked, theirs, "the database's")


_DATABASE_CHECKS: Sequence[tuple[str, Callable[[Database], Awaitable[Answer]]]] = (
    ("database", _server),
    ("sessions", _sessions),
    ("migrations", _migrations),
    ("connections", _connections),
    ("look videos", _look_videos),
    ("queue", _queue),
    ("workers", _workers),
    ("video jobs", _lost_jobs),
    ("file removals", _removals),
    ("submits", _submits),
    ("pauses", _pauses),
    ("clock, database", _database_clock),
)
