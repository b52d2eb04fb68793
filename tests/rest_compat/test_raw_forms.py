"""The bytes of a form: its text is UTF-8 and it ends with its closing boundary, or nothing is made."""

import httpx
import pytest

from auth.caller import Caller
from tests.house import FORM, House
from tests.rest_compat.test_whole_forms import PATH
from tests.schema.mutate import png
from tests.schema.uploads import nothing_written

INCOMPLETE = "The form has not come as a whole: its closing boundary is missing"
AFTER_ITS_END = "The form goes on after its closing boundary"


def raw(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    usual = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in FORM.items()]
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in [*usual, *parts]) + end


async def post_raw(house: House, caller: Caller, body: bytes) -> httpx.Response:
    headers = house.headers(caller) | {"Content-Type": "multipart/form-data; boundary=x"}
    return await house.http.post(PATH, content=body, headers=headers)


NOTE = b'Content-Disposition: form-data; name="look_id"'


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (NOTE + b"\r\n\r\n\xff\xfe", "The field 'look_id' is not valid utf-8"),
        (
            NOTE + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
            "The part 'look_id' must not have a Content-Transfer-Encoding",
        ),
        (
            NOTE + b"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xc3\xa9",
            "The field 'look_id' must be UTF-8, not another charset",
        ),
        (NOTE + b'\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n', "The part 'prompt' has a header twice"),
    ],
)
async def test_text_is_not_guessed(house: House, part: bytes, sentence: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await post_raw(house, caller, raw(part))

    assert (answer.status_code, answer.json()["detail"]) == (400, sentence)
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("charset", ["latin1", "utf-16", "unicode_escape", "nonsense", ""])
async def test_neither_is_a_whole_form_in_another_charset(house: House, charset: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    headers = house.headers(caller) | {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}

    answer = await house.http.post(PATH, content=raw(), headers=headers)

    assert answer.status_code == 415
    assert answer.json()["detail"] == "The text of a form is UTF-8, not another charset"
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("end", [b"--x--", b"--x--\r\n", b"--x--\r\n\r\n", b"--x--  \r\n"])
async def test_a_form_ends_with_its_closing_boundary(house: House, end: bytes) -> None:
    answer = await post_raw(house, await house.user(), raw(end=end))

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (b"", INCOMPLETE),
        (b"--x\r\n", INCOMPLETE),
        (b"--x-", INCOMPLETE),
        (b'--x\r\nContent-Disposition: form-data; name="lookId"', INCOMPLETE),
        (b'--x\r\nContent-Disposition: form-data; name="lookId"\r\n\r\n7', INCOMPLETE),
        (b"--xx--\r\n", INCOMPLETE),
        (b'--x--\r\n--x\r\nContent-Disposition: form-data; name="lookId"\r\n\r\n7\r\n--x--', AFTER_ITS_END),
        (b"--x--\r\nepilogue", AFTER_ITS_END),
    ],
)
async def test_a_form_of_which_a_part_is_missing_makes_no_job(house: House, end: bytes, sentence: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await post_raw(house, caller, raw(end=end))

    assert (answer.status_code, answer.json()["detail"]) == (400, sentence)
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("cut", [1, 2, 3, 10, 1000])
async def test_neither_does_one_that_is_cut_off_in_a_file(house: House, cut: int) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    part = (
        b'Content-Disposition: form-data; name="initialImage"; filename="a.png"\r\n\r\n' + png("red") + b"\x00" * 2000
    )
    body = raw(part, end=b"--x--")

    answer = await post_raw(house, caller, body[:-cut])

    assert (answer.status_code, answer.json()["detail"]) == (400, INCOMPLETE)
    assert await nothing_written(house, caller) == before
