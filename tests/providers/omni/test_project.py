"""Omni as a Google Cloud project: another path and credential, and videos with the answer or by bucket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers.omni.generator import OmniAccess, OmniGenerator
from resolvers.ports import Generated, GenerationFailed, GeneratorUnreachable
from tests.doubles.answers import Answer, error
from tests.doubles.google_account import service_account_file
from tests.doubles.omni import OmniDouble, ended, output
from tests.providers.omni.test_wire import asked

BOXES = 4 * 1024**2


@pytest.fixture
async def project(
    access: OmniAccess, omni: OmniDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., OmniGenerator]]:
    """Generators that show a project's token."""
    account = service_account_file(tmp_path / "account.json", f"{omni.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    monkeypatch.setenv("GOOGLE_API_KEY", "not to be used")
    made: list[OmniGenerator] = []

    def make(**changes: Any) -> OmniGenerator:
        made.append(OmniGenerator(replace(access, api_key=None, project="ours", api_version="v1beta1", **changes)))
        return made[-1]

    yield make
    for generator in made:
        await generator.aclose()


@pytest.mark.usefixtures("scratch")
async def test_a_project_shows_a_token_at_the_global_location_and_gets_the_video_with_the_answer(
    project: Callable[..., OmniGenerator], omni: OmniDouble
) -> None:
    generator = project()

    outcome = await generator.poll(await generator.submit(asked()))

    (create,) = omni.creates
    assert create.path == "/v1beta1/projects/ours/locations/global/interactions"
    assert create.headers["authorization"] == "Bearer token-1"
    assert "x-goog-api-key" not in create.headers
    assert create.body["response_format"]["delivery"] == "inline"
    assert isinstance(outcome, Generated)
    assert outcome.video.read_bytes() == omni.video


async def test_with_a_bucket_each_attempt_has_a_folder_of_its_own(
    project: Callable[..., OmniGenerator], omni: OmniDouble
) -> None:
    await project(output_gcs_uri="gs://ours/videos/").submit(asked(attempt=2))

    delivery = omni.creates[0].body["response_format"]
    folder = "gs://ours/videos/00000000-0000-0000-0000-000000000007-2/"
    assert (delivery["delivery"], delivery["gcs_uri"]) == ("uri", folder)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [(error(404, "No such object"), GenerationFailed), (error(503, "Later"), GeneratorUnreachable)],
)
async def test_a_file_in_a_bucket_is_lost_or_fetched_later(
    generator: OmniGenerator,
    omni: OmniDouble,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    meaning: type[Exception],
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", omni.url)
    name = await generator.submit(asked())
    omni.script("poll", ended("completed", output({"type": "video", "uri": "gs://ours/videos/a.mp4"})))
    omni.script("object", answer)

    with pytest.raises(meaning) as caught:
        await generator.poll(name)

    assert getattr(caught.value, "code", "RESULT_LOST") == "RESULT_LOST"


@pytest.mark.usefixtures("scratch")
async def test_two_videos_at_a_time_are_downloaded(generator: OmniGenerator, omni: OmniDouble) -> None:
    omni.video += (BOXES.to_bytes(4, "big") + b"free").ljust(BOXES, b"\0")
    names = [await generator.submit(asked()) for _ in range(8)]

    outcomes = await asyncio.gather(*map(generator.poll, names))

    assert [type(outcome) for outcome in outcomes] == [Generated] * 8
    assert omni.most_under_way <= 2
