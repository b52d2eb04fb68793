"""The one source of events about jobs: wake-ups from PostgreSQL, states read in batches, handed to whoever follows.

One connection of the process listens. It is made anew when it is lost, and a slow poll stands behind it: a wake-up may
come for nothing or be lost, which costs latency, never truth. No error ends any of this; `JobFeed.seconds_behind` says
how late it is.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from uuid import UUID

import asyncpg

from db import video_jobs
from db.engine.background import BackgroundLoop
from db.engine.database import WAKE_UP_CHANNEL, Database
from db.engine.errors import DatabaseUnavailable
from db.video_jobs import VideoJobRow

BATCH = 500
POLLS_A_LOOK = 12
# How long the server may take to say that it hears us, before the connection is taken for lost.
ANSWER_SECONDS = 5.0
# Of more news than this at once, a follower is told to look for itself.
MOST_NEWS = 5000
# Stands for all users where all jobs are followed.
EVERYBODY = UUID(int=0)
# What takes longer than a reconnect or a slow statement.
BEHIND_SECONDS = 3.0

logger = logging.getLogger("lookreel.db")


class Inbox:
    """What is new for one follower: the newest state of each job, however slowly it is fetched."""

    def __init__(self) -> None:
        self._news: dict[UUID, VideoJobRow | None] = {}
        self._missed = False
        self._something = asyncio.Event()

    def put(self, job_id: UUID, job: VideoJobRow | None) -> None:
        """Leave a job's state, or None where it has been deleted."""
        if len(self._news) >= MOST_NEWS:
            self._news.clear()
            self._missed = True
        self._news[job_id] = job
        self._something.set()

    def put_missed(self) -> None:
        """Tell that changes may have been missed."""
        self._missed = True
        self._something.set()

    async def fetch(self) -> tuple[dict[UUID, VideoJobRow | None], bool]:
        """Wait for news; return it, oldest first, and whether changes may have been missed."""
        await self._something.wait()
        self._something.clear()
        news, missed = self._news, self._missed
        self._news, self._missed = {}, False
        return news, missed


