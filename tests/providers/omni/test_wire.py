"""What goes over the wire with a key of the Developer API: Google's own SDK against a double of Omni."""

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media.images import Image
from providers.omni.generator import OmniAccess, OmniGenerator
from providers.omni.requests import AS_REFERENCES, WITHOUT_PROMPT, without_role_words
from resolvers.ports import Generated, GenerationFailed, GenerationRequest, StillGenerating, VideoGenerator
from tests.doubles.omni import OmniDouble
from tests.providers.veo import asking
from tests.providers.veo.asking import files

MODEL = "gemini-omni-1.2-flash"
FIRST, LAST = Image(b"\xff\xd8\xfe\xfb\xff first", "image/jpeg", "jpg"), Image(b"\x89PNG last", "image/png", "png")
ONE, TWO = Image(b"\x89PNG one", "image/png", "png"), Image(b"RIFF two", "image/webp", "webp")


def asked(**changes: Any) -> GenerationRequest:
    return asking.asked(**{"model": MODEL} | changes)


def test_it_fits_the_port(generator: OmniGenerator) -> None:
    port: VideoGenerator = generator  # mypy is the one who checks this

    assert port.submitting_costs


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "seconds"), [*itertools.product(("720p", "1080p"), ("16:9", "9:16"), (4, 8))]
)
async def test_each_form_goes_out_with_what_omni_requires_and_nothing_else(
    generator: OmniGenerator, omni: OmniDouble, resolution: str, aspect_ratio: str, seconds: int
) -> None:
    name = await generator.submit(
        asked(resolution=resolution, aspect_ratio=aspect_ratio, duration_seconds=seconds, generate_audio=False)
    )

    (create,) = omni.creates
    assert create.id == name
    assert create.path == "/v1beta/interactions"
    assert create.headers["x-goog-api-key"] == "the key"
    assert create.body == {
        "model": MODEL,
        "background": True,
        "store": True,
        "input": [{"type": "user_input", "content": [{"type": "text", "text": "A dress in the wind"}]}],
        "generation_config": {"video_config": {"task": "text_to_video"}},
        "response_format": {
            "type": "video",
            "aspect_ratio": aspect_ratio,
            "resolution": resolution,
            "duration": f"{seconds}s",
            "delivery": "uri",
        },
    }


ROLES = [
    ({"initial_image": FIRST}, [FIRST], "image_to_video", "<FIRST_FRAME> She turns"),
    ({"initial_image": FIRST, "prompt": None}, [FIRST], "image_to_video", f"<FIRST_FRAME> {WITHOUT_PROMPT}"),
    (
        {"initial_image": FIRST, "end_frame": LAST},
        [FIRST, LAST],
        "image_to_video",
        "<FIRST_FRAME> <LAST_FRAME> She turns",
    ),
    (
        {"reference_images": (ONE, TWO)},
        [ONE, TWO],
        "reference_to_video",
        f"[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2] She turns {AS_REFERENCES}",
    ),
    (
        {"initial_image": FIRST, "reference_images": (ONE, TWO)},
        [FIRST, ONE, TWO],
        "image_to_video",
        "[# Sources <FIRST_FRAME>@Image1] [# References <IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3] She turns",
    ),
]


@pytest.mark.parametrize("case", ROLES)
async def test_images_go_out_in_their_roles(
    generator: OmniGenerator, omni: OmniDouble, case: tuple[dict[str, Any], list[Image], str, str]
) -> None:
    changes, images, task, text = case
    await generator.submit(asked(**{"prompt": "She turns"} | changes))

    (create,) = omni.creates
    assert create.images == [(image.data, image.media_type) for image in images]
    assert create.text == text
    assert create.body["generation_config"] == {"video_config": {"task": task}}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("<FIRST_FRAME> She turns", "She turns"),
        ("She < last frame > turns", "She   turns"),
        ("She <image_ref_12> turns", "She   turns"),
        ("<FIRST_<FIRST_FRAME>FRAME> She turns", "She turns"),
        ("[# Sources <FIRST_FRAME>@Image1] She turns", "She turns"),
        ("She turns [# References <IMAGE_REF_0>@Image2", "She turns"),
        ("She turns like @Image1", "She turns like"),
        ("She's <3 [blue] #1 at me@image.example", "She's <3 [blue] #1 at me@image.example"),
        ("<FIRST_FRAME>", ""),
    ],
)
def test_words_for_roles_are_taken_out_of_what_users_write(written: str, sent: str) -> None:
    assert without_role_words(written) == sent


