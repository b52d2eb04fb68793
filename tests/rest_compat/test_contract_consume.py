"""Consuming, as the REST contract describes it."""

from typing import Any

import pytest

from tests.house import House
from tests.rest_compat.test_contract import refused
from tests.rest_compat.test_contract_wallet import CONSUME, answered, balances, entries


async def test_an_operation_is_paid_from_the_balance_of_the_videos(house: House) -> None:
    caller = await house.user(tokens=100)
    await house.create(caller)

    paid = await answered(
        house, caller, "POST", CONSUME, json={"operation": "multi_modal_light", "description": "Look 7"}
    )

    message = paid.pop("message")
    assert paid == {"success": True, "cost": 8, "availableTokens": 42, "consumedTokens": 58}
    assert message == "Used 8 tokens for 'multi_modal_light'; 42 are left."
    newest, video, _ = await entries(house, caller)
    names = ("type", "amount", "balanceBefore", "balanceAfter", "description", "operation", "adminEmail")
    assert [newest[name] for name in names] == ["consumption", -8, 50, 42, "Look 7", "multi_modal_light", None]
    assert [video[name] for name in names] == [
        "consumption", -50, 100, 50, "Video generation: The model turns slowly", "video_generation", None,
    ]  # fmt: skip
    assert await balances(house, caller) == (42, 100, 58)


async def test_what_the_balance_does_not_cover_is_no_error_and_takes_nothing(house: House) -> None:
    caller = await house.user(tokens=7)
    before = await house.traces(caller)

    refused_ = await answered(house, caller, "POST", CONSUME, json={"operation": "multi_modal_light"})

    assert refused_ == {
        "success": False,
        "cost": 8,
        "availableTokens": 7,
        "consumedTokens": 0,
        "message": "Insufficient tokens. Operation 'multi_modal_light' costs 8 tokens but you have 7.",
    }
    assert await house.traces(caller) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"operation": "text_to_text", "amount": 5}, 422),
        ({"operation": "paint"}, 400),
        ({"operation": ""}, 400),
        ({"operation": "video_generation "}, 400),
        ({"operation": "x" * 10_000}, 400),
        ({"operation": "text_to_text", "description": "x" * 501}, 400),
        ({"operation": "text_to_text", "description": "\0"}, 400),
        ({"operation": None}, 422),
        ({"operation": 3}, 422),
        ({}, 422),
        ([], 422),
    ],
)
async def test_an_operation_that_cannot_be_is_refused(house: House, body: Any, status: int) -> None:
    answered_, detail = await refused(house, await house.user(), "POST", CONSUME, json=body)

    assert answered_ == status
    if "description" not in body and status == 400:
        assert detail == (
            "Operation must be one of 'text_to_image', 'multi_modal', 'multi_modal_light', 'video_generation', "
            "'image_to_text' or 'text_to_text'"
        )


async def test_an_operation_is_not_read_from_the_address(house: House) -> None:
    said = f"{CONSUME}?operation=text_to_image"

    answer = await refused(house, await house.user(), "POST", said, json={"operation": "text_to_text"})

    assert answer == (400, "The parameter 'operation' of the address is not known here")
