"""How checks are made: no longer than they may take, and with clocks that are seldom quite the same."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.doctor_database import CHECK_SECONDS, Check, State, compared, found
from db.engine.errors import EmbeddedServerUnavailable


async def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor_database.CHECK_SECONDS", 0.01)

    async def hang() -> Any:
        await asyncio.sleep(60)

    finding = await found(Check("anything", hang, "Do something."))

    assert CHECK_SECONDS == 10
    assert (finding.state, finding.text) == (State.FAILED, "No answer within 0 s. Do something.")


async def test_what_another_program_says_is_part_of_it() -> None:
    async def fail() -> Any:
        raise EmbeddedServerUnavailable("PostgreSQL does not start. It says:\nFATAL: no space")

    finding = await found(Check("database", fail, "Make room."))

    assert finding.text == "PostgreSQL does not start. It says: FATAL: no space. Make room."


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.OK), (-4, State.OK), (30, State.WARNING), (-300, State.FAILED)]
)
def test_clocks_may_differ_by_a_little(seconds: int, state: State) -> None:
    theirs = datetime.now(UTC) + timedelta(seconds=seconds)

    assert compared(time.time(), theirs, "theirs")[0] == state
