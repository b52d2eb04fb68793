"""What tests do with the running house, in their words."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from sqlalchemy import delete, func, select, text

from app.demo_user import SAMPLE
from app.settings import Settings
from auth.caller import AccountStatus, Caller, Role
from auth.tokens import LEEWAY, sign
from db import ledger, video_jobs
from db.enums import LedgerEntryKind, VideoJobStatus
from db.ledger import Entry
from db.looks import LookRow
from db.tables import Base, LedgerEntry, SubmissionPace, User, VideoJob
from db.video_jobs import JobRow
from providers.mock.models import ANY_MODEL
from providers.tls import trusted_certificates
from providers.veo.models import MODELS
from resolvers import accounts, looks
from resolvers.models import MOCK, Catalogue, Provider
from tests.inspected import InspectedDatabase

T = TypeVar("T")

# What the tests' installation offers where nothing else is said: mock videos alone.
CATALOGUE = Catalogue.of(
    ANY_MODEL, {Provider("veo", 600_000, unavailable="Not here"): MODELS, Provider(MOCK, 600_000): ()}
)

FORM = {
    "prompt": "The model turns slowly",
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "16:9",
    "mockMode": "true",
}


async def eventually(read: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], seconds: float = 60.0) -> T:
    """Read until it is as wanted; give the last value in the error where that takes too long."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while True:
        value = await read()
        if wanted(value):
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        await asyncio.sleep(pause)
        pause = min(1.3 * pause, 0.05)


@dataclass(frozen=True)
class Traces:
    """What a request may have left behind: row counts over all users, and one user's balance."""

    tokens: int | None
    jobs: int
    logs: int
    links: int
    ledger: int
    queued: int
    keys: int


TRACES = text("""SELECT
    (SELECT tokens FROM users WHERE id = :user_id),
    (SELECT count(*) FROM video_jobs),
    (SELECT count(*) FROM video_job_logs),
    (SELECT count(*) FROM look_videos),
    (SELECT count(*) FROM token_ledger),
    (SELECT count(*) FROM pgqueuer),
    (SELECT count(*) FROM idempotency_keys)""")


KEPT_TABLES = {User.__tablename__, SubmissionPace.__tablename__}
CLEARED_TABLES = [table for table in reversed(Base.metadata.sorted_tables) if table.name not in KEPT_TABLES]
CLEAR = "; ".join(
    [
        "DELETE FROM pgqueuer",
        *(str(delete(table)) for table in CLEARED_TABLES),
        "UPDATE submission_pace SET next_at = now(), blocked_until = now(), trouble = NULL",
    ]
)


BLOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


@asynccontextmanager
async def impatient_database(database: InspectedDatabase, **settings: str) -> AsyncIterator[InspectedDatabase]:
    """Yield the same database for a role of its own that has these settings of PostgreSQL's."""
    name = f"role_{uuid4().hex}"
    async with database.raw_connection() as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN SUPERUSER")
        for setting, value in settings.items():
            await connection.execute(f"ALTER ROLE {name} SET {setting} = '{value}'")
        own = InspectedDatabase(database.url.set(username=name).render_as_string(hide_password=False))
        try:
            yield own
        finally:
            await own.close()
            await connection.execute(f"DROP ROLE {name}")


def http_client(base_url: str) -> httpx.AsyncClient:
    # Idle connections are dropped here before the server drops them (75 s): a request must not meet a closing one. Nor
    # sooner: between being chosen for a request and its beginning, one that has just expired is closed by the next.
    limits = httpx.Limits(max_connections=200, keepalive_expiry=60.0)
    return httpx.AsyncClient(base_url=base_url, limits=limits, timeout=60, verify=trusted_certificates())


