"""GraphQL multipart requests: each part of the form has exactly one place, and nothing is there twice."""

import json
from typing import Any

import httpx
import pytest

from auth.caller import Caller
from tests.house import House, multipart
from tests.schema.mutate import png
from tests.schema.uploads import CREATE, JOB, QUOTE, nothing_written, refused

FILE = ("look.png", png(), "image/png")


async def sent(
    house: House, caller: Caller, paths: Any, files: dict[str, Any] | None = None, query: str = CREATE, **input_: Any
) -> httpx.Response:
    """Send a GraphQL multipart request that asks for a job."""
    operations = json.dumps({"query": query, "variables": {"input": JOB | input_}})
    parts = [*multipart({"operations": operations, "map": json.dumps(paths)}), *(files or {}).items()]
    return await house.http.post("/graphql", files=parts, headers=house.headers(caller))


@pytest.mark.parametrize(
    ("value", "field"), [({}, "initialImage"), ("", "initialImage"), ([{}], "referenceImages"), (7, "endFrame")]
)
async def test_what_the_map_does_not_cover_is_refused_by_name(house: House, value: Any, field: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, {}, **{field: value})

    refused(answer.json(), field)
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("query", [CREATE, QUOTE], ids=["create", "quote"])
@pytest.mark.parametrize(("tokens", "code"), [(100, "INVALID_INPUT"), (20, "INSUFFICIENT_TOKENS")])
async def test_who_is_refused_anyway_has_no_image_decoded(house: House, tokens: int, code: str, query: str) -> None:
    caller = await house.user(tokens=tokens)
    broken = {"0": ("look.png", png()[:40], "image/png")}

    answer = await sent(house, caller, {"0": [FIRST]}, broken, query, initialImage=None)

    assert [error["code"] for error in answer.json()["data"]["it"]["errors"]] == [code]


OUTSIDE = "`map` puts a file outside of `variables`"
TAKEN = "`map` puts a file where `operations` has something else than null"
NOWHERE = "`map` does not tell where in `operations` the files belong"
MISSING = "A file that `map` names is missing in the form"
NO_MAP = "`map` must be a JSON object with a list of places for each file"
FIRST = "variables.input.initialImage"


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        ({"0": [FIRST, FIRST]}, TAKEN),
        ({"0": [FIRST], "1": [FIRST]}, TAKEN),
        ({"0": ["variables.input.prompt"]}, TAKEN),
        ({"0": ["variables.input"]}, TAKEN),
        *[({"0": [path]}, OUTSIDE) for path in ("", "query", "operationName", "extensions", "input", "initialImage")],
        ({"0": ["variables.input.referenceImages.3"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages.x"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages.-1"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages.0_0"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages"]}, TAKEN),
        ({"0": [f"{FIRST}.a"]}, NOWHERE),
        ({"0": ["variables.nothing.a"]}, NOWHERE),
        ({"0": [FIRST, f"{FIRST}.file"]}, NOWHERE),
        ({"0": ["variables." + ".".join("a" * 100_000)]}, NOWHERE),
        ({"0": [7]}, NOWHERE),
        ({"0": [[FIRST]]}, NOWHERE),
        ({"0": [None]}, NOWHERE),
        ({"0": FIRST}, NO_MAP),
        ({"0": None}, NO_MAP),
        ([FIRST], NO_MAP),
        (5, NO_MAP),
        ({"2": [FIRST]}, MISSING),
        ({"operations": [FIRST]}, MISSING),
        ({"0": [FIRST] * 111}, "`map` has too many places: at most 110 are accepted"),
    ],
)
async def test_a_map_that_leads_nowhere_is_refused(house: House, paths: Any, complaint: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, paths, {"0": FILE, "1": FILE}, initialImage=None, referenceImages=[None])

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (complaint, "BAD_REQUEST")
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize(
    ("paths", "more", "complaint"),
    [
        ({}, {"0": FILE}, "The part '0' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "1": FILE}, "The part '1' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "note": (None, "x")}, "The part 'note' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "x" * 300: (None, "x")}, f"The part '{'x' * 100}' of the form is not in `map`"),
        ({"0": [FIRST], "1": []}, {"0": FILE, "1": FILE}, "`map` has no place for the file '1'"),
        (
            {"0": [FIRST, "variables.input.endFrame"]},
            {"0": FILE},
            "`map` has 2 places for the file '0': send it once for each",
        ),
    ],
)
async def test_a_part_without_exactly_one_place_is_refused(
    house: House, paths: Any, more: dict[str, Any], complaint: str
) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, paths, more, initialImage=None, endFrame=None)

    assert answer.status_code == 400
    assert [error["message"] for error in answer.json()["errors"]] == [complaint]
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("twice", ["operations", "map", "0"])
async def test_a_part_that_is_there_twice_is_refused(house: House, twice: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    operations = json.dumps({"query": CREATE, "variables": {"input": JOB | {"initialImage": None}}})
    parts: dict[str, Any] = {
        "operations": (None, operations),
        "map": (None, json.dumps({"0": [FIRST]})),
        "0": FILE,
    }

    sent_parts = [*parts.items(), (twice, parts[twice])]
    answer = await house.http.post("/graphql", files=sent_parts, headers=house.headers(caller))

    assert answer.status_code == 400
    assert [error["message"] for error in answer.json()["errors"]] == [f"The part '{twice}' is 2 times in the form"]
    assert await nothing_written(house, caller) == before


INCOMPLETE = "The form has not come as a whole: its closing boundary is missing"


@pytest.mark.parametrize(("cut", "sentence"), [(1, INCOMPLETE), (40, INCOMPLETE), (0, None)])
async def test_a_form_that_is_cut_off_makes_no_job(house: House, cut: int, sentence: str | None) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    operations = json.dumps({"query": CREATE, "variables": {"input": JOB}})
    form = f'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{operations}\r\n--x--'.encode()
    headers = house.headers(caller) | {"Content-Type": "multipart/form-data; boundary=x"}

    answer = await house.http.post("/graphql", content=form[: len(form) - cut], headers=headers)

    if sentence is None:
        assert answer.json()["data"]["it"]["errors"] == []
    else:
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, sentence)
        assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("count", [4, 100])
async def test_more_reference_images_than_a_video_is_made_from_are_not_read(house: House, count: int) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    paths = {str(number): [f"variables.input.referenceImages.{number}"] for number in range(count)}

    answer = await sent(
        house, caller, paths, dict.fromkeys(paths, ("a.png", b"rubbish", "image/png")), referenceImages=[None] * count
    )

    (error,) = answer.json()["data"]["it"]["errors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", "referenceImages")
    assert error["message"] == "At most 3 reference images are taken"
    assert await nothing_written(house, caller) == before
