"""A form that asks for a video is understood whole: each part of it has its place in the job, or nothing is made."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from auth.caller import Caller
from db.enums import ImageRole
from db.tables import VideoJobImage
from tests.house import FORM, House, multipart
from tests.schema.mutate import png
from tests.schema.uploads import nothing_written

PATH = "/api/v1/video-jobs"
Parts = list[tuple[str, Any]]
BLANK = ("", b"", "application/octet-stream")
SPELLINGS = ["referenceImages", "reference_images"]


def image(name: str, color: str = "red") -> tuple[str, Any]:
    return name, ("look.png", png(color), "image/png")


async def post(house: House, caller: Caller, parts: Parts, query: str = "", **headers: str) -> httpx.Response:
    return await house.http.post(PATH + query, files=parts, headers=house.headers(caller) | headers)


async def refused(house: House, parts: Parts, query: str = "") -> tuple[int, str, str | None]:
    """Return status, sentence and field of a refusal that has left nothing behind."""
    caller = await house.user()
    before = await nothing_written(house, caller)
    answer = await post(house, caller, parts, query)
    assert await nothing_written(house, caller) == before
    return answer.status_code, answer.json()["detail"], answer.json().get("field")


async def images_of(house: House, answer: httpx.Response) -> list[tuple[str, bytes]]:
    """Return role and contents of a new job's images, in their order."""
    assert answer.status_code == 202, answer.text
    query = select(VideoJobImage.role, VideoJobImage.address).order_by(VideoJobImage.position)
    async with house.database.session() as session:
        kept = (await session.execute(query.where(VideoJobImage.video_job_id == answer.json()["id"]))).all()
    return [(role, (await house.http.get(address)).content) for role, address in kept]


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("items", [["", ""], ["[]", "[]"], ["[0]", "[1]"], [".0", ".1"], ["", "[]"], ["[7]", "[12]"]])
async def test_a_list_is_spelled_in_many_ways(house: House, name: str, items: list[str]) -> None:
    parts = [*multipart(FORM), image(name + items[0], "red"), image(name + items[1], "blue")]

    answer = await post(house, await house.user(), parts)

    expected = [(ImageRole.REFERENCE, png("red")), (ImageRole.REFERENCE, png("blue"))]
    assert await images_of(house, answer) == expected


async def test_numbered_items_are_in_the_order_of_their_numbers(house: House) -> None:
    parts = [*multipart(FORM), image("referenceImages[10]", "red"), image("referenceImages[2]", "blue")]

    answer = await post(house, await house.user(), parts)

    assert [data for _, data in await images_of(house, answer)] == [png("blue"), png("red")]


async def test_every_field_may_be_spelled_with_underscores(house: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    text = {
        "prompt": "Rain",
        "model": FORM["model"],
        "resolution": "1080p",
        "aspect_ratio": "9:16",
        "duration_seconds": "4",
        "generate_audio": "true",
        "mock_mode": "true",
        "look_id": look.id,
    }

    answer = await post(house, caller, [*multipart(text), image("initial_image", "red"), image("end_frame", "blue")])

    job = answer.json()
    names = ("prompt", "resolution", "aspectRatio", "durationSeconds", "generateAudio", "mockMode")
    assert [job[name] for name in names] == ["Rain", "1080p", "9:16", 4, True, True]
    assert [shown["id"] for shown in job["associatedLooks"]] == [str(look.id)]
    assert await images_of(house, answer) == [(ImageRole.INITIAL, png("red")), (ImageRole.END, png("blue"))]


@pytest.mark.parametrize(
    "name",
    [
        "referenceImage",
        "ReferenceImages",
        "reference-images",
        "referenceImages[a]",
        "referenceImages[-1]",
        "referenceImages[0][file]",
        "referenceImages.file",
        "referenceImages[0",
        "referenceImages ",
        "referenceImages[99999]",
        "referenceImages[١]",  # noqa: RUF001 - a digit, but not ours
        "initialImage[]",
        "initialImage[0]",
        "initial-image",
        "endframe",
        "image",
        "file",
        "mask",
    ],
)
async def test_an_unknown_file_is_refused_by_name(house: House, name: str) -> None:
    found = await refused(house, [*multipart(FORM), image(name)])

    assert found == (400, f"The file '{name}' of the form is not known here", name)


@pytest.mark.parametrize(
    "name", ["negativePrompt", "seed", "Prompt", "prompt[]", "aspectratio", "look", "lookID", "look-id", "_charset_"]
)
async def test_an_unknown_field_is_refused_by_name(house: House, name: str) -> None:
    found = await refused(house, multipart(FORM | {name: "x"}))

    assert found == (400, f"The field '{name}' of the form is not known here", name)


async def test_a_long_name_is_shortened(house: House) -> None:
    found = await refused(house, multipart(FORM | {"x" * 300: "x"}))

    assert found == (400, f"The field '{'x' * 100}' of the form is not known here", "x" * 100)


@pytest.mark.parametrize("name", ["prompt", "model", "resolution", "aspectRatio", "mockMode"])
@pytest.mark.parametrize("value", [None, "other", ""])
async def test_a_field_that_is_there_twice_is_refused(house: House, name: str, value: str | None) -> None:
    again = multipart({name: FORM[name] if value is None else value})

    assert await refused(house, [*multipart(FORM), *again]) == (400, f"{name} is given 2 times", name)


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("durationSeconds", "duration_seconds", "durationSeconds"),
        ("generateAudio", "generate_audio", "generateAudio"),
    ],
)
async def test_so_is_one_that_is_there_in_two_spellings(house: House, first: str, second: str, field: str) -> None:
    found = await refused(house, multipart(FORM | {first: "8", second: "4"}))

    assert found == (400, f"{field} is given 2 times", field)


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (["initialImage", "initialImage"], "initialImage"),
        (["endFrame", "end_frame"], "endFrame"),
        (["referenceImages[0]", "reference_images.0"], "referenceImages.0"),
        (["referenceImages[1]", "referenceImages[01]"], "referenceImages.1"),
    ],
)
async def test_so_is_a_file(house: House, names: list[str], field: str) -> None:
    found = await refused(house, [*multipart(FORM), image(names[0]), image(names[1])])

    assert found == (400, f"{field} is given 2 times", field)


