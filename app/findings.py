"""What `lookreel doctor` finds: how checks are made, and in which states things are."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

CHECK_SECONDS = 10.0
CLOCK_WARNING_SECONDS = 5.0
CLOCK_FAILURE_SECONDS = 60.0


class State(StrEnum):
    """How it is. A note is about something that is not set up, or could not be looked at."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


Answer = tuple[State, str]
"""What a look gave: how it is, and in words what was found and what to do."""


class Finding(NamedTuple):
    """What there is to say about a subject, with what to do. The text may have a secret in it."""

    subject: str
    state: State
    text: str


class Check(NamedTuple):
    """Something to look at; `remedy` is what to do where the looking itself goes wrong."""

    subject: str
    look: Callable[[], Awaitable[Answer]]
    remedy: str


async def found(check: Check) -> Finding:
    """Look, for 10 s at most; that something could not be looked at is a finding, too."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            state, words = await check.look()
    except TimeoutError:
        state, words = State.FAILED, f"No answer within {CHECK_SECONDS:.0f} s. {check.remedy}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        state, words = State.FAILED, f"{told(error)} {check.remedy}"
    return Finding(check.subject, state, words)


def told(error: BaseException) -> str:
    """Return an error's first line as a sentence, with what is behind it."""
    line = (next(iter(str(error).splitlines()), "") or type(error).__name__).rstrip(".")
    if line.endswith(":"):  # what another program says stands below
        line = " ".join(str(error).split())
    behind = "" if error.__cause__ is None else told(error.__cause__)
    return f"{line}." if behind.rstrip(".") in line else f"{line}. {behind}"


def compared(asked: float, theirs: datetime, whose: str) -> Answer:
    """Compare a clock that was read between a moment of ours and now."""
    middle = datetime.fromtimestamp((asked + time.time()) / 2, UTC)
    seconds = abs((middle - theirs).total_seconds())
    words = f"This machine's clock and {whose} are {seconds:.0f} s apart"
    if seconds <= CLOCK_WARNING_SECONDS:
        return State.OK, words
    state = State.FAILED if seconds > CLOCK_FAILURE_SECONDS else State.WARNING
    return state, f"{words}. Set both by NTP: signatures and deadlines depend on them."
