"""What can be asked of which model: the table, and the sentences that refuse the rest."""

import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import PIL.Image
import pytest
from starlette.datastructures import UploadFile

from db.enums import ImageRole
from providers.mock.models import ANY_MODEL
from providers.veo.models import MODELS, offered
from resolvers.errors import InvalidInput
from resolvers.models import Catalogue, Provider, VideoModel
from resolvers.video_job_images import Uploads, inspected
from resolvers.video_job_input import JobImage, VideoJobInput
from tests.house import House

REAL = Catalogue.of(ANY_MODEL, {Provider("veo"): MODELS})
ASKED = VideoJobInput(
    model="veo-3.1-generate-preview", resolution="720p", aspect_ratio="16:9", mock_mode=False, prompt="She turns"
)
LITE = "veo-3.1-lite-generate-001"


def images(*roles: ImageRole) -> tuple[JobImage, ...]:
    return tuple(JobImage(role, n, f"{n}", "image/png", "png", f"image-{n}") for n, role in enumerate(roles))


INITIAL, END, REFERENCE = images(ImageRole.INITIAL), images(ImageRole.END), images(ImageRole.REFERENCE)
BOTH = images(ImageRole.INITIAL, ImageRole.END)
THREE = images(*[ImageRole.REFERENCE] * 3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"duration_seconds": 4},
        {"resolution": "1080p"},
        {"resolution": "1080p", "aspect_ratio": "9:16"},
        {"images": INITIAL, "prompt": None, "duration_seconds": 4},
        {"images": BOTH},
        {"images": BOTH, "resolution": "1080p", "model": LITE},
        {"images": THREE},
    ],
)
def test_what_veo_accepts_is_accepted(changes: dict[str, Any]) -> None:
    assert list(replace(ASKED, **changes).violations(REAL)) == []


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"resolution": "1080p", "duration_seconds": 4},
            "durationSeconds",
            "With 1080p, veo-3.1-generate-preview makes videos of 8 seconds only",
        ),
        ({"images": END}, "endFrame", "An 'endFrame' needs an 'initialImage'"),
        ({"images": BOTH, "duration_seconds": 4}, "durationSeconds", "A video with an 'endFrame' has 8 seconds"),
        ({"images": REFERENCE, "model": LITE}, "referenceImages", f"{LITE} takes no 'referenceImages'"),
        (
            {"images": INITIAL + REFERENCE},
            "referenceImages",
            "'referenceImages' do not go together with 'initialImage' or 'endFrame'",
        ),
        (
            {"images": REFERENCE, "duration_seconds": 4},
            "durationSeconds",
            "A video with 'referenceImages' has 8 seconds",
        ),
    ],
)
def test_what_veo_refuses_is_refused_for_real_videos_alone(changes: dict[str, Any], field: str, sentence: str) -> None:
    asked = replace(ASKED, **changes)

    assert [(found.field, found.message) for found in asked.violations(REAL)] == [(field, sentence)]
    assert list(replace(asked, mock_mode=True).violations(REAL)) == []


def test_reference_images_need_a_prompt() -> None:
    asked = replace(ASKED, images=INITIAL + REFERENCE, prompt=None)

    assert "'referenceImages' need a 'prompt'" in [found.message for found in asked.violations(REAL)]


def test_four_reference_images_are_too_many_in_mock_mode_too() -> None:
    asked = replace(ASKED, images=images(*[ImageRole.REFERENCE] * 4), mock_mode=True)

    assert [found.field for found in asked.violations(REAL)] == ["referenceImages"]


def test_the_frontends_ids_lead_to_live_models() -> None:
    upstream = {model.id: model.upstream_id for model in MODELS}

    assert upstream["veo-3.1-generate-preview"] == "veo-3.1-generate-001"
    assert upstream["veo-3.1-fast-generate-preview"] == "veo-3.1-fast-generate-001"
    assert {model.cost for model in MODELS} == {50}


def test_an_operator_can_map_ids_and_add_new_ones() -> None:
    catalogue = Catalogue.of(ANY_MODEL, {Provider("veo"): offered({LITE: "veo-4-lite", "veo-4": "veo-4-001"})})

    lite, new = catalogue.models[LITE], catalogue.models["veo-4"]
    assert (lite.upstream_id, lite.most_reference_images) == ("veo-4-lite", 0)
    assert new == replace(MODELS[0], id="veo-4", upstream_id="veo-4-001", mock_words=ANY_MODEL.mock_words)
    (refusal,) = replace(ASKED, model="veo-5").violations(catalogue)
    assert refusal.field == "model"
    assert re.fullmatch(f"Model must be one of '.*', '{LITE}' or 'veo-4'", refusal.message)


# A model of another provider, as different as can be.
SHORT = VideoModel(
    id="short-1",
    upstream_id="short-1",
    provider="other",
    durations={"360p": (3,), "720p": (4, 6)},
    aspect_ratios=("1:1", "16:9"),
    end_frame=False,
    most_reference_images=1,
    image_duration=4,
    image_media_types=("image/jpeg", "image/png", "image/webp"),
)
WIDER = Catalogue.of(ANY_MODEL, {Provider("veo"): MODELS, Provider("other"): [SHORT]})