class JobFeed:
    """Reads each changed job once and hands it to all that follow it, or follow its owner.

    Start to follow before the first read of your own, so that no change falls between the two. `is_listening` says
    whether it is told of changes at present.
    """

    def __init__(self, database: Database, *, poll_seconds: float = 5.0) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._of_jobs: defaultdict[UUID, set[Inbox]] = defaultdict(set)
        self._of_users: defaultdict[UUID, set[Inbox]] = defaultdict(set)
        # What was last handed out; None for a deleted job.
        self._versions: dict[UUID, int | None] = {}
        self._dirty: dict[UUID, UUID | None] = {}
        self._work = asyncio.Event()
        self._polls = count(1)
        self.is_listening = False
        self._listening = BackgroundLoop("Listening for changes of jobs", logger)
        self._polling = BackgroundLoop("Looking for changes of jobs", logger)
        self._reading = BackgroundLoop("Reading changed jobs", logger)

    @property
    def seconds_behind(self) -> float:
        """The age of the oldest thing that it should have done by now.

        That is to listen, to read a change that it knows of, or to look for those that it was not told of.
        """
        return max(loop.seconds_overdue for loop in (self._listening, self._polling, self._reading))

    @property
    def is_behind(self) -> bool:
        """Whether followers hear of changes late."""
        return self.seconds_behind > BEHIND_SECONDS

    async def run(self) -> None:
        """Listen and read until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listening.run(self._listen))
            tasks.create_task(self._polling.run(self._poll))
            tasks.create_task(self._reading.run(self._read))

    @contextmanager
    def following(self, job_id: UUID) -> Iterator[Inbox]:
        """Yield an inbox for one job's changes."""
        with _registered(self._of_jobs, job_id) as inbox:
            try:
                yield inbox
            finally:
                if len(self._of_jobs[job_id]) == 1:
                    self._versions.pop(job_id, None)

    def following_user(self, user_id: UUID) -> AbstractContextManager[Inbox]:
        """Yield an inbox for the changes of all of a user's jobs, or of all jobs where that is `EVERYBODY`."""
        return _registered(self._of_users, user_id)

    async def _listen(self) -> None:
        """Listen until the connection is lost.

        Raises DatabaseUnavailable when it is.
        """
        self._listening.due()
        lost = asyncio.Event()
        async with self._database.raw_connection() as connection:
            connection.add_termination_listener(lambda _connection: lost.set())
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await connection.add_listener(WAKE_UP_CHANNEL, self._on_wake_up)
                await self._listen_on(connection, lost)
            except TimeoutError:
                # Its other end is silent, and would let us wait for a goodbye, too.
                connection.terminate()
                raise
        raise DatabaseUnavailable

    async def _listen_on(self, connection: asyncpg.Connection, lost: asyncio.Event) -> None:
        self.is_listening = True
        self._listening.done()
        # Nobody listened until now: whatever was sent meanwhile is lost, so everybody looks.
        self._look_at_everything()
        try:
            while not await _is_set(lost, within=self._poll_seconds):
                # To listen once more changes nothing, and shows whether there still is somebody at the other end.
                await connection.execute(f"LISTEN {WAKE_UP_CHANNEL}", timeout=ANSWER_SECONDS)
        finally:
            self.is_listening = False
            self._listening.due()

    def _on_wake_up(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            job_id, _version, user_id = str(payload).split(":")
            self._mark(UUID(job_id), UUID(user_id))

    def _mark(self, job_id: UUID, user_id: UUID | None) -> None:
        if job_id in self._of_jobs or user_id in self._of_users or EVERYBODY in self._of_users:
            self._dirty[job_id] = user_id
            self._reading.due()
            self._work.set()

    def _look_at_everything(self) -> None:
        for job_id in self._of_jobs:
            self._mark(job_id, self._dirty.get(job_id))
        self._let_users_look()

    def _let_users_look(self) -> None:
        """Let those who follow all jobs of a user look for themselves: a read for each, so not often."""
        for inboxes in self._of_users.values():
            for inbox in inboxes:
                inbox.put_missed()

    async def _poll(self) -> None:
        self._polling.due()
        if next(self._polls) % POLLS_A_LOOK == 0:
            self._let_users_look()
        await self._poll_jobs()
        self._polling.done()
        await asyncio.sleep(self._poll_seconds)

    async def _poll_jobs(self) -> None:
        """Compare the versions of all followed jobs with those last handed out."""
        followed = list(self._of_jobs)
        for start in range(0, len(followed), BATCH):
            batch = followed[start : start + BATCH]
            found = await video_jobs.versions(self._database.reader, batch)
            for job_id in batch:
                # One that was never handed out may be gone already.
                if job_id not in self._versions or found.get(job_id) != self._versions[job_id]:
                    self._mark(job_id, self._dirty.get(job_id))

    async def _read(self) -> None:
        """Read what has changed, or wait until something has."""
        if not self._dirty:
            self._reading.done()
            self._work.clear()
            await self._work.wait()
        batch = dict(list(self._dirty.items())[:BATCH])
        # Before the read: what changes after it wakes us up again.
        for job_id in batch:
            del self._dirty[job_id]
        try:
            jobs = await video_jobs.get_many(self._database.reader, list(batch))
            found = {job.id: job for job in jobs}
            for job_id, user_id in batch.items():
                self._hand_out(job_id, user_id, found.get(job_id))
        except BaseException:
            self._dirty = batch | self._dirty
            raise
        self._reading.done()
        if self._dirty:
            self._reading.due()

    def _hand_out(self, job_id: UUID, user_id: UUID | None, job: VideoJobRow | None) -> None:
        if job_id in self._of_jobs:
            self._versions[job_id] = None if job is None else job.version
        owner = user_id if job is None else job.user_id
        users = (owner, EVERYBODY) if owner else (EVERYBODY,)
        followers = self._of_jobs.get(job_id, set()).union(*(self._of_users.get(user, ()) for user in users))
        for inbox in followers:
            inbox.put(job_id, job)


async def _is_set(event: asyncio.Event, *, within: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()
    return event.is_set()


@contextmanager
def _registered(inboxes: defaultdict[UUID, set[Inbox]], key: UUID) -> Iterator[Inbox]:
    inbox = Inbox()
    inboxes[key].add(inbox)
    try:
        yield inbox
    finally:
        inboxes[key].discard(inbox)
        if not inboxes[key]:
            del inboxes[key]
