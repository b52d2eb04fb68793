"""Ways to fail: a script for the doubles, and what becomes of the job that meets it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.answers import Answer, failed
from tests.doubles.cloudinary import Fault
from tests.doubles.veo import VeoDouble
from tests.worker.side_by_side import Behind

Script = Callable[[Behind[VeoDouble]], None]


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
    retry_policy: dict[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None


def submits(*answers: Answer) -> Script:
    return lambda behind: behind.double.script_submit(*answers)


def polls(*answers: Answer) -> Script:
    return lambda behind: behind.double.script_poll(*answers)


def stores(*faults: Fault, times: int = 1) -> Script:
    return lambda behind: behind.faults.extend(faults * times)


def sets(**values: Any) -> Script:
    def script(behind: Behind[VeoDouble]) -> None:
        for name, value in values.items():
            setattr(behind.double, name, value)

    return script


def both(one: Script, other: Script) -> Script:
    def script(behind: Behind[VeoDouble]) -> None:
        one(behind)
        other(behind)

    return script


def gives(change: Callable[[bytes], bytes]) -> Script:
    return lambda behind: behind.double.give(change(behind.double.video))


def fault(code: int) -> Answer:
    return failed(code, "Internal error")


def faulty(code: str) -> str:
    return f"The generator had a fault of its own ({code}). Try again later."
