"""Lists have a most, whose rule answers over both transports, and of many mistakes the first twenty are told."""

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from auth.caller import Caller
from db.tables import Base, Look, LookShare, Product
from rest_compat.look_wire import NewLookBody
from tests.house import House
from tests.schema.mutate import ERRORS, data_uri

CREATE = f"mutation ($input: CreateLookInput!) {{ it: createLook(input: $input) {{ look {{ id }} {ERRORS} }} }}"
SHARE = f"mutation ($input: SetLookVisibilityInput!) {{ it: setLookVisibility(input: $input) {{ {ERRORS} }} }}"
PRODUCTS = "A look has at most 100 products"
EXTRA = "Extra inputs are not permitted"
SHARES = "A look can be shared with at most 1000 users"


def product(number: int = 0) -> dict[str, Any]:
    return {"name": f"Coat {number}", "thumbnailBase64": data_uri()}


def look(**changes: Any) -> dict[str, Any]:
    return {"generatedImageBase64": data_uri(), "products": [product()]} | changes


async def rows(house: House) -> list[object]:
    tables: list[type[Base]] = [Look, Product, LookShare]
    files = sorted(path.name for path in house.settings.media_folder.iterdir())
    return [*[await house.count(table=table) for table in tables], files]


async def rest(house: House, caller: Caller, body: Any, look_id: str | None = None) -> tuple[int, str, str]:
    """Make a look, or decide who sees one; return status, code and message."""
    path, method = ("/api/v1/looks", "POST") if look_id is None else (f"/api/v1/looks/{look_id}/visibility", "PATCH")
    answer = await house.http.request(method, path, json=body, headers=house.headers(caller))
    said = answer.json()
    return answer.status_code, said.get("code", ""), said.get("detail", "")


async def graphql(house: House, caller: Caller, body: Any, look_id: str | None = None) -> tuple[int, str, str]:
    """As `rest`, with the status that REST would have."""
    if "visibility" in body:
        body |= {"visibility": body["visibility"].upper()}
    query, input_ = (CREATE, body) if look_id is None else (SHARE, body | {"id": look_id})
    said = await house.graphql(caller, query, input=input_)
    assert "errors" not in said, said
    errors = said["data"]["it"]["errors"]
    if not errors:
        return 201 if look_id is None else 200, "", ""
    assert errors[0]["message"].startswith("User") or errors[0]["field"] in body
    return 400, errors[0]["code"], errors[0]["message"]


wires = pytest.mark.parametrize("ask", [rest, graphql])


@wires
async def test_a_look_has_a_hundred_products_and_no_more(house: House, ask: Any) -> None:
    caller = await house.user()
    assert await ask(house, caller, look(products=[product(number) for number in range(100)])) == (201, "", "")
    before = await rows(house)

    for products in ([product()] * 101, [product() | {"sku": "1"}] * 101, [product()] * 1_000):
        assert await ask(house, caller, look(products=products)) == (400, "INVALID_INPUT", PRODUCTS)

    assert await rows(house) == before


@wires
async def test_a_look_is_shared_with_a_thousand_users_and_no_more(house: House, ask: Any) -> None:
    caller = await house.user()
    look_id = str((await house.look(caller)).id)
    ids = [str(uuid4()) for _ in range(1_001)]
    private = {"visibility": "private", "sharedWithUserIds": ids[:1_000]}
    assert await ask(house, caller, look(**private)) == (201, "", "")
    assert await ask(house, caller, private, look_id) == (200, "", "")
    before = await rows(house)

    for count, ids_ in ((1_001, ids), (4_500, ids * 5)):
        private["sharedWithUserIds"] = ids_[:count]
        assert await ask(house, caller, look(**private)) == (400, "INVALID_INPUT", SHARES)
        assert await ask(house, caller, private, look_id) == (400, "INVALID_INPUT", SHARES)

    assert await rows(house) == before


@pytest.mark.parametrize("item", [{}, 5, None, [], "x", {"a": [{}]}])
@pytest.mark.parametrize("times", [1, 8])
async def test_over_rest_a_list_is_counted_before_its_items_are_looked_at(house: House, item: Any, times: int) -> None:
    caller = await house.user()
    before = await rows(house)
    ids = {"visibility": "shared", "sharedWithUserIds": [item] * 1_001 * times}

    assert await rest(house, caller, {"products": [item] * 101 * times}) == (400, "INVALID_INPUT", PRODUCTS)
    assert await rest(house, caller, ids) == (400, "INVALID_INPUT", SHARES)
    assert await rest(house, caller, ids, str(uuid4())) == (400, "INVALID_INPUT", SHARES)

    assert await rows(house) == before


async def test_at_most_twenty_mistakes_are_told(house: House) -> None:
    caller = await house.user()
    headers = house.headers(caller)

    many = await house.http.post("/api/v1/looks", json={"products": [{}] * 100}, headers=headers)
    shares = {"visibility": "shared", "sharedWithUserIds": [5] * 1_000}
    numbers = await house.http.patch(f"/api/v1/looks/{uuid4()}/visibility", json=shares, headers=headers)
    few = await house.http.post("/api/v1/looks", json={"products": [{}]}, headers=headers)
    graphql = await house.graphql(caller, CREATE, input={"products": [{}] * 1_000})

    assert [answer.status_code for answer in (many, numbers, few)] == [422] * 3
    assert [len(answer.json()["detail"]) for answer in (many, numbers, few)] == [20, 20, 3]
    assert many.json()["detail"][0] == {
        "type": "missing",
        "loc": ["body", "generatedImageBase64"],
        "msg": "Field required",
    }
    assert {tuple(mistake["loc"][:2]) for mistake in numbers.json()["detail"]} == {("body", "sharedWithUserIds")}
    assert len(graphql["errors"]) <= 20
    assert {error["extensions"]["code"] for error in graphql["errors"]} == {"INVALID_VARIABLES"}


@pytest.mark.parametrize("price", ["9" * 5_000_000, "1e999999999", "NaN", "-1"])
async def test_a_price_is_not_read_for_long(house: House, price: str) -> None:
    caller = await house.user()
    before = await rows(house)

    status, code, _ = await rest(house, caller, look(products=[product() | {"price": price}]))

    assert (status, code) in {(422, "INVALID_REQUEST"), (400, "INVALID_INPUT")}
    assert await rows(house) == before


async def test_of_many_unknown_members_as_many_are_looked_at_as_are_told(house: House) -> None:
    caller, before = await house.user(), await house.count(table=Look)
    unknown = dict.fromkeys([f"nobody-{number}" for number in range(2_000)]) | {f"x{n}": 1 for n in range(10_000)}
    nested = {"generatedImageBase64": "x", "products": [product() | {f"x{n}": 1 for n in range(400)}] * 3}

    answer = await house.http.post("/api/v1/looks", json=unknown | look(), headers=house.headers(caller))

    told = [{"type": "extra_forbidden", "loc": ["body", f"x{n}"], "msg": EXTRA} for n in range(20)]
    assert (answer.status_code, answer.json()["detail"]) == (422, told)
    for body, mistakes in ((unknown | look(), 20), (nested, 60)):
        with pytest.raises(ValidationError) as refused:
            NewLookBody.model_validate(body)
        assert refused.value.error_count() == mistakes
    only_nulls = dict.fromkeys([f"nobody-{number}" for number in range(50)])
    assert (await rest(house, caller, only_nulls | look()))[0] == 201
    assert await house.count(table=Look) == before + 1
