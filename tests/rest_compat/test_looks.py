"""`GET /api/v1/looks/{id}`: who may see a look, and what they see."""

import pytest
from sqlalchemy import text

from auth.caller import Caller, Role
from db.tables import LookShare
from tests.house import House


async def read(house: House, caller: Caller, look_id: object) -> tuple[int, dict[str, object]]:
    answer = await house.http.get(f"/api/v1/looks/{look_id}", headers=house.headers(caller))
    return answer.status_code, answer.json()


async def test_a_look_has_the_contracts_members(house: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)

    status, body = await read(house, caller, look.id)

    assert status == 200
    created_at = body["videos"][0].pop("createdAt")  # type: ignore[index]
    assert str(created_at).endswith("Z")
    assert body["videos"] == [
        {"id": job_id, "status": "PENDING", "cloudinaryUrl": None, "isDefault": False, "progressPercentage": 0}
        | {"aiGenerated": True, "contentCredentials": None}
    ]
    assert {name: body[name] for name in ("title", "visibility", "sharedWith", "defaultThumbnailType")} == {
        "title": "Stone Essence",
        "visibility": "private",
        "sharedWith": [],
        "defaultThumbnailType": "image",
    }
    assert body["defaultThumbnailUrl"] == body["generatedImageUrl"] == f"{house.base_url}/media/sample_look.jpg"
    products = body["products"]
    assert isinstance(products, list)
    assert [(product["sku"], product["price"]) for product in products] == [
        ("LR-1001", 129.0),
        ("LR-1002", 189.0),
        ("LR-1003", 79.5),
    ]


async def test_a_look_without_videos_has_an_empty_list(house: House) -> None:
    caller = await house.user()

    _, body = await read(house, caller, (await house.look(caller)).id)

    assert body["videos"] == []


@pytest.mark.parametrize(
    ("visibility", "statuses"),
    [
        ("private", {"owner": 200, "shared with": 404, "unknown_caller": 404, "admin": 200}),
        ("shared", {"owner": 200, "shared with": 200, "unknown_caller": 404, "admin": 200}),
        ("public", {"owner": 200, "shared with": 200, "unknown_caller": 200, "admin": 200}),
    ],
)
async def test_visibility_decides_who_sees_a_look(house: House, visibility: str, statuses: dict[str, int]) -> None:
    callers = {
        "owner": await house.user(),
        "shared with": await house.user(),
        "unknown_caller": await house.user(),
        "admin": await house.user(role=Role.ADMIN),
    }
    look = await house.look(callers["owner"])
    async with house.database.session() as session:
        session.add(LookShare(look_id=look.id, user_id=callers["shared with"].user_id))
        await session.execute(text("UPDATE looks SET visibility = :v WHERE id = :i"), {"v": visibility, "i": look.id})

    assert {who: (await read(house, caller, look.id))[0] for who, caller in callers.items()} == statuses


@pytest.mark.parametrize("look_id", ["no-uuid", "00000000-0000-7000-8000-000000000000"])
async def test_an_unknown_or_malformed_id_is_a_404(house: House, look_id: str) -> None:
    status, body = await read(house, await house.user(), look_id)

    assert (status, body["detail"]) == (404, "Look not found")


async def test_a_succeeded_default_video_stands_for_the_look(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    async with house.database.session() as session:
        await session.execute(text("UPDATE look_videos SET is_default = true"))
    _, before = await read(house, caller, look.id)

    await house.finished(job_id)
    _, after = await read(house, caller, look.id)

    assert before["defaultThumbnailType"] == "image"
    assert after["defaultThumbnailType"] == "video"
    assert after["defaultThumbnailUrl"] == f"{house.base_url}/media/{job_id}.mp4"