async def test_a_prompt_of_such_words_alone_is_never_sent(generator: OmniGenerator, omni: OmniDouble) -> None:
    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked(prompt="<FIRST_FRAME> [# x]"))

    assert (caught.value.code, omni.creates) == ("REJECTED_BY_GENERATOR", [])


async def test_a_submit_with_large_images_is_sent_whole(generator: OmniGenerator, omni: OmniDouble) -> None:
    image = Image(bytes(5 * 1024**2), "image/png", "png")

    await asyncio.gather(*(generator.submit(asked(initial_image=image)) for _ in range(3)))

    assert [create.images for create in omni.creates] == 3 * [[(image.data, "image/png")]]


async def test_labels_name_job_and_attempt_where_an_operator_wants_them(access: OmniAccess, omni: OmniDouble) -> None:
    generator = OmniGenerator(replace(access, labelled=True))
    await generator.submit(asked(attempt=2))
    await generator.aclose()

    assert omni.creates[0].body["labels"] == {"job": "00000000-0000-0000-0000-000000000007", "attempt": "2"}


async def test_the_environment_does_not_turn_the_client_into_the_other_one(
    access: OmniAccess, omni: OmniDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    monkeypatch.setenv("GOOGLE_API_KEY", "not to be used")
    generator = OmniGenerator(access)
    await generator.submit(asked())
    await generator.aclose()

    assert omni.creates[0].path == "/v1beta/interactions"
    assert omni.creates[0].headers["x-goog-api-key"] == "the key"


@pytest.mark.usefixtures("scratch")
async def test_any_generator_goes_on_with_an_interaction_of_which_it_knows_the_id(
    access: OmniAccess, generator: OmniGenerator, omni: OmniDouble
) -> None:
    omni.polls_until_done = 1
    name = await generator.submit(asked())
    assert isinstance(await generator.poll(name), StillGenerating)
    another = OmniGenerator(access)

    outcome = await another.poll(name)
    await another.aclose()

    assert isinstance(outcome, Generated)
    assert outcome.is_temporary
    assert outcome.video.read_bytes() == omni.video
    assert omni.polls == [name, name]
    assert [file for file, _ in omni.downloads] == [name.removeprefix("v1_")]


async def test_a_file_that_is_being_written_is_waited_for(
    generator: OmniGenerator, omni: OmniDouble, scratch: Path
) -> None:
    omni.polls_until_active = 1
    name = await generator.submit(asked())

    first, second = await generator.poll(name), await generator.poll(name)

    assert isinstance(first, StillGenerating)
    assert isinstance(second, Generated)
    assert files(scratch) == [second.video]


@pytest.mark.usefixtures("scratch")
async def test_a_redirect_of_the_download_is_followed_without_the_key(
    generator: OmniGenerator, omni: OmniDouble
) -> None:
    omni.redirects = True

    outcome = await generator.poll(await generator.submit(asked()))

    assert isinstance(outcome, Generated)
    assert outcome.video.read_bytes() == omni.video


async def test_a_cancellation_is_passed_on_and_its_failure_is_nobodys(
    generator: OmniGenerator, omni: OmniDouble
) -> None:
    name = await generator.submit(asked())

    await generator.cancel(name)
    await generator.cancel("v1_unknown")

    assert omni.cancels == [name, "v1_unknown"]
