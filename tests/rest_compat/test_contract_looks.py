"""`/api/v1/looks` row by row: making and changing looks, with their images."""

import base64
import json
from io import BytesIO
from typing import Any

import PIL.Image
import pytest

from auth.caller import Caller, Role
from db.tables import Look, LookShare, Product
from tests.house import House
from tests.rest_compat.test_contract import NOBODYS, call, refused

PATH = "/api/v1/looks"


def encoded(kind: str) -> bytes:
    target = BytesIO()
    PIL.Image.effect_noise((64, 48), 80).save(target, kind)
    return target.getvalue()


def bare(kind: str) -> str:
    return base64.b64encode(encoded(kind)).decode()


PNG = bare("PNG")
PRODUCT: dict[str, Any] = {"name": "Linen shirt", "thumbnailBase64": PNG}
LOOK: dict[str, Any] = {"generatedImageBase64": PNG, "products": [PRODUCT]}


async def make(house: House, caller: Caller, **fields: Any) -> dict[str, Any]:
    answer = await call(house, caller, "POST", PATH, json=LOOK | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def changed(house: House, caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await call(house, caller, "PATCH", f"{PATH}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    look: dict[str, Any] = answer.json()
    return look


async def rows_and_files(house: House) -> tuple[int, int, int, set[str]]:
    """Return what looks there are: rows of three tables, and the stored files."""
    looks, products, shares = [await house.count(table=table) for table in (Look, Product, LookShare)]
    return looks, products, shares, {path.name for path in house.settings.media_folder.iterdir()}


async def test_a_look_is_made_with_the_contracts_members(house: House) -> None:
    caller = await house.user()
    product = PRODUCT | {
        "sku": "LR-1",
        "designer": "Atelier",
        "price": 129.5,
        "productUrl": "https://working.example/1",
    }

    look = await make(house, caller, title=" Stone ", notes="Wool", products=[product, PRODUCT])

    assert (await call(house, caller, "GET", f"{PATH}/{look['id']}")).json() == look
    ids, times = [one.pop("id") for one in look["products"]], [one.pop("createdAt") for one in look["products"]]
    assert len(set(ids)) == 2
    assert all(time.endswith("Z") for time in (*times, look["createdAt"], look["updatedAt"]))
    image_url = f"{house.base_url}/media/{look['id']}-0.png"
    nothing = {"sku": None, "designer": None, "price": None, "productUrl": None}
    assert look == {
        "id": look["id"],
        "title": "Stone",
        "notes": "Wool",
        "generatedImageUrl": image_url,
        "products": [
            {name: value for name, value in product.items() if name != "thumbnailBase64"}
            | {"thumbnailUrl": f"{house.base_url}/media/{look['id']}-1.png"},
            {**nothing, "name": "Linen shirt", "thumbnailUrl": f"{house.base_url}/media/{look['id']}-2.png"},
        ],
        "visibility": "private",
        "sharedWith": [],
        "videos": [],
        "defaultThumbnailType": "image",
        "defaultThumbnailUrl": image_url,
        "createdAt": look["createdAt"],
        "updatedAt": look["createdAt"],
    }


async def test_images_are_served_as_what_they_are(house: House) -> None:
    kinds = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
    data = {kind: encoded(kind) for kind in kinds}
    text = {kind: base64.b64encode(data[kind]).decode() for kind in kinds}
    products = [{"name": kind, "thumbnailBase64": text[kind]} for kind in kinds]

    # What a data URI declares is not verified.
    look = await make(
        house, await house.user(), generatedImageBase64=f"data:image/png;base64,{text['JPEG']}", products=products
    )

    urls = [look["generatedImageUrl"], *(product["thumbnailUrl"] for product in look["products"])]
    served = [await house.http.get(url) for url in urls]
    assert [(one.status_code, one.headers["Content-Type"], one.content) for one in served] == [
        (200, kinds[kind], data[kind]) for kind in ("JPEG", *kinds)
    ]


async def test_a_large_image_is_accepted(house: House) -> None:
    large = encoded("JPEG") + b"\x00" * 19 * 1024 * 1024

    look = await make(house, await house.user(), generatedImageBase64=base64.b64encode(large).decode())

    assert (await house.http.get(look["generatedImageUrl"])).content == large


async def test_a_repeated_sku_is_kept_once_and_products_without_one_all(house: House) -> None:
    skus = ["A-1", None, "A-1", " A-1 ", "", "a-1", None]
    products = [PRODUCT | {"name": str(number), "sku": sku} for number, sku in enumerate(skus)]

    look = await make(house, await house.user(), products=products)

    assert [(one["name"], one["sku"]) for one in look["products"]] == [
        ("0", "A-1"),
        ("1", None),
        ("4", None),
        ("5", "a-1"),
        ("6", None),
    ]


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"products": []}, "A look needs at least one product"),
        ({"products": [PRODUCT] * 101}, "A look has at most 100 products"),
        ({"generatedImageBase64": ""}, "generatedImageBase64 is empty"),
        ({"generatedImageBase64": "data:image/png;base64,"}, "generatedImageBase64 is empty"),
        ({"generatedImageBase64": "not base64!"}, "generatedImageBase64 is not valid base64"),
        (
            {"generatedImageBase64": base64.b64encode(b"no image").decode()},
            "generatedImageBase64 is not an image (JPEG, PNG, WebP, GIF or AVIF)",
        ),
        ({"products": [PRODUCT, PRODUCT | {"thumbnailBase64": "ä"}]}, "products.1.thumbnailBase64 is not valid base64"),
        ({"products": [PRODUCT | {"name": " "}]}, "products.0.name is required"),
        ({"products": [PRODUCT | {"price": -0.01}]}, "products.0.price must be 0 to 9999999999.99"),
        ({"products": [PRODUCT | {"price": "1e999999"}]}, "products.0.price must be 0 to 9999999999.99"),
        ({"title": "x" * 501}, "title must be at most 500 characters"),
        ({"notes": "a\x00b"}, "notes contains characters that cannot be stored"),
        ({"visibility": "shared", "sharedWithUserIds": ["no-uuid"]}, "User not found"),
    ],
)
async def test_a_look_that_breaks_a_rule_is_a_400_and_leaves_nothing(
    house: House, fields: dict[str, Any], detail: str
) -> None:
    caller = await house.user()
    before = await rows_and_files(house)

    assert await refused(house, caller, "POST", PATH, json=LOOK | fields) == (400, detail)
    assert await rows_and_files(house) == before


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"products": None}, ["products"]),
        ({"products": [{"thumbnailBase64": PNG}]}, ["products", 0, "name"]),
        ({"products": [PRODUCT | {"price": "cheap"}]}, ["products", 0, "price"]),
        ({"products": [PRODUCT | {"price": "1_0"}]}, ["products", 0, "price"]),
        ({"products": [PRODUCT | {"price": "\u0661"}]}, ["products", 0, "price"]),
        ({"products": [PRODUCT | {"price": "10\n"}]}, ["products", 0, "price"]),
        ({"visibility": "secret"}, ["visibility"]),
        ({"title": 7}, ["title"]),
    ],
)
async def test_a_look_of_the_wrong_shape_is_a_422_and_leaves_nothing(
    house: House, fields: dict[str, Any], loc: list[str]
) -> None:
    caller = await house.user()
    before = await rows_and_files(house)

    status, detail = await refused(house, caller, "POST", PATH, json=LOOK | fields)

    assert (status, [problem["loc"] for problem in detail]) == (422, [["body", *loc]])
    assert await rows_and_files(house) == before


