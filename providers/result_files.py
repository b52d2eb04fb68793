"""New files for finished videos, filled in a thread: whole, or not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from uuid import uuid4


async def result_file(folder: Path, fill: Callable[[Path], object]) -> Path:
    """Have `fill` write a new file in the folder, which is made where it is missing; return its path.

    No file stays when `fill` raises, or when the waiting task is cancelled: a thread cannot be, it cleans up behind
    itself when it comes to its end.
    """
    file = folder / f"result-{uuid4().hex}.mp4"
    abandoned = Event()
    try:
        await asyncio.to_thread(_fill, file, fill, abandoned)
    except asyncio.CancelledError:
        abandoned.set()  # in this order: either the thread sees it when it has written, or the file is there by now
        file.unlink(missing_ok=True)
        raise
    return file


def _fill(file: Path, fill: Callable[[Path], object], abandoned: Event) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        fill(file)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    if abandoned.is_set():
        file.unlink(missing_ok=True)


@asynccontextmanager
async def filled_file(folder: Path) -> AsyncIterator[Path]:
    """Yield the path of a new file in the folder, which the block writes; no file stays where the block raises."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    file = folder / f"result-{uuid4().hex}.mp4"
    try:
        yield file
    except BaseException:
        file.unlink(missing_ok=True)
        raise
