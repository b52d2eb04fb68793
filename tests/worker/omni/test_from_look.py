"""A video of a look with the look in it: its own picture and its products', read from the storage by the server."""

import base64
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from auth.caller import Caller
from db.tables import Look
from providers.omni.requests import WITHOUT_PROMPT
from resolvers.errors import IdempotencyKeyReused
from tests.worker.omni.house import OmniStudio
from tests.worker.studio import CHARGED, JPEG, Money, WireName, picture, wires

LOOK = picture("PNG", "gold")
PRODUCTS = [picture("PNG", color) for color in ("maroon", "navy", "olive")]
UNTOUCHED = Money(tokens=100, charges=0, refunds=0)


@dataclass(frozen=True)
class Shown:
    """A look, and its products' ids in their order."""

    owner: Caller
    id: str
    products: list[str]


@pytest.fixture
async def look(studio: OmniStudio) -> Shown:
    owner = await studio.house.user()
    products = [
        {"name": f"Product {number}", "thumbnailBase64": base64.b64encode(data).decode()}
        for number, data in enumerate(PRODUCTS)
    ]
    body = {"title": "Gold", "generatedImageBase64": base64.b64encode(LOOK).decode(), "products": products}
    answer = await studio.house.http.post("/api/v1/looks", json=body, headers=studio.house.headers(owner))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Shown(owner, made["id"], [product["id"] for product in made["products"]])


async def sent(studio: OmniStudio, look: Shown, *files: Any, **fields: Any) -> tuple[list[bytes], str]:
    """Make a video of the look; return the images that reached Omni, in their order, and the prompt with roles."""
    job_id = await studio.created(look.owner, *files, lookId=look.id, **fields)
    async with studio.working():
        job = await studio.house.finished(job_id)
    assert (job.status, job.error_message) == ("SUCCEEDED", None)
    assert await studio.money(look.owner) == CHARGED
    (create,) = studio.omni.creates
    return [data for data, _ in create.images], create.text


@wires
async def test_the_looks_picture_is_the_first_frame_and_two_products_are_references(
    studio: OmniStudio, look: Shown, over: WireName
) -> None:
    chosen = [look.products[2], look.products[0]]

    images, text = await sent(studio, look, over=over, useLookImage="initial", productIds=chosen)

    assert images == [LOOK, PRODUCTS[2], PRODUCTS[0]]
    assert text == (
        "[# Sources <FIRST_FRAME>@Image1] [# References <IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3] "
        "The model turns slowly"
    )


@wires
async def test_the_looks_picture_is_a_reference_before_its_products(
    studio: OmniStudio, look: Shown, over: WireName
) -> None:
    uploaded = ("referenceImages", JPEG)

    images, text = await sent(studio, look, uploaded, over=over, useLookImage="reference", productIds=look.products[:1])

    assert images == [LOOK, PRODUCTS[0], JPEG]
    assert text.startswith("[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2 <IMAGE_REF_2>@Image3] The model")


@wires
@pytest.mark.parametrize(
    ("use", "begins"), [("initial", "<FIRST_FRAME> "), ("reference", "[# References <IMAGE_REF_0>")]
)
async def test_with_the_looks_picture_the_prompt_may_be_left_out(
    studio: OmniStudio, look: Shown, over: WireName, use: str, begins: str
) -> None:
    images, text = await sent(studio, look, over=over, useLookImage=use, prompt=None)

    assert images == [LOOK]
    assert text.startswith(begins)
    assert WITHOUT_PROMPT in text


@wires
@pytest.mark.parametrize("use", [None, "none", " NONE "])
async def test_by_default_the_look_is_just_linked(
    studio: OmniStudio, look: Shown, over: WireName, use: str | None
) -> None:
    images, text = await sent(studio, look, over=over, useLookImage=use)

    assert (images, text) == ([], "The model turns slowly")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"useLookImage": "first"}, "useLookImage must be 'none', 'initial' or 'reference'"),
    ({"useLookImage": "initial", "lookId": None}, "'useLookImage' needs a 'lookId'"),
    ({"productIds": "first", "lookId": None}, "'productIds' needs a 'lookId'"),
    ({"useLookImage": "initial", "lookId": "unknown"}, "Invalid look_id"),
    ({"useLookImage": "initial", "lookId": str(uuid4())}, "Invalid look_id"),
    ({"productIds": [str(uuid4())]}, "productIds must be ids of the look's products"),
    ({"productIds": ["unknown"]}, "productIds must be ids of the look's products"),
    ({"productIds": [str(uuid4()) for _ in range(4)]}, "At most 3 productIds are taken"),
    ({"useLookImage": "reference", "productIds": "all"}, "At most 3 reference images are taken"),
    ({"productIds": "first", "prompt": None}, "Either 'prompt' or 'initialImage' is required"),
    ({"useLookImage": "initial", "resolution": "8k"}, "Resolution must be '720p' or '1080p'"),
]


