"""The mutations about looks: data URIs, uploads, changes, and refusals that leave nothing behind."""

import json
from typing import Any

import pytest

from db.tables import Look, Product
from tests.house import House
from tests.schema.mutate import ERRORS, LOOK, codes, data_uri, mutate, png


async def test_a_look_is_made_of_data_uris(house: House) -> None:
    caller = await house.user()

    payload = await mutate(
        house,
        caller,
        f"createLook(input: $input) {{ {LOOK} {ERRORS} }}",
        title="  Harbour  ",
        generatedImageBase64=data_uri(),
        products=[{"name": "Coat", "sku": "C-1", "thumbnailBase64": data_uri(), "price": 12.5}] * 2,
    )

    look = payload["look"]
    assert (look["title"], look["visibility"], len(look["products"])) == ("Harbour", "PRIVATE", 1)
    for url in (look["generatedImageUrl"], look["products"][0]["thumbnailUrl"]):
        assert (await house.http.get(url)).headers["Content-Type"] == "image/png"


async def test_a_look_is_made_of_uploads(house: House) -> None:
    caller = await house.user()
    operations = {
        "query": f"mutation ($input: CreateLookInput!) {{ createLook(input: $input) {{ {LOOK} {ERRORS} }} }}",
        "variables": {"input": {"generatedImage": None, "products": [{"name": "Coat", "thumbnail": None}]}},
    }
    paths = {"0": ["variables.input.generatedImage"], "1": ["variables.input.products.0.thumbnail"]}

    answer = await house.http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps(paths)},
        files={"0": ("look.png", png("red"), "image/png"), "1": ("coat.png", png("blue"), "text/plain")},
        headers=house.headers(caller),
    )

    payload = answer.json()["data"]["createLook"]
    assert payload["errors"] == []
    assert (await house.http.get(payload["look"]["generatedImageUrl"])).content == png("red")
    assert (await house.http.get(payload["look"]["products"][0]["thumbnailUrl"])).content == png("blue")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"products": []}, "INVALID_INPUT"),
        ({"generatedImageBase64": "rubbish!"}, "INVALID_INPUT"),
        ({"generatedImageBase64": None}, "INVALID_INPUT"),
        ({"products": [{"name": " ", "thumbnailBase64": data_uri()}]}, "INVALID_INPUT"),
        ({"products": [{"name": "Coat", "thumbnailBase64": data_uri(), "price": -1}]}, "INVALID_INPUT"),
        ({"title": "nul \x00"}, "INVALID_INPUT"),
        ({"visibility": "SHARED", "sharedWithUserIds": ["nobody"]}, "USER_NOT_FOUND"),
    ],
)
async def test_a_refused_look_leaves_no_row_and_no_file(house: House, changes: dict[str, Any], code: str) -> None:
    caller = await house.user()
    files = sorted(house.settings.media_folder.iterdir())
    good = {"generatedImageBase64": data_uri(), "products": [{"name": "Coat", "thumbnailBase64": data_uri()}]}

    payload = await mutate(house, caller, f"createLook(input: $input) {{ {LOOK} {ERRORS} }}", **good | changes)

    assert codes(payload) == [code]
    assert await house.count(Look.user_id == caller.user_id, table=Look) == 0
    assert await house.count(table=Product) == 0
    assert sorted(house.settings.media_folder.iterdir()) == files


async def test_a_look_is_changed_shared_and_deleted(house: House) -> None:
    caller, friend = await house.user(), await house.user()
    look_id = str((await house.look(caller)).id)
    look = f"{{ {LOOK} {ERRORS} }}"

    renamed = await mutate(house, caller, f"updateLook(input: $input) {look}", id=look_id, title="New")
    emptied = await mutate(house, caller, f"updateLook(input: $input) {look}", id=look_id, notes=None)
    shared = await mutate(
        house,
        caller,
        f"setLookVisibility(input: $input) {look}",
        id=look_id,
        visibility="SHARED",
        sharedWithUserIds=[str(friend.user_id)],
    )
    seen = await house.graphql(friend, '{ looks(view: SHARED_WITH_ME, search: "NEW") { nodes { id } } }')
    closed = await mutate(house, caller, f"setLookVisibility(input: $input) {look}", id=look_id, visibility="PRIVATE")
    deleted = await mutate(house, caller, f"deleteLook(input: $input) {{ deletedLookId {ERRORS} }}", id=look_id)
    gone = await mutate(house, caller, f"deleteLook(input: $input) {{ deletedLookId {ERRORS} }}", id=look_id)

    assert (renamed["look"]["title"], renamed["look"]["notes"]) == ("New", "Linen and wool in warm greys")
    assert (emptied["look"]["title"], emptied["look"]["notes"]) == ("New", None)
    assert shared["look"]["sharedWith"] == [{"userId": str(friend.user_id)}]
    assert seen["data"]["looks"]["nodes"] == [{"id": look_id}]
    assert (closed["look"]["visibility"], closed["look"]["sharedWith"]) == ("PRIVATE", [])
    assert deleted["deletedLookId"] == look_id
    assert codes(gone) == ["LOOK_NOT_FOUND"]
