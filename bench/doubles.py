"""Veo, Omni and Cloudinary in a process of their own, which does as it is told through a pipe."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from providers.mock.videos import mock_video
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.omni import OmniDouble, serving_omni
from tests.doubles.veo import VeoDouble, serving_veo

END_SECONDS = 20.0
NEVER = 10**9
LARGE_BYTES = 20 * 1024**2
LARGE_BYTES_OF_OMNI = 30 * 1024**2

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
    omni_url: str
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
        veo_url, omni_url, cloudinary_url = ours.recv()
        yield Doubles(veo_url, omni_url, cloudinary_url, ours)
    finally:
        ours.send("end")
        process.join(END_SECONDS)
        process.kill()


def _run(pipe: "Connection[object, Order]") -> None:
    with TemporaryDirectory(prefix="lookreel-") as folder:
        asyncio.run(_serve(pipe, Path(folder)))


async def _serve(pipe: "Connection[object, Order]", folder: Path) -> None:
    async with serving_veo() as veo, serving_omni() as omni, CloudinaryDouble(folder).serving() as cloudinary:
        omni.video = mock_video("720p", "16:9", 8, audio=True).read_bytes()  # what it takes to look at is measured too
        veo.give(omni.video)
        pipe.send((veo.url, omni.url, cloudinary.cloudinary_url))
        while (order := await asyncio.to_thread(pipe.recv)) != "end":
            _obey(veo, omni, order)
            pipe.send(_figures(veo, omni, cloudinary))


def _obey(veo: VeoDouble, omni: OmniDouble, order: Order) -> None:
    match order:
        case "hold":
            veo.polls_until_done = omni.polls_until_done = NEVER
        case "finish":
            veo.polls_until_done = omni.polls_until_done = 0
        case "give large videos":
            veo.give(veo.video, size=LARGE_BYTES)
            missing = LARGE_BYTES_OF_OMNI - len(omni.video)
            omni.video += (missing.to_bytes(4, "big") + b"free").ljust(missing, b"\0") if missing > 0 else b""
        case _:
            pass


def _figures(veo: VeoDouble, omni: OmniDouble, cloudinary: CloudinaryDouble) -> Figures:
    large = sum(upload.size >= LARGE_BYTES for upload in cloudinary.uploads)
    accepted, asked_about = len(veo.accepted) + len(omni.accepted), len({*veo.polls, *omni.polls})
    return Figures(accepted, asked_about, len(cloudinary.uploads), large)
