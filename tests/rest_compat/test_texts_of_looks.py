"""Text is stored and compared in one form, over both wires, and a refusal says which of a list's items it is about."""

import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from auth.caller import Caller
from db import migrations
from db.tables import Product, VideoJob
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.rest_compat.test_contract_looks import PNG
from tests.schema.uploads import CREATE_LOOK, nothing_written
from tests.wires import Wire

WIRES = pytest.mark.parametrize("wire_name", ["rest", "graphql"])
COMPOSED, APART = (unicodedata.normalize(form, "Café Ångström 가 ế") for form in ("NFC", "NFD"))
SEARCH = "query ($search: String) { looks(first: 100, search: $search) { edges { node { id } } } }"


async def make(house: House, caller: Caller, wire_name: str, **fields: Any) -> tuple[Any, Any]:
    """Make a look; return its id, or the refusal's field and sentence."""
    look = {"generatedImageBase64": PNG} | fields
    look["products"] = [{"name": "Coat", "thumbnailBase64": PNG} | one for one in fields.get("products", [{}])]
    if wire_name == "rest":
        body = (await house.http.post("/api/v1/looks", json=look, headers=house.headers(caller))).json()
        return body.get("id"), (body.get("field"), body.get("detail"))
    payload = (await house.graphql(caller, CREATE_LOOK, input=look))["data"]["it"]
    error = (payload["errors"] or [{"field": None, "message": None}])[0]
    return (payload["look"] or {}).get("id"), (error["field"], error["message"])


async def read(house: House, caller: Caller, look_id: str) -> dict[str, Any]:
    body: dict[str, Any] = (await house.http.get(f"/api/v1/looks/{look_id}", headers=house.headers(caller))).json()
    return body


async def found(house: House, caller: Caller, wire_name: str, search: str) -> list[str]:
    if wire_name == "rest":
        path, headers = "/api/v1/looks", house.headers(caller)
        answer = await house.http.get(path, params={"search": search}, headers=headers)
        return [look["id"] for look in answer.json()["looks"]]
    body = await house.graphql(caller, SEARCH, search=search)
    return [edge["node"]["id"] for edge in body["data"]["looks"]["edges"]]


@WIRES
async def test_text_is_stored_composed(house: House, wire_name: str) -> None:
    caller = await house.user()
    product = {"name": APART, "sku": APART, "designer": APART, "productUrl": f"https://working.example/{APART[:5]}"}

    look_id, _ = await make(house, caller, wire_name, title=f" {APART} ", notes=APART, products=[product])

    look = await read(house, caller, look_id)
    (one,) = look["products"]
    assert (look["title"], look["notes"]) == (COMPOSED, COMPOSED)
    assert (one["name"], one["sku"], one["designer"]) == (COMPOSED,) * 3
    assert one["productUrl"] == f"https://working.example/{COMPOSED[:4]}"


@pytest.mark.parametrize("sent", [COMPOSED, APART])
async def test_so_is_a_changed_title(house: House, sent: str) -> None:
    caller = await house.user()
    look_id, _ = await make(house, caller, "rest")
    path = f"/api/v1/looks/{look_id}"

    look = (await house.http.patch(path, json={"title": sent, "notes": sent}, headers=house.headers(caller))).json()

    assert (look["title"], look["notes"]) == (COMPOSED, COMPOSED)


async def test_so_is_a_prompt(house: House, wire: Wire) -> None:
    caller = await house.user()

    first = await wire.create(caller, prompt=f" {APART} ", idempotencyKey="once")
    again = await wire.create(caller, prompt=COMPOSED, idempotencyKey="once")

    assert first.job is not None
    assert again.job is not None
    assert (first.job["prompt"], again.job["id"], again.replayed) == (COMPOSED, first.job["id"], True)
    async with house.database.session() as session:
        assert list(await session.scalars(select(VideoJob.prompt))) == [COMPOSED]


async def test_a_prompt_that_is_too_long_once_it_is_composed_is_refused(house: House, wire: Wire) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await wire.create(caller, prompt="\u0958" * 4000)

    assert (answer.code, answer.message) == ("INVALID_INPUT", "Prompt must be at most 4000 characters")
    assert await nothing_written(house, caller) == before


@WIRES
async def test_skus_are_compared_composed(house: House, wire_name: str) -> None:
    caller = await house.user()

    look_id, _ = await make(
        house, caller, wire_name, products=[{"name": "first", "sku": COMPOSED}, {"name": "second", "sku": f"{APART} "}]
    )

    assert [one["name"] for one in (await read(house, caller, look_id))["products"]] == ["first"]


SEARCHES = [
    ("Café", ["café", "CAFÉ", "cafe\u0301", "CAFE\u0301", "é"], ["cafè"]),
    ("CAFE\u0301", ["café", "Cafe\u0301"], []),
    ("Straße", ["STRASSE", "strasse", "straße", "STRAẞE"], []),
    ("ΟΔΟΣ", ["οδος", "οδός"[:2], "Οδοσ"], []),
    ("İstanbul", ["istanbul", "ISTANBUL", "İSTANBUL", "\u0131stanbul"], []),
    ("ПАЛЬТО", ["пальто", "Пальто"], []),
    ("Ångström", ["ÅNGSTRÖM", "a\u030angstro\u0308m", "\u212bngström"], []),
    ("100% wool_a", ["100%", "l_a"], ["100_"]),
]


