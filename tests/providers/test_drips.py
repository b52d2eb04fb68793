"""Answers that come byte by byte, each in time: no call is waited for without end, and nobody else waits behind it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from providers.omni.generator import OmniAccess, OmniGenerator
from providers.veo.generator import VeoAccess, VeoGenerator
from resolvers.ports import Generated, GeneratorUnreachable, SubmissionUncertain
from tests.doubles.answers import Answer
from tests.doubles.omni import OmniDouble
from tests.doubles.veo import VeoDouble
from tests.providers.front import Front
from tests.providers.veo.asking import asked, files

DRIP = Answer(trouble="drip", accepts=True)

Script = Callable[[str], None]


def veo(front: Front, scratch: Path) -> tuple[VeoGenerator, Script, list[Any]]:
    double = VeoDouble()
    front.app = double.app
    access = VeoAccess(
        location="us-central1", api_key="the key", base_url=front.url, poll_seconds=10.0, scratch=scratch
    )
    generator = VeoGenerator(access)
    scripts = {"submit": double.script_submit, "poll": double.script_poll}
    return generator, lambda kind: scripts[kind](DRIP), double.submits


def omni(front: Front, scratch: Path) -> tuple[OmniGenerator, Script, list[Any]]:
    double = OmniDouble()
    front.app = double.app
    access = OmniAccess(
        api_key="the key", base_url=front.url, api_version="v1beta", poll_seconds=0.02, labelled=False, scratch=scratch
    )
    kinds = {"submit": "create", "poll": "poll"}
    return OmniGenerator(access), lambda kind: double.script(kinds[kind], DRIP), double.creates


@pytest.fixture(params=[veo, omni])
async def dripping(
    request: pytest.FixtureRequest, front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[VeoGenerator | OmniGenerator, Script, list[Any]]]:
    """Yield a generator whose calls may take a quarter of a second, what makes the next one drip, and the submits."""
    generator, script, submits = request.param(front, tmp_path)
    for module in ("providers.google_generator", type(generator).__module__):
        monkeypatch.setattr(f"{module}.LONGEST_CALL_SECONDS", 0.25)
    yield generator, script, submits
    await generator.aclose()


async def test_a_submit_whose_answer_never_ends_is_uncertain(
    dripping: tuple[VeoGenerator | OmniGenerator, Script, list[Any]],
) -> None:
    generator, script, submits = dripping
    script("submit")

    with pytest.raises(SubmissionUncertain):
        await generator.submit(asked())

    assert len(submits) == 1


async def test_a_poll_whose_answer_never_ends_leaves_the_operation_as_it_was(
    dripping: tuple[VeoGenerator | OmniGenerator, Script, list[Any]], tmp_path: Path
) -> None:
    generator, script, _ = dripping
    name = await generator.submit(asked())
    script("poll")

    with pytest.raises(GeneratorUnreachable):
        await generator.poll(name)

    assert files(tmp_path) == []
    assert isinstance(await generator.poll(name), Generated)