@pytest.mark.parametrize(
    "changes",
    [
        {"duration_seconds": 6},
        {"resolution": "360p", "duration_seconds": 3},
        {"aspect_ratio": "1:1", "duration_seconds": 4},
        {"images": REFERENCE, "duration_seconds": 4},
    ],
)
def test_each_model_has_lengths_and_shapes_of_its_own(changes: dict[str, Any]) -> None:
    asked = replace(ASKED, model=SHORT.id, **changes)

    assert list(asked.violations(WIDER)) == []
    assert list(asked.violations(REAL)) != []


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"resolution": "360p"}, "resolution", "Resolution must be '720p' or '1080p' with {}"),
        ({"aspect_ratio": "1:1"}, "aspectRatio", "Aspect ratio must be '16:9' or '9:16' with {}"),
        ({"duration_seconds": 6}, "durationSeconds", "With 720p, {} makes videos of 4 or 8 seconds only"),
    ],
)
def test_what_another_model_offers_is_refused_for_veo_and_for_mock_videos_of_any_model(
    changes: dict[str, Any], field: str, sentence: str
) -> None:
    asked = replace(ASKED, **changes)
    mock = replace(asked, mock_mode=True)

    assert [(found.field, found.message) for found in asked.violations(WIDER)] == [
        (field, sentence.format(ASKED.model))
    ]
    for model in (ASKED.model, SHORT.id):
        found = [(found.field, found.message) for found in replace(mock, model=model).violations(WIDER)]
        assert found == [(field, sentence.format("mock mode"))]


def test_what_no_model_offers_is_refused_by_what_there_is() -> None:
    asked = replace(ASKED, resolution="4k", aspect_ratio="4:3", duration_seconds=60)
    sentences = [
        "Resolution must be '720p', '1080p' or '360p'",
        "Aspect ratio must be '16:9', '9:16' or '1:1'",
        "Duration must be 3, 4, 6 or 8 seconds",
    ]

    for mock_mode in (False, True):
        assert [found.message for found in replace(asked, mock_mode=mock_mode).violations(WIDER)] == sentences


def picture(kind: str, *, more: Sequence[str] = ()) -> UploadFile:
    file = BytesIO()
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in more]
    PIL.Image.new("RGB", (8, 8)).save(file, kind, **({"save_all": True, "append_images": frames} if frames else {}))
    return UploadFile(file, size=len(file.getvalue()))


@pytest.mark.parametrize(
    ("changes", "kind", "given"),
    [
        ({"model": SHORT.id}, "WEBP", "image/webp"),
        ({"model": f" models/{SHORT.id} "}, "WEBP", "image/webp"),
        ({"model": SHORT.id}, "AVIF", "image/jpeg"),
        ({}, "WEBP", "image/jpeg"),
        ({"model": SHORT.id, "mock_mode": True}, "WEBP", "image/jpeg"),
        ({"model": "unknown"}, "WEBP", "image/jpeg"),
        ({"model": "unknown"}, "PNG", "image/png"),
    ],
)
async def test_each_model_is_given_its_own_kinds_of_images(changes: dict[str, Any], kind: str, given: str) -> None:
    asked, uploads = replace(ASKED, **changes), Uploads(initial_image=picture(kind))

    (image,) = (await inspected(asked, uploads, WIDER)).images

    assert image.media_type == given


async def test_no_model_is_given_an_animation() -> None:
    with pytest.raises(InvalidInput, match=r"^initialImage must be a JPEG, PNG, WebP or AVIF image$"):
        await inspected(replace(ASKED, model=SHORT.id), Uploads(initial_image=picture("GIF")), WIDER)
    for kind in ("PNG", "WEBP", "AVIF"):
        moving = Uploads(initial_image=picture(kind, more=["red", "lime"]))
        with pytest.raises(InvalidInput, match=r"^initialImage is an animation, where a single picture is wanted$"):
            await inspected(replace(ASKED, model=SHORT.id), moving, WIDER)


def test_the_same_request_has_the_same_digest_and_other_images_another() -> None:
    one, other = replace(ASKED, images=INITIAL), replace(ASKED, images=(replace(INITIAL[0], sha256="other"),))
    stored = replace(ASKED, images=(replace(INITIAL[0], name="another", address="/media/another.png"),))

    assert one.digest() == stored.digest()
    assert len({ASKED.digest(), one.digest(), other.digest()}) == 3


async def test_both_wires_list_the_models(house: House) -> None:
    caller = await house.user()

    over_rest = (await house.http.get("/api/v1/video-models", headers=house.headers(caller))).json()["models"]
    query = """{ videoModels { id provider available upstreamId cost resolutions { resolution durationSeconds }
                               aspectRatios endFrame mostReferenceImages imageDurationSeconds mixesImages
                               mostPromptCharacters imageFormats mostImageBytes } }"""
    over_graphql = (await house.graphql(caller, query))["data"]["videoModels"]

    assert over_rest[0] == {
        "id": "veo-3.1-generate-preview",
        "provider": "veo",
        "upstreamId": "veo-3.1-generate-001",
        "available": False,
        "cost": 50,
        "durations": {"720p": [4, 8], "1080p": [8]},
        "aspectRatios": ["16:9", "9:16"],
        "endFrame": True,
        "mostReferenceImages": 3,
        "imageDuration": 8,
        "mixesImages": False,
        "mockWords": list(ANY_MODEL.mock_words),
    }
    assert (
        [model["id"] for model in over_graphql]
        == [model["id"] for model in over_rest]
        == [
            *(model.id for model in MODELS),
            "gemini-omni-1.2-flash",
        ]
    )
    assert over_rest[-1]["imageDuration"] is over_graphql[-1]["imageDurationSeconds"] is None
    assert [model["provider"] for model in over_graphql] == [model["provider"] for model in over_rest]
    limits = [
        [model[name] for name in ("mostPromptCharacters", "imageFormats", "mostImageBytes")] for model in over_graphql
    ]
    formats = ["image/jpeg", "image/png", "image/webp", "image/avif"]
    assert limits == [[4000, formats, 20 * 1024 * 1024]] * len(over_rest)
    assert over_graphql[0]["resolutions"] == [
        {"resolution": "720p", "durationSeconds": [4, 8]},
        {"resolution": "1080p", "durationSeconds": [8]},
    ]
