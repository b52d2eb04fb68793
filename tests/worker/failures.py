"""Ways to fail: a script for the doubles, and what becomes of the job that meets it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.answers import Answer, failed
from tests.worker.studio import Studio

Script = Callable[[Studio], None]


@dataclass(frozen=True)
class Row:
    """One way to fail. `submits` is how many arrived, `accepted` how many were started and may be paid for.

    `log` is the text of a warning in the job's log. With `timeout_seconds`, the SDK waits no longer for an answer.
    `refunded` says that the tokens come back whatever the operator has set.
    """

    symptom: str
    script: Script
    code: str | None
    message: str | None
    submits: int = 1
    accepted: int = 1
    log: str | None = None
    refunded: bool = False
    uploads: int = 1
    retry_policy: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None


def submits(*answers: Answer) -> Script:
    return lambda studio: studio.veo.script_submit(*answers)


def polls(*answers: Answer) -> Script:
    return lambda studio: studio.veo.script_poll(*answers)


def stores(*faults: Any) -> Script:
    return lambda studio: studio.cloudinary.faults.extend(faults)


def sets(**values: Any) -> Script:
    def script(studio: Studio) -> None:
        for name, value in values.items():
            setattr(studio.veo, name, value)

    return script


def both(one: Script, other: Script) -> Script:
    def script(studio: Studio) -> None:
        one(studio)
        other(studio)

    return script


def gives(change: Callable[[bytes], bytes]) -> Script:
    return lambda studio: studio.veo.give(change(studio.veo.video))


def fault(code: int) -> Answer:
    return failed(code, "Internal error")


def faulty(code: str) -> str:
    return f"The generator had a fault of its own ({code}). Try again later."
