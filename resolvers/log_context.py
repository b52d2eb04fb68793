"""Whose log lines these are: ids that each line carries which is written for a request or a job.

Ids alone, never what somebody has written: lines are kept for longer, and read by more people, than prompts are.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))


def bind(**ids: object) -> None:
    """Add ids to the lines of the running task, and of those that it starts from now on."""
    _context.set({**_context.get(), **ids})


def bound() -> Mapping[str, str]:
    """Return the ids of the running task, by name."""
    return {name: str(value) for name, value in _context.get().items()}