async def test_two_idempotency_keys_are_none(house: House) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    headers = [*house.headers(caller).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    answer = await house.http.post(PATH, files=multipart(FORM), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "REPEATED_HEADER")
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("name", ["initialImage", "endFrame", "referenceImages", "referenceImages[]", "end_frame"])
@pytest.mark.parametrize("value", [(None, ""), BLANK])
async def test_a_file_that_is_left_blank_is_none(house: House, name: str, value: Any) -> None:
    answer = await post(house, await house.user(), [*multipart(FORM), (name, value), (name, value)])

    assert await images_of(house, answer) == []


@pytest.mark.parametrize("name", ["initialImage", "endFrame", "referenceImages"])
async def test_a_file_with_nothing_in_it_is_refused(house: House, name: str) -> None:
    status, sentence, field = await refused(house, [*multipart(FORM), (name, ("look.png", b"", "image/png"))])

    assert (status, sentence, field) == (400, f"{field} is empty", field)
    assert field in {name, f"{name}.0"}


LOOK_PLACES = ["form lookId", "form look_id", "query lookId", "query look_id"]


def with_looks(given: dict[str, object]) -> tuple[Parts, str]:
    form = {place.removeprefix("form "): look for place, look in given.items() if place.startswith("form ")}
    query = "&".join(
        f"{place.removeprefix('query ')}={look}" for place, look in given.items() if place.startswith("query ")
    )
    return multipart(FORM | form), f"?{query}"


@pytest.mark.parametrize("place", LOOK_PLACES)
async def test_a_look_is_linked_wherever_it_is_named(house: House, place: str) -> None:
    caller = await house.user()
    look = await house.look(caller)
    empty = dict.fromkeys(LOOK_PLACES, "")

    answer = await post(house, caller, *with_looks(empty | {place: look.id}))

    assert [shown["id"] for shown in answer.json()["associatedLooks"]] == [str(look.id)]


async def test_a_look_that_is_named_everywhere_is_linked_once(house: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    given = dict(zip(LOOK_PLACES, [look.id, str(look.id).upper(), f"{{{look.id}}}", look.id.hex], strict=True))

    answer = await post(house, caller, *with_looks(given))

    assert [shown["id"] for shown in answer.json()["associatedLooks"]] == [str(look.id)]


@pytest.mark.parametrize("first", LOOK_PLACES)
@pytest.mark.parametrize("second", LOOK_PLACES)
async def test_different_looks_are_no_look(house: House, first: str, second: str) -> None:
    caller = await house.user()
    look, other = await house.look(caller), await house.look(caller)
    one, more = with_looks({first: look.id}), with_looks({second: other.id})
    before = await nothing_written(house, caller)

    parts = [*multipart(FORM), *one[0][len(FORM) :], *more[0][len(FORM) :]]
    answer = await post(house, caller, parts, f"{one[1]}&{more[1].removeprefix('?')}")

    assert (answer.status_code, answer.json()["detail"], answer.json()["field"]) == (400, "Invalid look_id", "lookId")
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("name", ["lookID", "look", "mockMode", "prompt", "_"])
async def test_an_unknown_parameter_of_the_address_is_refused_by_name(house: House, name: str) -> None:
    found = await refused(house, multipart(FORM), f"?{name}=x")

    assert found == (400, f"The parameter '{name}' of the address is not known here", name)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"prompt": "Rain"}', "application/json"),
        (b"prompt=Rain&mockMode=true", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n--x--\r\n", "multipart/mixed; boundary=x"),
        (b"Rain", "text/plain"),
        (b"Rain", None),
    ],
)
async def test_what_is_no_form_is_a_415_that_names_one(house: House, body: bytes, content_type: str | None) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    headers = house.headers(caller) | ({"Content-Type": content_type} if content_type else {})

    answer = await house.http.post(PATH, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.json()["detail"] == "This request is sent as multipart/form-data"
    assert await nothing_written(house, caller) == before