@WIRES
@pytest.mark.parametrize(("title", "finding", "missing"), SEARCHES)
async def test_search_disregards_case_and_composition(
    house: House, wire_name: str, title: str, finding: list[str], missing: list[str]
) -> None:
    caller = await house.user()
    in_title, _ = await make(house, caller, wire_name, title=title)
    in_sku, _ = await make(house, caller, wire_name, products=[{"sku": title}])

    for search in finding:
        assert await found(house, caller, wire_name, search) == [in_sku, in_title], search
    for search in missing:
        assert await found(house, caller, wire_name, search) == [], search


@WIRES
@pytest.mark.parametrize(
    ("price", "stored"),
    [
        (0.125, "0.13"),
        (0.135, "0.14"),
        (1.005, "1.01"),
        (2.675, "2.68"),
        (0.0049, "0.00"),
        (9.995, "10.00"),
        (7, "7.00"),
    ],
)
async def test_prices_are_rounded_half_up(house: House, wire_name: str, price: float, stored: str) -> None:
    made, _ = await make(house, await house.user(), wire_name, products=[{"price": price}])

    assert made
    async with house.database.session() as session:
        assert list(await session.scalars(select(Product.price))) == [Decimal(stored)]


@WIRES
@pytest.mark.parametrize(
    "address",
    [
        "https://working.example/a?b=c#d",
        "HTTP://working.example",
        "http://user@working.example:8080/%C3%A9",
        " https://é.example ",
    ],
)
async def test_a_page_is_linked(house: House, wire_name: str, address: str) -> None:
    caller = await house.user()

    look_id, _ = await make(house, caller, wire_name, products=[{"productUrl": address}])

    assert (await read(house, caller, look_id))["products"][0]["productUrl"] == address.strip()


NO_PAGES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \tjavascript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://working.example",
    "//working.example",
    "working.example/coat",
    "https:",
    "https://",
    "https:///coat",
    "https:working.example",
    "https:\\\\working.example",
    "https://working.example/a b",
    "https://working.example/\x7f",
    "http://?x",
    "blob:https://working.example/1",
    "https.evil://working.example",
]


@WIRES
async def test_what_is_no_page_is_refused(house: House, wire_name: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    field = "products.1.productUrl"
    refused = (None, (field, f"{field} must be an address that begins with https:// or http://"))

    for address in NO_PAGES:
        assert await make(house, caller, wire_name, products=[{}, {"productUrl": address}]) == refused, address

    assert await nothing_written(house, caller) == before


@WIRES
@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"products": [{}, {"name": " "}]}, "products.1.name", "is required"),
        ({"products": [{}, {}, {"sku": "x" * 501}]}, "products.2.sku", "must be at most 500 characters"),
        ({"products": [{"designer": "a\x00"}]}, "products.0.designer", "contains characters that cannot be stored"),
        ({"products": [{}, {"price": -1}]}, "products.1.price", "must be 0 to 9999999999.99"),
        ({"products": [{}, {"thumbnailBase64": "?"}]}, "products.1.thumbnailBase64", "is not valid base64"),
        ({"products": [{"sku": "a"}, {"sku": "a", "price": -1}]}, "products.1.price", "must be 0 to 9999999999.99"),
        ({"products": [{"sku": "a"}, {"sku": "a"}, {"name": ""}]}, "products.2.name", "is required"),
        ({"generatedImageBase64": "?"}, "generatedImageBase64", "is not valid base64"),
        ({"title": "x" * 501}, "title", "must be at most 500 characters"),
        ({"notes": "\x00"}, "notes", "contains characters that cannot be stored"),
    ],
)
async def test_a_refusal_names_the_place(
    house: House, wire_name: str, fields: dict[str, Any], field: str, rule: str
) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    made, refusal = await make(house, caller, wire_name, **fields)

    assert (made, refusal) == (None, (field, f"{field} {rule}"))
    assert await nothing_written(house, caller) == before


async def test_looks_of_before_are_found_as_well(database: InspectedDatabase) -> None:
    async with database.beside("0007") as old:
        async with old.session() as session:
            user = "INSERT INTO users (id, email, tokens) VALUES (gen_random_uuid(), 'a@example.com', 0)"
            await session.execute(text(user))
            await session.execute(
                text(
                    """INSERT INTO looks (id, user_id, generated_image_url, search_text)
                    SELECT gen_random_uuid(), users.id, 'a', words
                    FROM users, unnest(ARRAY['plain', :apart, 'straße']) AS words"""
                ),
                {"apart": "cafe\u0301"},
            )
        await migrations.upgrade(old.server.url, "heads")
        async with old.session() as session:
            words = set(await session.scalars(text("SELECT search_text FROM looks")))

    assert words == {"plain", "café", "strasse"}
