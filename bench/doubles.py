"""Veo and Cloudinary in a process of their own, which does as it is told through a pipe."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.veo import VeoDouble, serving_veo

END_SECONDS = 20.0
NEVER = 10**9
LARGE_BYTES = 20 * 1024**2

Order = Literal["tell", "hold", "finish", "give large videos", "end"]
"""What the process is told: `hold` keeps generations from coming to an end, `finish` ends all at once."""


class Figures(NamedTuple):
    """What the doubles have seen. `asked_about` counts operations, `large_uploads` those of 20 MB and more."""

    accepted: int
    asked_about: int
    uploads: int
    large_uploads: int


@dataclass(frozen=True)
class Doubles:
    """The process, seen from outside."""

    veo_url: str
    cloudinary_url: str
    _pipe: "Connection[Order, Figures]"

    def told(self, order: Order) -> Figures:
        """Give an order; return the figures afterwards."""
        self._pipe.send(order)
        return self._pipe.recv()


@contextmanager
def doubles() -> Iterator[Doubles]:
    """Run the process for as long as the context lasts."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs,))
    process.start()
    try:
        veo_url, cloudinary_url = ours.recv()
        yield Doubles(veo_url, cloudinary_url, ours)
    finally:
        ours.send("end")
        process.join(END_SECONDS)
        process.kill()


def _run(pipe: "Connection[object, Order]") -> None:
    with TemporaryDirectory(prefix="lookreel-") as folder:
        asyncio.run(_serve(pipe, Path(folder)))


async def _serve(pipe: "Connection[object, Order]", folder: Path) -> None:
    async with serving_veo() as veo, CloudinaryDouble(folder).serving() as cloudinary:
        pipe.send((veo.url, cloudinary.cloudinary_url))
        while (order := await asyncio.to_thread(pipe.recv)) != "end":
            _obey(veo, order)
            pipe.send(_figures(veo, cloudinary))


def _obey(veo: VeoDouble, order: Order) -> None:
    match order:
        case "hold":
            veo.polls_until_done = NEVER
        case "finish":
            veo.polls_until_done = 0
        case "give large videos":
            veo.give(veo.video, size=LARGE_BYTES)
        case _:
            pass


def _figures(veo: VeoDouble, cloudinary: CloudinaryDouble) -> Figures:
    large = sum(upload.size >= LARGE_BYTES for upload in cloudinary.uploads)
    return Figures(len(veo.accepted), len(set(veo.polls)), len(cloudinary.uploads), large)
