"""PostgreSQL, an API process or the worker fails while jobs are made and followed: every job ends, and is heard to."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import asyncpg

from auth.caller import Caller
from bench.trust.findings import Effort, Finding
from bench.trust.installation import API, WORKER, Installation, installed
from tests.house import House
from tests.test_following import Followers, State
from tests.test_restarts import created
from tests.worker.test_survival import crash_and_restart

END_SECONDS = 150.0
BETWEEN_SECONDS = 1.0
MOST_CONNECTIONS = 500
HAPPY = {"SUCCEEDED"}
DISK = "size=256m,mode=755"
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON video_jobs FOR EACH ROW EXECUTE FUNCTION refuse();
"""

Fault = Callable[[Installation], AbstractAsyncContextManager[None]]


async def suffer(installation: Installation, effort: Effort) -> list[Finding]:
    """Let every fault happen, once; a full disk to an installation of its own, whose files are on a small one."""
    findings = [await _suffered(installation, effort, name, fault) for name, fault in FAULTS.items()]
    with _small_disk() as folder:
        if folder is None:
            return [*findings, Finding("Fault: the disk for files is full", "nothing: this user may not mount")]
        async with installed(DATA_DIR=folder / "files") as other:
            fault = partial(_full_disk, folder=folder)
            return [*findings, await _suffered(other, effort, "the disk for files is full", fault)]


async def _suffered(installation: Installation, effort: Effort, name: str, fault: Fault) -> Finding:
    finding, house = Finding(f"Fault: {name}"), installation.house
    callers, late = await installation.rich(effort.fault_jobs), await installation.rich(effort.fault_jobs)
    tasks = [asyncio.create_task(_followed(house, caller)) for caller in callers]
    await asyncio.sleep(BETWEEN_SECONDS)
    async with fault(installation):
        # Asked for during the fault, by clients who ask again until they are answered.
        tasks += [asyncio.create_task(_followed(house, caller)) for caller in late]
        await asyncio.sleep(effort.fault_seconds)
    try:
        async with asyncio.timeout(END_SECONDS):
            ends = await asyncio.gather(*tasks)
    except TimeoutError:
        finding.lost.append(f"jobs have not been heard to end within {END_SECONDS:.0f} s")
        return finding
    finding.lost += [f"a job ended differently: {end}" for end in ends if {state["status"] for state in end} - HAPPY]
    finding.tried = f"{len(tasks)} jobs, each followed in three ways"
    await installation.serves()
    await installation.close_books(finding)
    return finding


async def _followed(house: House, caller: Caller) -> list[State]:
    """Create a job, however often that takes; return how each way to follow it saw its end."""
    followers = Followers(house, caller, await created(house, caller))
    ways = (followers.websocket, followers.graphql_events, followers.rest_events)
    return [seen[-1] for seen in await asyncio.gather(*map(followers.seen_by, ways))]


@asynccontextmanager
async def _crashed(installation: Installation, mode: str) -> AsyncIterator[None]:
    await asyncio.to_thread(crash_and_restart, installation.pgdata, mode)
    yield


@asynccontextmanager
async def _frozen(installation: Installation) -> AsyncIterator[None]:
    with installation.frozen_database():
        yield


@asynccontextmanager
async def _read_only(installation: Installation) -> AsyncIterator[None]:
    await _set(installation, "SET default_transaction_read_only = on")
    try:
        yield
    finally:
        await _set(installation, "RESET default_transaction_read_only")


async def _set(installation: Installation, change: str) -> None:
    async with installation.house.database.raw_connection() as connection:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f"ALTER SYSTEM {change}")
        await connection.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def _out_of_connections(installation: Installation) -> AsyncIterator[None]:
    """Take every connection that is left."""
    async with AsyncExitStack() as stack:
        url = installation.house.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with suppress(asyncpg.TooManyConnectionsError):
            for _ in range(MOST_CONNECTIONS):
                stack.push_async_callback((await asyncpg.connect(url)).close)
        yield


@asynccontextmanager
async def _killed(installation: Installation, module: str) -> AsyncIterator[None]:
    installation.processes(module)[0].kill()
    yield


@asynccontextmanager
async def _full_database(installation: Installation) -> AsyncIterator[None]:
    """Let PostgreSQL refuse every new version of a job as it does when its disk is full."""
    async with installation.house.database.raw_connection() as connection:
        await connection.execute(REFUSE)
    try:
        yield
    finally:
        async with installation.house.database.raw_connection() as connection:
            await connection.execute("DROP FUNCTION refuse CASCADE")


@contextmanager
def _small_disk() -> Iterator[Path | None]:
    """Yield the folder of a file system of its own, or None where nobody may make one."""
    with TemporaryDirectory(prefix="lookreel-disk-") as name:
        if run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", name], check=False, capture_output=True).returncode:  # noqa: S603, S607 - as whoever runs this
            yield None
            return
        try:
            yield Path(name)
        finally:
            run(["umount", name], check=True)  # noqa: S603, S607 - as above


@asynccontextmanager
async def _full_disk(_installation: Installation, folder: Path) -> AsyncIterator[None]:
    filling = folder / "filling"
    with filling.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free)
    try:
        yield
    finally:
        filling.unlink()


FAULTS: dict[str, Fault] = {
    "PostgreSQL crashes": partial(_crashed, mode="immediate"),
    "PostgreSQL restarts": partial(_crashed, mode="fast"),
    "PostgreSQL hangs (SIGSTOP)": _frozen,
    "PostgreSQL is read-only": _read_only,
    "PostgreSQL's disk is full": _full_database,
    "PostgreSQL has no connection left": _out_of_connections,
    "an API process is killed": partial(_killed, module=API),
    "the worker is killed": partial(_killed, module=WORKER),
}