@wires
@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[message for _, message in REFUSED])
async def test_what_cannot_be_is_refused_before_it_costs_anything(
    studio: OmniStudio, look: Shown, over: WireName, fields: dict[str, Any], message: str
) -> None:
    chosen = {"all": look.products, "first": look.products[:1]}
    ids = fields.get("productIds")
    asked = {"lookId": look.id} | fields | ({"productIds": chosen[ids]} if isinstance(ids, str) else {})

    await is_refused(studio, look.owner, over, message, **asked)


@wires
async def test_two_first_frames_are_one_too_many(studio: OmniStudio, look: Shown, over: WireName) -> None:
    message = "'useLookImage' as 'initial' stands in place of an 'initialImage'"

    await is_refused(studio, look.owner, over, message, ("initialImage", JPEG), lookId=look.id, useLookImage="initial")


@wires
async def test_nobody_gets_at_the_pictures_of_anothers_look(studio: OmniStudio, look: Shown, over: WireName) -> None:
    async with studio.house.database.session() as session:
        (await session.get_one(Look, look.id)).visibility = "public"

    stranger = await studio.house.user()
    for asked in ({"useLookImage": "initial"}, {"productIds": [str(look.id)]}):
        await is_refused(studio, stranger, over, "Invalid look_id", lookId=look.id, **asked)


@wires
async def test_a_picture_that_is_kept_elsewhere_is_never_fetched(
    studio: OmniStudio, look: Shown, over: WireName
) -> None:
    async with studio.house.database.session() as session:
        (await session.get_one(Look, look.id)).generated_image_url = f"{studio.front.url}/secret.png"

    message = "The look's picture is not in the storage; upload it instead"
    await is_refused(studio, look.owner, over, message, lookId=look.id, useLookImage="initial")


@wires
@pytest.mark.parametrize("change", ["deleted", "another picture"])
async def test_a_repeated_request_gets_its_job_whatever_the_look_has_become(
    studio: OmniStudio, look: Shown, over: WireName, change: str
) -> None:
    asked = {"lookId": look.id, "useLookImage": "initial", "productIds": look.products[:1], "idempotencyKey": "once"}
    first = await studio.create(look.owner, ("endFrame", JPEG), over=over, **asked)
    if change == "deleted":
        await studio.house.http.delete(f"/api/v1/looks/{look.id}", headers=studio.house.headers(look.owner))
    else:
        async with studio.house.database.session() as session:
            (await session.get_one(Look, look.id)).generated_image_url = f"{studio.front.url}/another.png"
    before = await studio.traces(look.owner), dict(studio.cloudinary.files)

    again = await studio.create(look.owner, ("endFrame", JPEG), over=over, **asked)
    other = await studio.create(look.owner, ("endFrame", LOOK), over=over, **asked)

    assert again.job is not None
    assert first.job is not None
    assert (again.job["id"], again.replayed) == (first.job["id"], True)
    assert (other.job, other.message) == (None, IdempotencyKeyReused().message)
    assert (await studio.traces(look.owner), dict(studio.cloudinary.files)) == before


async def is_refused(
    studio: OmniStudio, caller: Caller, over: WireName, message: str, *files: Any, **fields: Any
) -> None:
    before = await studio.traces(caller), dict(studio.cloudinary.files)

    said = await studio.create(caller, *files, over=over, **fields)

    assert (said.job, said.message) == (None, message)
    assert (await studio.traces(caller), dict(studio.cloudinary.files)) == before
    assert await studio.money(caller) == UNTOUCHED


async def test_a_quote_says_the_same(studio: OmniStudio, look: Shown) -> None:
    query = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) {
      errors { ... on UserError { message } } } }"""
    asked = {"model": "veo-3.1-generate-preview", "resolution": "720p", "aspectRatio": "16:9", "mockMode": False}
    asked |= {"lookId": look.id, "useLookImage": "initial"}

    errors = []
    for products in ([look.products[0]], [str(uuid4())]):
        answer = await studio.house.graphql(look.owner, query, input=asked | {"productIds": products})
        errors.append([error["message"] for error in answer["data"]["videoJobQuote"]["errors"]])

    assert errors[0] == []
    assert "productIds must be ids of the look's products" in errors[1]
    assert await studio.money(look.owner) == UNTOUCHED
