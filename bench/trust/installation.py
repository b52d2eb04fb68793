"""An installation as an operator runs it: `lookreel serve` on a PostgreSQL server of its own."""

import asyncio
import re
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from sqlalchemy import func, select

from app.settings import Settings
from auth.caller import Caller
from bench.trust.findings import Finding
from db import migrations
from db.embedded.guardian import PGDATA, postmaster_lines
from db.embedded.server import embedded_server
from db.enums import ACTIVE_STATUSES
from db.tables import LedgerEntry, User, VideoJob
from tests.app.processes import Running, running
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.test_following import healthy

TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?: .*\n)+(\S.*)", re.MULTILINE)
API, WORKER = "app.api", "app.worker"
START_SECONDS = 120.0
END_SECONDS = 120.0


@dataclass
class Installation:
    """The house that is attacked, the command that runs it, and the folder of its database.

    `tracebacks` of its log have been reported.
    """

    house: House
    server: Running
    pgdata: Path
    tracebacks: int = 0

    def processes(self, module: str) -> list[psutil.Process]:
        """Return the API or worker processes that run now."""
        children = psutil.Process(self.server.process.pid).children()
        return [child for child in children if module in child.cmdline()]

    def memory(self) -> int:
        """Return the resident size of the largest API process in bytes."""
        return max(process.memory_info().rss for process in self.processes(API))

    @contextmanager
    def frozen_database(self) -> Iterator[None]:
        """Stop all of PostgreSQL's processes as SIGSTOP does, then let them go on."""
        postmaster = psutil.Process(int(postmaster_lines(self.pgdata)[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        try:
            for process in processes:
                process.send_signal(signal.SIGSTOP)
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    async def serves(self) -> None:
        """Wait until the API answers."""
        await eventually(lambda: healthy(self.house), bool, START_SECONDS)

    async def rich(self, count: int, tokens: int = 100_000) -> list[Caller]:
        """Return users who can pay for whatever they do."""
        return list(await asyncio.gather(*(self.house.user(tokens) for _ in range(count))))

    async def close_books(self, finding: Finding, *, finished: bool = True) -> None:
        """Look for what must be true after every part: no traceback, all jobs ended, the books exact."""
        found = TRACEBACK.findall(self.server.log)
        finding.lost += [f"a traceback in the log: {error}" for error in found[self.tracebacks :]]
        self.tracebacks = len(found)
        if finished:
            await self._close_accounts(finding)

    async def _close_accounts(self, finding: Finding) -> None:
        active = VideoJob.status.in_(ACTIVE_STATUSES)
        await eventually(lambda: self.house.count(active), lambda jobs: jobs == 0, END_SECONDS)
        total = func.sum(LedgerEntry.amount)
        query = select(User.id, User.tokens, total).join(LedgerEntry, LedgerEntry.user_id == User.id).group_by(User.id)
        async with self.house.database.session() as session:
            rows = (await session.execute(query)).all()
            charges = select(func.count()).where(LedgerEntry.video_job_id.is_not(None), LedgerEntry.amount < 0)
            charged, jobs = await session.scalar(charges), await session.scalar(select(func.count(VideoJob.id)))
        finding.lost += [f"{row[0]} has {row[1]} tokens, {row[2]} by the ledger" for row in rows if row[1] != row[2]]
        finding.check((charged or 0) >= (jobs or 0), f"{jobs} jobs for {charged} charges")


@asynccontextmanager
async def installed(*arguments: str, **settings: object) -> AsyncIterator[Installation]:
    """Run one in a folder that goes again, with more arguments and settings."""
    with TemporaryDirectory(prefix="lookreel-trust-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded_server(folder / "data") as url:
            environment = {
                "DATABASE_URL": url,
                "DATA_DIR": folder / "files",
                "JWT_SECRET_KEY": secrets.token_urlsafe(48),
                "PORT": 0,
                "MOCK_SECONDS": 2,
                "LOG_LEVEL": "INFO",
                **settings,
            }
            await migrations.upgrade(url)
            with running("serve", "--workers", "2", *arguments, log=folder / "serve.log", **environment) as server:
                async with _opened(server, url, environment, folder / "data" / PGDATA) as installation:
                    yield installation


@asynccontextmanager
async def _opened(
    server: Running, url: str, environment: dict[str, object], pgdata: Path
) -> AsyncIterator[Installation]:
    values = {name.lower(): value for name, value in environment.items()}
    own = Settings.model_validate(values)
    database = InspectedDatabase(url)
    base_url = await eventually(server.address, bool, START_SECONDS)
    async with House.opened(own, database, base_url) as house:
        installation = Installation(house, server, pgdata)
        await installation.serves()
        try:
            yield installation
        finally:
            await database.close()
