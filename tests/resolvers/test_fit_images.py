"""Images are stored and sent on upright, as what the reader takes, and without what a phone wrote beside the pixels."""

import base64
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from auth.caller import Caller
from db.tables import VideoJobImage
from tests.house import FORM, House, multipart
from tests.media.photographs import FORMATS, PLACES, SECRET, UPRIGHT, photograph, seen_corners
from tests.schema.mutate import png
from tests.schema.uploads import CREATE, CREATE_LOOK, JOB, nothing_written

TURNED = 6
FIELDS = ["initialImage", "endFrame", "referenceImages"]
PLACES_OF_FIELDS = ["initialImage", "endFrame", "referenceImages.0"]


async def by_rest(house: House, caller: Caller, files: list[tuple[str, bytes]]) -> tuple[str | None, Any]:
    """Create a job from images; return its id, or the refusal's field and sentence."""
    parts: list[Any] = [*multipart(FORM), *((name, ("a", data, "image/jpeg")) for name, data in files)]
    answer = await house.http.post("/api/v1/video-jobs", files=parts, headers=house.headers(caller))
    body = answer.json()
    return body.get("id"), (body.get("field"), body.get("detail"))


async def by_graphql(house: House, caller: Caller, files: list[tuple[str, bytes]]) -> tuple[str | None, Any]:
    """As above."""
    places = ["referenceImages.0" if name == "referenceImages" else name for name, _ in files]
    given = {name: [None] if name == "referenceImages" else None for name, _ in files}
    operations = {"query": CREATE, "variables": {"input": JOB | given}}
    paths = {str(number): [f"variables.input.{place}"] for number, place in enumerate(places)}
    parts: list[Any] = multipart({"operations": json.dumps(operations), "map": json.dumps(paths)})
    parts += [(str(number), ("a", data, "image/jpeg")) for number, (_, data) in enumerate(files)]
    answer = await house.http.post("/graphql", files=parts, headers=house.headers(caller))
    payload = answer.json()["data"]["it"]
    error = (payload["errors"] or [{"field": None, "message": None}])[0]
    return (payload["videoJob"] or {}).get("id"), (error["field"], error["message"])


both_wires = pytest.mark.parametrize("create", [by_rest, by_graphql])


async def kept(house: House) -> list[httpx.Response]:
    async with house.database.session() as session:
        addresses = await session.scalars(select(VideoJobImage.address).order_by(VideoJobImage.position))
        return [await house.http.get(address) for address in addresses]


@both_wires
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("field", FIELDS)
async def test_a_photograph_is_sent_on_upright(house: House, create: Any, kind: str, field: str) -> None:
    made, _ = await create(house, await house.user(), [(field, photograph(kind, TURNED))])

    (image,) = await kept(house)
    assert made
    assert seen_corners(image.content) == UPRIGHT
    assert SECRET not in image.content
    assert image.headers["Content-Type"] in {"image/jpeg", "image/png"}


@both_wires
@pytest.mark.parametrize(("field", "place"), list(zip(FIELDS, PLACES_OF_FIELDS, strict=True)))
@pytest.mark.parametrize("what", ["GIF", "no image"])
async def test_a_refusal_says_what_is_taken(house: House, create: Any, field: str, place: str, what: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    data = PLACES["GIF comment"]() if what == "GIF" else b"<html>"

    made, refusal = await create(house, caller, [(field, data)])

    formats = "JPEG, PNG, WebP or AVIF"
    sentence = f"must be a {formats} image" if what == "GIF" else f"is not an image ({formats})"
    assert (made, refusal) == (None, (place, f"{place} {sentence}"))
    assert await nothing_written(house, caller) == before


@both_wires
async def test_the_place_of_a_reference_image_is_told(house: House, create: Any) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    if create is by_graphql:
        operations = {"query": CREATE, "variables": {"input": JOB | {"referenceImages": [None, None]}}}
        paths = {str(number): [f"variables.input.referenceImages.{number}"] for number in range(2)}
        parts: list[Any] = multipart({"operations": json.dumps(operations), "map": json.dumps(paths)})
        parts += [("0", ("a", png(), "image/png")), ("1", ("a", b"?", "image/png"))]
        answer = await house.http.post("/graphql", files=parts, headers=house.headers(caller))
        (error,) = answer.json()["data"]["it"]["errors"]
    else:
        _, (field, message) = await by_rest(house, caller, [("referenceImages", png()), ("referenceImages", b"?")])
        error = {"field": field, "message": message}

    assert error["field"] == "referenceImages.1"
    assert error["message"] == "referenceImages.1 is not an image (JPEG, PNG, WebP or AVIF)"
    assert await nothing_written(house, caller) == before


@both_wires
@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
async def test_an_image_with_broken_pixels_makes_no_job(house: House, create: Any, kind: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    data = bytearray(photograph(kind))
    begin = data.index(b"VP8 ") + 8 if kind == "WEBP" else data.index(b"mdat") + 4
    data[begin:] = b"\xff" * (len(data) - begin)

    made, (field, message) = await create(house, caller, [("initialImage", png()), ("endFrame", bytes(data))])

    assert (made, field, message) == (None, "endFrame", "endFrame is not an image (JPEG, PNG, WebP or AVIF)")
    assert await nothing_written(house, caller) == before


async def test_a_looks_own_image_starts_its_video(house: House) -> None:
    caller = await house.user()
    text = base64.b64encode(photograph("WEBP", TURNED)).decode()
    product = {"name": "Coat", "thumbnailBase64": base64.b64encode(photograph("AVIF", TURNED)).decode()}
    body = {"generatedImageBase64": text, "products": [product]}
    look = (await house.http.post("/api/v1/looks", json=body, headers=house.headers(caller))).json()
    image = await house.http.get(look["generatedImageUrl"])
    thumbnail = await house.http.get(look["products"][0]["thumbnailUrl"])

    made, _ = await by_rest(house, caller, [("initialImage", image.content)])

    assert (image.headers["Content-Type"], thumbnail.headers["Content-Type"]) == ("image/webp", "image/jpeg")
    (sent,) = await kept(house)
    assert made
    assert sent.headers["Content-Type"] == "image/jpeg"
    for shown in (image, thumbnail, sent):
        assert seen_corners(shown.content) == UPRIGHT
        assert SECRET not in shown.content


@pytest.mark.parametrize("place", PLACES)
async def test_a_look_shows_no_metadata(house: House, place: str) -> None:
    data = base64.b64encode(PLACES[place]()).decode()
    body = await house.graphql(
        await house.user(),
        CREATE_LOOK.replace("{ id }", "{ generatedImageUrl products { thumbnailUrl } }"),
        input={"generatedImageBase64": data, "products": [{"name": "Coat", "thumbnailBase64": data}]},
    )

    look = body["data"]["it"]["look"]
    urls = [look["generatedImageUrl"], look["products"][0]["thumbnailUrl"]]
    shown = [await house.http.get(url) for url in urls]
    assert [(one.status_code, SECRET in one.content) for one in shown] == [(200, False), (200, False)]


async def test_a_repeated_request_is_known_by_what_was_sent(house: House) -> None:
    headers = house.headers(await house.user()) | {"Idempotency-Key": "once"}
    parts: list[Any] = [*multipart(FORM), ("initialImage", ("a.webp", photograph("WEBP", TURNED), "image/webp"))]
    other: list[Any] = [*multipart(FORM), ("initialImage", ("a.webp", photograph("WEBP", 3), "image/webp"))]

    first, again, changed = [
        await house.http.post("/api/v1/video-jobs", files=form, headers=headers) for form in (parts, parts, other)
    ]

    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert (changed.status_code, changed.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
