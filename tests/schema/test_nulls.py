"""Null where there is a default stands for the default; documents written when it was refused mean what they did."""

from typing import Any

from db.enums import Visibility
from tests.house import House
from tests.schema.mutate import data_uri, mutate

JOB = {"prompt": "P", "model": "veo-3.1-generate-preview", "resolution": "720p", "aspectRatio": "16:9"}
CREATE = """mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
  videoJob { id durationSeconds generateAudio } errors { code } } }"""


async def test_in_a_video_jobs_input(house: House) -> None:
    caller = await house.user(tokens=1000)
    nulls = {"durationSeconds": None, "generateAudio": None, "referenceImages": None, "expectedCost": None}

    for given, seconds in ((nulls, 8), ({"durationSeconds": 4}, 4)):
        body = await house.graphql(caller, CREATE, input=JOB | {"mockMode": True} | given)

        shown = body["data"]["createVideoJob"]
        job = {"durationSeconds": seconds, "generateAudio": False}
        assert shown == {"videoJob": job | {"id": shown["videoJob"]["id"]}, "errors": []}


async def test_in_a_looks_input(house: House) -> None:
    caller = await house.user()
    image = data_uri()
    new: dict[str, Any] = {"generatedImageBase64": image, "products": [{"name": "Coat", "thumbnailBase64": image}]}

    made = await mutate(
        house,
        caller,
        "createLook(input: $input) { look { id visibility } errors { code } }",
        **new,
        visibility=None,
        sharedWithUserIds=None,
    )
    shared = await mutate(
        house,
        caller,
        "setLookVisibility(input: $input) { look { visibility sharedWith { userId } } errors { code } }",
        id=made["look"]["id"],
        visibility="SHARED",
        sharedWithUserIds=None,
    )

    assert made["look"]["visibility"] == Visibility.PRIVATE.name
    assert shared == {"look": {"visibility": "SHARED", "sharedWith": []}, "errors": []}


async def test_in_arguments(house: House) -> None:
    caller = await house.user()
    look = str((await house.look(caller)).id)

    body = await house.graphql(
        caller,
        """query ($first: Int = 0, $view: LookView) { looks(first: $first, view: $view) { nodes { id } }
        whole: looks(first: null, view: null) { nodes { id } }
        viewer { tokens { transactions(first: $first) { nodes { kind } } } } }""",
        first=None,
        view=None,
    )

    assert body["data"] == {
        "looks": {"nodes": [{"id": look}]},
        "whole": {"nodes": [{"id": look}]},
        "viewer": {"tokens": {"transactions": {"nodes": [{"kind": "WELCOME"}]}}},
    }
