"""Who is refused by their account has no image decoded or redrawn: that takes seconds of CPU, for free."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from auth.caller import AccountStatus, Caller
from db import pauses
from db.enums import PauseScope
from resolvers import image_files
from tests.house import FORM, House
from tests.worker.studio import FRAMES, WireName, over_graphql, over_rest, wires

OVER = {"rest": over_rest, "graphql": over_graphql}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each work on an image's inside."""
    done: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        work = getattr(image_files, name)

        def noted(*args: Any, **options: Any) -> Any:
            done.append(name)
            return work(*args, **options)

        return noted

    for name in ("verified_image", "without_metadata", "redrawn"):
        monkeypatch.setattr(image_files, name, noting(name))
    return done


async def without_tokens(house: House) -> Caller:
    return await house.user(tokens=49)


async def without_slots(house: House) -> Caller:
    caller = await house.user(tokens=1000)
    for _ in range(3):
        await house.create(caller)
    return caller


async def paused(house: House) -> Caller:
    async with house.database.transaction() as transaction:
        await pauses.begin(transaction, PauseScope.ALL, "Moving house")
    return await house.user()


CASES: list[tuple[Callable[[House], Awaitable[Caller]], dict[str, str], str]] = [
    (without_tokens, {}, "INSUFFICIENT_TOKENS"),
    (without_slots, {}, "ACTIVE_JOB_LIMIT"),
    (paused, {}, "PAUSED"),
    (House.user, {"expectedCost": "49"}, "PRICE_CHANGED"),
    (House.user, {"lookId": "no look"}, "INVALID_LOOK"),
    (House.user, {"resolution": "8k"}, "INVALID_INPUT"),
]


@wires
@pytest.mark.parametrize(("given", "fields", "code"), CASES, ids=[code for *_, code in CASES])
async def test_nothing_is_decoded_for_who_is_refused(  # noqa: PLR0913 - the case, and what it is looked at with
    house: House,
    decoded: list[str],
    over: WireName,
    *,
    given: Callable[[House], Awaitable[Caller]],
    fields: dict[str, Any],
    code: str,
) -> None:
    caller = await given(house)
    before, files = await house.traces(caller), sorted(house.settings.media_folder.glob("*"))
    if over == "graphql" and "expectedCost" in fields:
        fields = {"expectedCost": 49}

    said = await OVER[over](house, caller, FRAMES, FORM | fields)

    assert (said.code, decoded) == (code, [])
    assert await house.traces(caller) == before
    assert sorted(house.settings.media_folder.glob("*")) == files


@wires
async def test_a_used_key_is_no_way_around(house: House, decoded: list[str], over: WireName) -> None:
    caller = await house.user(tokens=50)
    first = await OVER[over](house, caller, FRAMES, FORM | {"idempotencyKey": "once"})
    assert (first.job is not None, len(decoded)) == (True, 4)
    decoded.clear()

    other = await OVER[over](house, caller, FRAMES[:1], FORM | {"idempotencyKey": "once"})
    again = await OVER[over](house, caller, FRAMES, FORM | {"idempotencyKey": "once"})

    assert (other.code, again.replayed, again.job, decoded) == ("IDEMPOTENCY_KEY_REUSED", True, first.job, [])


async def test_nothing_is_decoded_for_who_is_suspended(house: House, decoded: list[str]) -> None:
    caller = house.unknown_caller(status=AccountStatus.SUSPENDED)

    said = await over_rest(house, caller, FRAMES, FORM)

    assert (said.status, said.code, decoded) == (403, "ACCOUNT_NOT_ACTIVE", [])


async def test_what_is_no_image_at_all_comes_before_the_account_and_what_is_broken_after(house: House) -> None:
    """The shape of the fields comes first (docs/contract.md); nobody has looked into a file by then."""
    poor, rich = await house.user(tokens=0), await house.user()
    broken = (("initialImage", FRAMES[0][1][:-20]),)

    said = [
        await over_rest(house, poor, (("initialImage", b"<html>"),), FORM),
        await over_rest(house, poor, broken, FORM),
        await over_rest(house, rich, broken, FORM),
    ]

    assert [(it.status, it.code) for it in said] == [
        (400, "INVALID_INPUT"),
        (402, "INSUFFICIENT_TOKENS"),
        (400, "INVALID_INPUT"),
    ]