@dataclass(frozen=True)
class House:
    """The API under test, its database, and an HTTP client."""

    settings: Settings
    database: InspectedDatabase
    http: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, database: InspectedDatabase, base_url: str) -> AsyncIterator["House"]:
        async with http_client(base_url) as http:
            yield cls(settings, database, http)

    @property
    def base_url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    def headers(self, caller: Caller, lifetime: timedelta = timedelta(hours=1)) -> dict[str, str]:
        """Return a token that is accepted for so long; by itself it ends sooner, which clocks that differ excuse."""
        return {"Authorization": f"Bearer {sign(self.settings.token_policy(), caller, lifetime - LEEWAY)}"}

    def unknown_caller(self, role: Role = Role.USER, status: AccountStatus = AccountStatus.ACTIVE) -> Caller:
        """Return a caller whom the house has never seen."""
        user_id = uuid4()
        return Caller(user_id, f"{user_id}@example.com", role, status)

    async def user(self, tokens: int = 100, role: Role = Role.USER) -> Caller:
        """Return a caller with that balance."""
        caller = self.unknown_caller(role)
        async with self.database.transaction() as session:
            account = await accounts.get_or_create_account(session, caller)
        if account.tokens != tokens:
            await self.set_tokens(caller, tokens)
        return caller

    async def set_tokens(self, caller: Caller, tokens: int) -> None:
        """Set a balance, with the ledger entry that makes it add up."""
        async with self.database.transaction() as session:
            account = await accounts.lock_account(session, caller)
            if tokens != account.tokens:
                kind = LedgerEntryKind.GRANT if tokens > account.tokens else LedgerEntryKind.CHARGE
                await ledger.record(session, caller.user_id, Entry(kind, tokens - account.tokens))

    async def look(self, caller: Caller) -> LookRow:
        async with self.database.transaction() as session:
            return await looks.create(session, caller, SAMPLE)

    async def count(self, *conditions: Any, table: type[Base] = VideoJob) -> int:
        async with self.database.session() as session:
            return await session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    async def waiting_for_locks(self) -> int:
        """Count the statements that wait for what another transaction holds."""
        async with self.database.session() as session:
            return await session.scalar(BLOCKED) or 0

    async def charges(self, caller: Caller) -> int:
        return await self.count(LedgerEntry.user_id == caller.user_id, LedgerEntry.amount == -50, table=LedgerEntry)

    async def tokens(self, caller: Caller) -> int:
        async with self.database.session() as session:
            return await session.scalar(select(User.tokens).where(User.id == caller.user_id)) or 0

    async def traces(self, caller: Caller) -> Traces:
        async with self.database.session() as session:
            return Traces(*(await session.execute(TRACES, {"user_id": caller.user_id})).one())

    async def job(self, job_id: str | UUID) -> JobRow:
        job = await video_jobs.get(self.database.reader, UUID(str(job_id)))
        assert job is not None
        return job

    async def finished(self, job_id: str) -> JobRow:
        """Wait until the job has ended."""
        return await eventually(lambda: self.job(job_id), lambda job: VideoJobStatus(job.status).is_terminal)

    async def create(self, caller: Caller, **fields: Any) -> str:
        """Create a job over REST; return its id."""
        answer = await self.http.post(
            "/api/v1/video-jobs", files=multipart(FORM | fields), headers=self.headers(caller)
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def graphql(self, caller: Caller | None, query: str, **variables: Any) -> dict[str, Any]:
        """Run a query; return the response's body."""
        headers = self.headers(caller) if caller else {}
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: dict[str, Any] = answer.json()
        return body

    async def clear(self) -> None:
        """Forget everything but the schema, in one round trip; DELETE is much faster on small tables than TRUNCATE."""
        async with self.database.session() as session:
            connection = await (await session.connection()).get_raw_connection()
            assert connection.driver_connection is not None
            await connection.driver_connection.execute(CLEAR)


def multipart(fields: dict[str, Any]) -> list[tuple[str, tuple[None, str]]]:
    """Return fields as a browser's FormData sends them; None leaves one out, a list repeats it."""
    return [
        (name, (None, str(value)))
        for name, values in fields.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
