"""Uploads, queries and streams for ten minutes: an API process is as large afterwards as after the first one."""

import asyncio
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from io import BytesIO
from os import urandom
from typing import Any

import PIL.Image

from auth.caller import Caller
from bench.trust.findings import Effort, Finding
from bench.trust.installation import Installation
from tests.house import FORM, House, multipart
from tests.test_following import Followers

USERS = 6
SIDE = 800  # pixels of noise, so that a file has about 2 MB
SETTLED_SECONDS = 60.0
SAMPLE_SECONDS = 1.0
MOST_GROWTH = 1.3
MOST_BYTES = 600 * 2**20
QUERY = "{ looks(first: 20) { nodes { id title products { name price } videos { id status } } } }"


async def endure(installation: Installation, effort: Effort) -> Finding:
    """Let some users each do everything, one thing after the other, and watch the memory."""
    finding, done = Finding("Uploads, queries and streams: memory of an API process"), Counter[str]()
    callers, picture = await installation.rich(USERS, 10**7), noise()
    end = time.monotonic() + effort.endurance_seconds
    tasks = [asyncio.create_task(_work(installation.house, caller, picture, end, done)) for caller in callers]
    sizes = await _watched(installation, end)
    await asyncio.gather(*tasks)
    settled = max(sizes[: round(SETTLED_SECONDS / SAMPLE_SECONDS)])
    last, most = sizes[-1], max(sizes)
    finding.check(most < MOST_BYTES, f"{most / 2**20:.0f} MB")
    finding.check(last <= MOST_GROWTH * settled, f"{settled / 2**20:.0f} MB became {last / 2**20:.0f} MB")
    finding.lost += [f"{count} times {name}" for name, count in done.items() if name.startswith("not ")]
    finding.tried = (
        f"{', '.join(f'{count:,} {name}' for name, count in done.items())} in {effort.endurance_seconds:.0f} s; "
        f"{settled / 2**20:.0f} MB after the first minute, {last / 2**20:.0f} MB in the end, {most / 2**20:.0f} MB most"
    )
    await installation.close_books(finding)
    return finding


def noise() -> bytes:
    """Return a PNG that cannot be compressed."""
    target = BytesIO()
    PIL.Image.frombytes("RGB", (SIDE, SIDE), urandom(3 * SIDE * SIDE)).save(target, "PNG")
    return target.getvalue()


async def _watched(installation: Installation, end: float) -> list[int]:
    sizes = [installation.memory()]
    while time.monotonic() < end:
        await asyncio.sleep(SAMPLE_SECONDS)
        sizes.append(installation.memory())
    return sizes


async def _work(house: House, caller: Caller, picture: bytes, end: float, done: Counter[str]) -> None:
    encoded = b64encode(picture).decode()
    steps: dict[str, Callable[[], Awaitable[bool]]] = {
        "looks": lambda: _look(house, caller, encoded),
        "jobs with images, each followed to its end": lambda: _job(house, caller, picture),
        "queries": lambda: _query(house, caller),
    }
    while time.monotonic() < end:
        for name, step in steps.items():
            is_done = await step()
            done[name if is_done else f"not {name}"] += 1


async def _look(house: House, caller: Caller, image: str) -> bool:
    products = [{"name": "Coat", "thumbnailBase64": image}]
    body = {"title": "Rain", "generatedImageBase64": image, "products": products}
    answer = await house.http.post("/api/v1/looks", json=body, headers=house.headers(caller))
    if not answer.is_success:
        return False
    path = f"/api/v1/looks/{answer.json()['id']}"
    return (await house.http.delete(path, headers=house.headers(caller))).is_success


async def _job(house: House, caller: Caller, picture: bytes) -> bool:
    parts: list[tuple[str, Any]] = [*multipart(FORM), ("initialImage", ("a.png", picture, "image/png"))]
    answer = await house.http.post("/api/v1/video-jobs", files=parts, headers=house.headers(caller))
    if not answer.is_success:
        return False
    followers = Followers(house, caller, answer.json()["id"])
    ways = (followers.websocket, followers.graphql_events, followers.rest_events)
    ends = [seen[-1]["status"] for seen in await asyncio.gather(*map(followers.seen_by, ways))]
    return set(ends) == {"SUCCEEDED"}


async def _query(house: House, caller: Caller) -> bool:
    answers = await asyncio.gather(*(house.graphql(caller, QUERY) for _ in range(10)))
    return not any("errors" in answer for answer in answers)