@pytest.mark.parametrize(
    ("price", "shown"),
    [(None, None), (0, 0.0), ("129.00", 129.0), (9999999999.99, 9999999999.99), (0.004, 0.0), ("1e-20000", 0.0)],
)
async def test_a_price_is_kept_to_the_cent(house: House, price: object, shown: float | None) -> None:
    body = LOOK | {"products": [PRODUCT | {"price": price}]}

    answer = await call(house, await house.user(), "POST", PATH, json=body)

    assert answer.status_code == 201, answer.text
    assert [product["price"] for product in answer.json()["products"]] == [shown]


@pytest.mark.parametrize(
    ("body", "title", "notes"),
    [
        ({}, "Stone", "Wool"),
        ({"title": "Clay"}, "Clay", "Wool"),
        ({"notes": " Linen "}, "Stone", "Linen"),
        ({"title": None}, "Stone", "Wool"),
        ({"title": "", "notes": None}, None, "Wool"),
        ({"id": NOBODYS, "visibility": "public"}, "Stone", "Wool"),
    ],
)
@pytest.mark.parametrize("by_admin", [False, True])
async def test_title_and_notes_are_changed_one_by_one(
    house: House, body: dict[str, Any], title: str | None, notes: str | None, *, by_admin: bool
) -> None:
    owner = await house.user()
    look = await make(house, owner, title="Stone", notes="Wool")
    caller = await house.user(role=Role.ADMIN) if by_admin else owner

    now = await changed(house, caller, look["id"], body)

    assert now == look | {"title": title, "notes": notes, "updatedAt": now["updatedAt"]}
    assert now["updatedAt"] >= look["updatedAt"]
    assert (await call(house, owner, "GET", f"{PATH}/{look['id']}")).json() == now


