"""`make memory`: what a worker needs with 1,000 videos in the making, and when 20 large results come at once.

Veo's come with the answer, 20 MB each; Omni's by address, 30 MB each, to a worker that has done nothing before.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from auth.caller import Caller
from bench.doubles import Doubles, Figures, doubles
from bench.stage import OMNI, VEO, Stage, Worker, omni_settings, order, stage_for, table, within
from resolvers.policy import ACTIVE_JOB_LIMIT

POLL_SECONDS = 10
LIMIT_MB = 400
LIMIT_MB_WITH_OMNI = 300
LARGE_RESULTS = 20
START_SECONDS = 60.0
FLIGHT_SECONDS = 600.0
FINISH_SECONDS = 300.0
# A poll takes place at most 1.2 times the interval after the last one.
POLL_ROUND_SECONDS = 1.3 * POLL_SECONDS


class NotInTime(Exception):
    """A step of the run has taken too long; the message says which."""


def main() -> int:
    """Play the run and print its figures; return 1 where the worker needed too much, or did not get ready."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.generation_memory")
    parser.add_argument("--jobs", type=int, default=1000, help="how many videos are in the making at once")
    arguments = parser.parse_args()
    with doubles() as outside:
        return asyncio.run(_play(outside, arguments.jobs))


async def _play(outside: Doubles, jobs: int) -> int:
    settings = {
        "VEO_POLL_SECONDS": POLL_SECONDS,
        "GENERATIONS_AT_ONCE": 2 * max(jobs, LARGE_RESULTS),
        "GENERATIONS_PER_WORKER": 2 * max(jobs, LARGE_RESULTS),
        "SUBMITS_PER_MINUTE": 600_000,
        "LOG_LEVEL": "WARNING",
    }
    settings |= omni_settings(outside.omni_url, POLL_SECONDS)
    async with stage_for(outside.veo_url, outside.cloudinary_url, settings) as stage:
        veo = _Run(stage, outside, Worker(stage, 0), VEO)
        async with veo.worker.running():
            await veo.warm_up()
            figures = await veo.many_at_once(jobs) | await veo.large_results()
        print(table("a worker's memory, with Veo", figures))
        omni = _Run(stage, outside, Worker(stage, 1), OMNI)
        async with omni.worker.running():
            await omni.warm_up()
            print(table("a worker's memory, with Omni", await omni.large_results()))
    return max(veo.verdict(LIMIT_MB), omni.verdict(LIMIT_MB_WITH_OMNI))


class _Run:
    """One worker, through one part or both; what came before it at the doubles is counted along."""

    def __init__(self, stage: Stage, outside: Doubles, worker: Worker, model: str) -> None:
        self._stage = stage
        self._outside = outside
        self._model = model
        self._created = outside.told("finish").accepted
        self.worker = worker
        self.peak_mb = 0.0

    async def warm_up(self) -> None:
        """Make one video, so that all that a worker loads once has been loaded."""
        await self._create(1)
        await self._until("a first video", lambda seen: seen.uploads == self._created, START_SECONDS)
        await self._until_ended("a first video")

    async def many_at_once(self, jobs: int) -> dict[str, object]:
        """Hold many videos in the making, then let them be finished."""
        before = _megabytes(self.worker.pid, "VmRSS")
        self._outside.told("hold")
        started = time.monotonic()
        await self._create(jobs)
        await self._until("all in flight", lambda seen: seen.asked_about == self._created, FLIGHT_SECONDS)
        submitted = time.monotonic() - started
        await asyncio.sleep(POLL_ROUND_SECONDS)
        during = _megabytes(self.worker.pid, "VmRSS")
        self._outside.told("finish")
        finished = time.monotonic()
        await self._until("all stored", lambda seen: seen.uploads == self._created, FINISH_SECONDS)
        await self._until_ended("all in flight")
        return {
            "RSS after one video": f"{before:.0f} MB",
            f"RSS with {jobs} in flight": f"{during:.0f} MB",
            "for each job": f"{(during - before) / jobs * 1024:.0f} KB",
            "time until all were in flight": f"{submitted:.0f} s",
            "time until all were stored": f"{time.monotonic() - finished:.0f} s",
            "peak RSS until then": f"{_megabytes(self.worker.pid, 'VmHWM'):.0f} MB",
        }

    async def large_results(self) -> dict[str, object]:
        """Let large videos be done at the same moment; half of them lose their sound on the way."""
        self._outside.told("hold")
        self._outside.told("give large videos")
        await self._create(LARGE_RESULTS)
        await self._until("all submitted", lambda seen: seen.asked_about == self._created, FLIGHT_SECONDS)
        self._outside.told("finish")
        started = time.monotonic()
        seen = await self._until("all large stored", lambda seen: seen.uploads == self._created, FINISH_SECONDS)
        await self._until_ended("all large ones")
        self.peak_mb = _megabytes(self.worker.pid, "VmHWM")
        return {
            f"{LARGE_RESULTS} large results stored": f"{seen.large_uploads} with sound, in full size",
            "time until they were stored": f"{time.monotonic() - started:.0f} s",
            "RSS afterwards": f"{_megabytes(self.worker.pid, 'VmRSS'):.0f} MB",
            "peak RSS of the worker (VmHWM)": f"{self.peak_mb:.0f} MB",
        }

    def verdict(self, limit_mb: int) -> int:
        """Print what was needed; return 1 where it was too much, or not all of it one process's."""
        print(
            f"\n{self._model}: peak {self.peak_mb:.0f} MB of at most {limit_mb}, {self.worker.starts} worker start(s)"
        )
        return 0 if self.peak_mb < limit_mb and self.worker.starts == 1 else 1

    async def _create(self, count: int) -> None:
        callers = await self._stage.users(-(-count // ACTIVE_JOB_LIMIT))
        for number in range(count):
            await self._create_one(callers[number % len(callers)])

    async def _create_one(self, caller: Caller) -> None:
        self._created += 1
        await self._stage.create(caller, order(self._created, generate_audio=self._created % 2 == 0, model=self._model))

    async def _until(self, what: str, done: Callable[[Figures], bool], seconds: float) -> Figures:
        async def is_done() -> bool:
            return done(self._outside.told("tell"))

        if not await within(seconds, is_done):
            raise NotInTime(f"{what}: {self._outside.told('tell')} after {seconds:.0f} s")
        return self._outside.told("tell")

    async def _until_ended(self, what: str) -> None:
        async def have_ended() -> bool:
            return not await self._stage.active_jobs()

        if not await within(FINISH_SECONDS, have_ended):
            raise NotInTime(f"{what}: {await self._stage.active_jobs()} jobs have not ended")


def _megabytes(pid: int, name: str) -> float:
    """Read VmRSS (what is in memory) or VmHWM (the most that ever was) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    sys.exit(main())
