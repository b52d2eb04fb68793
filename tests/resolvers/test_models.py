"""What can be asked of which model: the table, and the sentences that refuse the rest."""

from dataclasses import replace
from typing import Any

import pytest

from db.tables import ImageRole
from resolvers.errors import InvalidInput
from resolvers.models import MODELS, Catalogue, VideoModel
from resolvers.video_job_input import JobImage, VideoJobInput
from tests.house import House

REAL = Catalogue.of({}, real_generation=True)
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
    catalogue = Catalogue.of({LITE: "veo-4-lite", "veo-4": "veo-4-001"}, real_generation=True)

    lite, new = catalogue.model(LITE), catalogue.model("veo-4")
    assert (lite.upstream_id, lite.most_reference_images) == ("veo-4-lite", 0)
    assert new == VideoModel("veo-4", "veo-4-001")
    with pytest.raises(InvalidInput, match=r"Model must be one of .* or 'veo-4'"):
        catalogue.model("veo-5")


def test_the_same_request_has_the_same_digest_and_other_images_another() -> None:
    one, other = replace(ASKED, images=INITIAL), replace(ASKED, images=(replace(INITIAL[0], sha256="other"),))
    stored = replace(ASKED, images=(replace(INITIAL[0], name="another", address="/media/another.png"),))

    assert one.digest() == stored.digest()
    assert len({ASKED.digest(), one.digest(), other.digest()}) == 3


async def test_both_wires_list_the_models(house: House) -> None:
    caller = await house.user()

    over_rest = (await house.http.get("/api/v1/video-models", headers=house.headers(caller))).json()["models"]
    query = """{ videoModels { id upstreamId cost resolutions { resolution durationSeconds } aspectRatios endFrame
                               mostReferenceImages imageDurationSeconds } }"""
    over_graphql = (await house.graphql(caller, query))["data"]["videoModels"]

    assert over_rest[0] == {
        "id": "veo-3.1-generate-preview",
        "upstreamId": "veo-3.1-generate-001",
        "cost": 50,
        "durations": {"720p": [4, 8], "1080p": [8]},
        "aspectRatios": ["16:9", "9:16"],
        "endFrame": True,
        "mostReferenceImages": 3,
        "imageDuration": 8,
    }
    assert [model["id"] for model in over_graphql] == [model["id"] for model in over_rest] == [m.id for m in MODELS]
    assert over_graphql[0]["resolutions"] == [
        {"resolution": "720p", "durationSeconds": [4, 8]},
        {"resolution": "1080p", "durationSeconds": [8]},
    ]
