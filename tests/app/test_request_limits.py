"""What comes beside JSON has a most, too: headers, the parameters of an address, the fields and files of a form."""

from typing import Any

import pytest

from tests.house import FORM, House, multipart


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/looks", "/api/v1/video-jobs/x"])
@pytest.mark.parametrize("name", ["Accept", "Content-Type", "Prefer", "If-None-Match", "X-Anything", "Authorization"])
async def test_a_header_has_a_most(house: House, path: str, name: str) -> None:
    fits = await house.http.get(path, headers={name: "a" * 8 * 1024})
    too_long = await house.http.get(path, headers={name: "a" * (8 * 1024 + 1)})

    assert fits.status_code != 431
    assert too_long.status_code == 431
    assert "A header of the request is too long: at most 8 KB are accepted" in too_long.text


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/looks"])
async def test_an_address_has_a_hundred_parameters_and_no_more(house: House, path: str) -> None:
    headers = house.headers(await house.user())

    fits = await house.http.get(path + "?" + "&".join(["skip=0"] * 100), headers=headers)
    too_many = await house.http.get(path + "?" + "&".join(["skip=0"] * 101), headers=headers)

    assert "TOO_MANY_PARAMETERS" not in fits.text
    assert (too_many.status_code, "TOO_MANY_PARAMETERS" in too_many.text) == (400, True)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ([(f"x{number}", (None, "a")) for number in range(41)], "Too many fields. Maximum number of fields is 40."),
        ([("referenceImages", ("a.png", b"a", "image/png"))] * 11, "Too many files. Maximum number of files is 10."),
        ([("prompt", (None, "a" * 65_537))], "Part exceeded maximum size of 64KB."),
        ([("referenceImages", ("a.png", b"a", "image/png"))] * 4, "At most 3 reference images are taken"),
        ([("x" * 100_000, (None, "a"))], "Invalid multipart data."),
    ],
)
async def test_a_form_has_a_most_of_everything(house: House, fields: list[Any], detail: str) -> None:
    caller = await house.user()
    before = await house.traces(caller)
    form = [field for field in multipart(FORM) if field[0] not in dict(fields)]

    answer = await house.http.post("/api/v1/video-jobs", files=[*form, *fields], headers=house.headers(caller))

    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert await house.traces(caller) == before