@pytest.mark.parametrize("size", [0, 200_000], ids=["small", "large"])
@pytest.mark.parametrize(
    ("more", "name"),
    [
        ('"title": "a", "title": "b"', "title"),
        ('"title": "a", "t\\u0069tle": "b"', "title"),
        ('"products": []', "products"),
        ('"notes": null, "notes": "x"', "notes"),
    ],
)
async def test_a_member_that_is_there_twice_is_refused(house: House, more: str, name: str, size: int) -> None:
    before, caller = await rows_and_files(house), await house.user()
    look = LOOK | {"generatedImageBase64": base64.b64encode(base64.b64decode(PNG) + bytes(size)).decode()}
    body = json.dumps(look)[:-1] + f", {more}}}"

    answer = await call(house, caller, "POST", PATH, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["field"]) == (400, name)
    assert answer.json()["detail"] == f"'{name}' is given more than once in one object"
    assert await rows_and_files(house) == before


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"titel": "x"}, ["titel"]),
        ({"generatedImageUrl": "https://working.example/a.png"}, ["generatedImageUrl"]),
        ({"lookId": NOBODYS}, ["lookId"]),
        ({"title": "a", "Title": "b"}, ["Title"]),
        ({"products": [PRODUCT, PRODUCT | {"prize": 1}]}, ["products", 1, "prize"]),
        ({"products": [PRODUCT | {"productUrl": "https://a.example", "product_url": "https://b.example"}]}, None),
        ({"sharedWithUserIds": [], "shared_with_user_ids": [NOBODYS]}, None),
    ],
)
async def test_a_member_that_nobody_knows_is_refused_by_name(
    house: House, fields: dict[str, Any], place: list[object] | None
) -> None:
    before, caller = await rows_and_files(house), await house.user()

    answer = await call(house, caller, "POST", PATH, json=LOOK | fields)

    assert answer.status_code == 422
    (mistake,) = answer.json()["detail"]
    assert mistake["type"] == "extra_forbidden"
    assert place is None or mistake["loc"] == ["body", *place]
    assert await rows_and_files(house) == before


async def test_members_may_be_spelled_with_underscores(house: House) -> None:
    product = {"name": "Coat", "product_url": "https://working.example/1", "thumbnail_base64": PNG}

    look = await call(
        house, await house.user(), "POST", PATH, json={"generated_image_base64": PNG, "products": [product]}
    )

    assert [one["productUrl"] for one in look.json()["products"]] == ["https://working.example/1"]
