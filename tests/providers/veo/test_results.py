"""Results: videos in answers and in buckets, each written whole to a file of its own."""

import base64
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from providers.veo.generator import VeoGenerator
from resolvers.ports import Generated, GenerationFailed, GeneratorUnreachable, ResultUnreadable
from tests.doubles.answers import Answer, done, error
from tests.doubles.veo import VeoDouble
from tests.providers.veo.asking import asked, files, finished


async def test_a_video_is_written_whole_to_a_file_of_its_own(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    name = await generator.submit(asked())

    first, second = [await generator.poll(name) for _ in range(2)]

    assert isinstance(first, Generated)
    assert isinstance(second, Generated)
    assert first.is_temporary
    assert list(first.warnings) == []
    assert {first.video.parent, second.video.parent} == {scratch}
    assert first.video != second.video
    assert first.video.read_bytes() == second.video.read_bytes() == veo.video


@pytest.mark.parametrize("line_break", ["\n", "\r\n", " \t"])
@pytest.mark.usefixtures("scratch")
async def test_base64_may_have_line_breaks(generator: VeoGenerator, veo: VeoDouble, line_break: str) -> None:
    encoded = base64.b64encode(veo.video).decode()
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    veo.script_poll(done(response={"videos": [{"bytesBase64Encoded": line_break.join(lines) + line_break}]}))

    outcome = await finished(generator)

    assert outcome.video.read_bytes() == veo.video


@pytest.mark.usefixtures("scratch")
async def test_a_video_of_which_something_was_filtered_comes_with_warnings(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.filter_reasons = ["The audio was removed."]

    outcome = await finished(generator)

    assert [warning.endswith(": The audio was removed.") for warning in outcome.warnings] == [True]
    assert outcome.video.read_bytes() == veo.video


async def test_a_scratch_folder_that_cannot_be_written_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    generator = another(scratch=tmp_path / "file")

    with pytest.raises(GeneratorUnreachable, match="scratch"):
        await finished(generator)


@pytest.fixture
def bucketed(
    another: Callable[..., VeoGenerator], veo: VeoDouble, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], VeoGenerator]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", veo.url)
    return lambda: another(output_gcs_uri="gs://ours/videos/")


async def test_a_video_in_a_bucket_is_downloaded(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path
) -> None:
    veo.filter_reasons = ["The audio was removed."]
    generator = bucketed()

    outcome = await generator.poll(await generator.submit(asked(attempt=2)))

    folder = f"gs://ours/videos/{UUID(int=7)}-2/"
    assert veo.submits[0].body["parameters"]["storageUri"] == folder
    assert list(veo.bucket) == [f"{folder}sample_0.mp4"]
    assert isinstance(outcome, Generated)
    assert outcome.is_temporary
    assert len(outcome.warnings) == 1
    assert outcome.video.parent == scratch
    assert outcome.video.read_bytes() == veo.video


async def test_a_video_that_is_gone_from_its_bucket_is_lost(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path
) -> None:
    veo.script_download(error(404, "No such object"))

    with pytest.raises(GenerationFailed) as caught:
        await finished(bucketed())

    assert caught.value.code == "RESULT_LOST"
    assert files(scratch) == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        *((error(status, "Later"), GeneratorUnreachable) for status in (429, 500, 502, 503, 504)),
        (Answer(trouble="drop"), GeneratorUnreachable),
        (Answer(b"half a video", trouble="drop mid-body"), GeneratorUnreachable),
        (error(403, "Denied"), ResultUnreadable),
    ],
)
async def test_a_bucket_in_trouble_is_waited_for_and_one_that_keeps_us_out_is_not_for_long(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path, answer: Answer, meaning: type[Exception]
) -> None:
    generator = bucketed()
    veo.script_download(answer)
    name = await generator.submit(asked())

    with pytest.raises(meaning, match=r"^gs://ours/videos/"):
        await generator.poll(name)

    assert files(scratch) == []
    assert isinstance(await generator.poll(name), Generated)
