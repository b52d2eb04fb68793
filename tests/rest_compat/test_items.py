"""Pages that are encoded from rows have the very bytes that the wire models would have."""

import pytest
from sqlalchemy import text

from auth.caller import Caller
from db.looks import ProductRow
from rest_compat.bodies import Items
from rest_compat.look_wire import LookListBody, ProductBody
from rest_compat.wire import VideoJobBody, VideoJobListBody, Wire
from tests.house import House

STRANGE = 'A "quoted" \\ title\twith \x01 controls, é, \u2028, \U0001f457 and </script>'
SPOIL = [
    "UPDATE looks SET title = :strange, created_at = '2026-01-02 03:04:05+02', updated_at = '2026-12-31 23:59:59.9+00'",
    "UPDATE products SET sku = NULL, designer = NULL, price = 0.1, product_url = NULL WHERE position = 0",
    "UPDATE products SET price = 12345678.9, name = :strange WHERE position = 1",
    "UPDATE products SET price = NULL, thumbnail_url = 'https://cdn.test/a/../b.jpg' WHERE position = 2",
    "UPDATE video_jobs SET prompt = :strange WHERE prompt = 'Number 0'",
    """UPDATE video_jobs SET prompt = NULL, status = 'SUCCEEDED', cloudinary_url = '/media/x.mp4', version = 9,
    progress_percentage = 100, completed_at = now(), thumbnail_url = 'https://cdn.test/x.jpg',
    updated_at = '2026-01-02 03:04:05.1+00' WHERE prompt = 'Number 1'""",
]


async def furnished(house: House) -> Caller:
    """Return a user with looks and jobs in which everything is that may be there, or may be missing."""
    caller, friend = await house.user(tokens=1000), await house.user()
    shown, bare = await house.look(caller), await house.look(caller)
    for number in range(2):
        job = await house.create(caller, lookId=shown.id, prompt=f"Number {number}")
        link = f'linkVideoToLook(input: {{videoJobId: "{job}", lookId: "{bare.id}"}})'
        await house.graphql(caller, f"mutation {{ {link} {{ errors {{ __typename }} }} }}")
    await house.create(caller, prompt="In no look")
    share = (
        f'setLookVisibility(input: {{id: "{shown.id}", visibility: SHARED, sharedWithUserIds: ["{friend.user_id}"]}})'
    )
    await house.graphql(caller, f"mutation {{ {share} {{ errors {{ __typename }} }} }}")
    async with house.database.session() as session:
        for statement in SPOIL:
            await session.execute(text(statement), {"strange": STRANGE * 3} if ":strange" in statement else {})
    return caller


@pytest.mark.parametrize(
    ("path", "model", "items"),
    [("/api/v1/looks", LookListBody, "looks"), ("/api/v1/video-jobs", VideoJobListBody, "jobs")],
)
async def test_a_page_has_the_bytes_of_its_model(house: House, path: str, model: type[Wire], items: str) -> None:
    caller = await furnished(house)

    answer = await house.http.get(path, headers=house.headers(caller))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert len(answer.json()[items]) >= 2
    assert answer.content == model.model_validate_json(answer.content).model_dump_json(by_alias=True).encode()


def test_a_member_that_no_column_has_is_found_when_the_module_is_loaded() -> None:
    Items(ProductBody, ProductRow)

    with pytest.raises(TypeError, match=r"^ProductRow has no aspect_ratio, .* for VideoJobBody$"):
        Items(VideoJobBody, ProductRow, made=["logs"])
