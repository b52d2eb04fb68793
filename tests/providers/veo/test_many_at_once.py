"""Many submits and polls at once: what waits for what, and what is left when one is cancelled."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from providers.google_generator import POLLS_AT_ONCE
from providers.result_files import result_file
from providers.veo.generator import VeoGenerator
from resolvers.ports import Generated, NotAccepted, QuotaExceeded, StillGenerating, SubmissionUncertain
from tests.doubles.answers import Answer
from tests.doubles.veo import VeoDouble
from tests.house import eventually
from tests.providers.veo.asking import asked, files, number_of

LARGE = 12 * 1024**2  # in base64, twice what the double sends before it counts


async def test_one_large_result_is_read_at_a_time(generator: VeoGenerator, veo: VeoDouble, scratch: Path) -> None:
    veo.give(veo.video, size=LARGE)
    names = [await generator.submit(asked()) for _ in range(3)]

    outcomes = await asyncio.gather(*(generator.poll(name) for name in names))

    assert veo.most_large_answers_under_way == 1
    assert len({outcome.video for outcome in outcomes if isinstance(outcome, Generated)}) == 3
    assert {file.stat().st_size for file in files(scratch)} == {LARGE}


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize("announce_length", [True, False])
async def test_small_answers_pass_large_ones_and_waiting_is_no_timeout(
    another: Callable[..., VeoGenerator], veo: VeoDouble, *, announce_length: bool
) -> None:
    generator = another(timeout_seconds=5.0)
    veo.give(veo.video, size=LARGE)
    veo.announce_length = announce_length
    names = [await generator.submit(asked()) for _ in range(2)]
    veo.hold(names[0])
    first = asyncio.create_task(generator.poll(names[0]))
    await eventually(large_answers(veo), lambda number: number == 1)
    second = asyncio.create_task(generator.poll(names[1]))
    await eventually(number_of(veo.polls), lambda number: number == 2)

    veo.script_poll(*(Answer({"name": "not done"}) for _ in range(100)))
    small = [await generator.poll(names[0]) for _ in range(100)]

    assert all(isinstance(outcome, StillGenerating) for outcome in small)
    assert not first.done()
    assert not second.done()
    veo.release()
    assert all(isinstance(outcome, Generated) for outcome in await asyncio.gather(first, second))


async def test_a_cancelled_poll_leaves_no_file_and_lets_the_next_large_result_in(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    veo.give(veo.video, size=LARGE)
    names = [await generator.submit(asked()) for _ in range(2)]
    veo.hold(names[0])
    reading = asyncio.create_task(generator.poll(names[0]))
    await eventually(large_answers(veo), lambda number: number == 1)
    waiting = asyncio.create_task(generator.poll(names[1]))
    await eventually(number_of(veo.polls), lambda number: number == 2)

    for task in (waiting, reading):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert files(scratch) == []
    veo.release()
    outcome = await generator.poll(names[1])
    assert isinstance(outcome, Generated)
    assert outcome.video.stat().st_size == LARGE


def large_answers(veo: VeoDouble) -> Callable[[], Any]:
    async def read() -> int:
        return veo.large_answers_under_way

    return read


async def test_polls_that_hang_and_are_cancelled_give_their_places_back(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    name = await generator.submit(asked())
    veo.script_poll(*(POLLS_AT_ONCE * [Answer(trouble="hang")]))
    tasks = [asyncio.create_task(generator.poll(name)) for _ in range(POLLS_AT_ONCE + 1)]
    await eventually(number_of(veo.polls), lambda number: number == POLLS_AT_ONCE)

    for task in tasks[:-1]:
        task.cancel()

    assert isinstance(await tasks[-1], Generated)
    assert len(files(scratch)) == 1


async def test_a_file_that_nobody_waits_for_any_more_does_not_stay(tmp_path: Path) -> None:
    begun, go_on = Event(), Event()

    def fill(file: Path) -> None:
        begun.set()
        go_on.wait(60)
        file.write_bytes(b"too late")
        ended.set()

    ended = Event()
    task = asyncio.create_task(result_file(tmp_path, fill))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.to_thread(ended.wait, 60)

    async def left() -> list[Path]:
        return files(tmp_path)

    assert await eventually(left, lambda found: not found) == []


async def test_chance_fails_the_share_it_was_told_and_never_starts_a_job_twice(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.failure_rate = 0.3
    outcomes = await asyncio.gather(
        *(generator.submit(asked(prompt=str(number))) for number in range(200)), return_exceptions=True
    )

    kinds = {type(outcome) for outcome in outcomes}
    assert kinds == {str, NotAccepted, QuotaExceeded, SubmissionUncertain}
    assert math.isclose(veo.failures.total(), 60, abs_tol=30)
    assert set(veo.accepted_by_prompt().values()) == {1}
    names = {outcome for outcome in outcomes if isinstance(outcome, str)}
    lost = veo.failures["drop after acceptance"] + veo.failures["bad JSON"]
    assert len(veo.accepted) == len(names) + lost
