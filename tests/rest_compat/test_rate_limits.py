"""What a creation tells of the limit of jobs in progress."""

import httpx

from auth.caller import Caller
from tests.house import FORM, House, multipart

PATH = "/api/v1/video-jobs"
POLICY = '"active-jobs";q=3'


async def create(house: House, caller: Caller, **headers: str) -> httpx.Response:
    return await house.http.post(PATH, files=multipart(FORM), headers=house.headers(caller) | headers)


def told(answer: httpx.Response) -> tuple[int, str, str, str | None]:
    names = answer.headers
    return answer.status_code, names["RateLimit-Policy"], names["RateLimit"], names.get("Retry-After")


async def test_a_creation_tells_how_many_more_jobs_there_may_be(house: House) -> None:
    caller = await house.user(tokens=1000)

    answers = [await create(house, caller) for _ in range(4)]
    await house.http.delete(answers[0].headers["Location"], headers=house.headers(caller))
    answers.append(await create(house, caller))

    assert [told(answer) for answer in answers] == [
        (202, POLICY, '"active-jobs";r=2', None),
        (202, POLICY, '"active-jobs";r=1', None),
        (202, POLICY, '"active-jobs";r=0', None),
        (429, POLICY, '"active-jobs";r=0', "10"),
        (202, POLICY, '"active-jobs";r=0', None),
    ]


async def test_a_repeated_creation_tells_what_is_left_now(house: House) -> None:
    caller = await house.user(tokens=1000)

    first = await create(house, caller, **{"Idempotency-Key": "once"})
    await create(house, caller)
    again = await create(house, caller, **{"Idempotency-Key": "once"})

    assert again.json()["id"] == first.json()["id"]
    assert [told(answer)[2] for answer in (first, again)] == ['"active-jobs";r=2', '"active-jobs";r=1']


async def test_other_refusals_tell_nothing_of_it(house: House) -> None:
    answer = await create(house, await house.user(tokens=0))

    assert answer.status_code == 402
    assert "active-jobs" not in answer.headers["RateLimit"] + answer.headers["RateLimit-Policy"]
