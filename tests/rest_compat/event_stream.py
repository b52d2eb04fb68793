"""A client of the events of a job, by the rules of the HTML Living Standard, section 9.2.6."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from auth.caller import Caller
from tests.house import House

ENDS = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Event:
    name: str
    id: str | None
    data: Any

    @property
    def version(self) -> int:
        return int(str(self.id).partition("-")[0])


@dataclass
class EventStream:
    """An open stream; `comments` and `retry` are what it has told beside the events."""

    response: httpx.Response
    lines: AsyncIterator[str]
    comments: list[str]
    retry: str | None = None

    async def next(self) -> Event | None:
        """Wait for the next event; None at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            async for line in self.lines:
                assert line or "data" in fields, "an empty block, which some clients take for an event"
                if not line:
                    return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
                self._take(line, fields)
        assert fields == {}
        return None

    async def until(self, name: str) -> list[Event]:
        """Read as far as the first event of that name."""
        events: list[Event] = []
        while not events or events[-1].name != name:
            event = await self.next()
            assert event is not None, f"no {name} among {events}"
            events.append(event)
        return events

    async def rest(self) -> list[Event]:
        events = []
        while event := await self.next():
            events.append(event)
        return events

    def _take(self, line: str, fields: dict[str, str]) -> None:
        name, _, value = line.partition(": ")
        if line.startswith(":"):
            self.comments.append(value)
        elif name == "retry":
            assert fields, "a block of its own"
            self.retry = value
        elif line:
            assert name in {"event", "id", "data"}
            assert name not in fields
            fields[name] = value


@asynccontextmanager
async def following(
    house: House, caller: Caller, job_id: str, *, after: str | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[EventStream]:
    sent = (headers or house.headers(caller)) | ({} if after is None else {"Last-Event-ID": after})
    async with house.http.stream("GET", f"/api/v1/video-jobs/{job_id}/events", headers=sent) as response:
        assert response.status_code == 200, await response.aread()
        yield EventStream(response, response.aiter_lines(), [])


async def followed(house: House, caller: Caller, job_id: str, *, after: str | None = None) -> list[Event]:
    """Follow a job to its end."""
    async with following(house, caller, job_id, after=after) as stream:
        return await stream.rest()


def log_of(events: list[Event]) -> list[Any]:
    return [event.data for event in events if event.name == "log"]


def states_of(events: list[Event]) -> list[Event]:
    return [event for event in events if event.name in {"status", "progress"}]
