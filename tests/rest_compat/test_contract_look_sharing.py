"""`/api/v1/looks` row by row: sharing looks, keeping others from changing them, deleting them."""

from uuid import uuid4

import pytest

from auth.caller import Caller, Role
from db.tables import Look, LookShare, LookVideo, Product, User
from tests.house import House
from tests.rest_compat.test_contract import call, refused
from tests.rest_compat.test_contract_looks import LOOK, PATH, changed, make, rows_and_files
from tests.workers import files_are_removed

NOT_FOUND = (404, "Look not found")
TOO_MANY = (400, "A look can be shared with at most 1000 users")
NO_USER = (400, "User not found")


async def status_for(house: House, caller: Caller, look_id: str) -> int:
    return (await call(house, caller, "GET", f"{PATH}/{look_id}")).status_code


async def test_a_list_of_countless_strangers_is_refused(house: House) -> None:
    caller = await house.user()
    sharing = {"visibility": "shared", "sharedWithUserIds": [str(uuid4()) for _ in range(33_000)]}
    look = await make(house, caller)

    assert await refused(house, caller, "POST", PATH, json=LOOK | sharing) == TOO_MANY
    assert await refused(house, caller, "PATCH", f"{PATH}/{look['id']}/visibility", json=sharing) == TOO_MANY


@pytest.mark.parametrize("visibility", ["private", "shared", "public"])
async def test_a_look_may_be_shared_from_the_start(house: House, visibility: str) -> None:
    owner, friend, unknown_caller = [await house.user() for _ in range(3)]
    ids = [str(friend.user_id), str(friend.user_id).upper()]

    look = await make(house, owner, visibility=visibility, sharedWithUserIds=ids)

    shared_with = [{"id": str(friend.user_id), "email": None, "name": None}]
    assert look["visibility"] == visibility
    assert look["sharedWith"] == (shared_with if visibility == "shared" else [])
    seen = [await status_for(house, who, look["id"]) for who in (owner, friend, unknown_caller)]
    assert seen == {"private": [200, 404, 404], "shared": [200, 200, 404], "public": [200] * 3}[visibility]


@pytest.mark.parametrize("visibility", ["private", "shared", "public"])
@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("PATCH", "/visibility"), ("DELETE", "")])
async def test_whoever_does_not_own_a_look_cannot_change_it(
    house: House, visibility: str, method: str, path: str
) -> None:
    owner, viewer = await house.user(), await house.user()
    look = await make(house, owner, visibility=visibility, sharedWithUserIds=[str(viewer.user_id)])
    body = {"title": "Mine", "visibility": "public"} if method == "PATCH" else None
    before = await rows_and_files(house)

    assert await refused(house, viewer, method, f"{PATH}/{look['id']}{path}", json=body) == NOT_FOUND
    assert await rows_and_files(house) == before
    assert (await call(house, owner, "GET", f"{PATH}/{look['id']}")).json() == look


async def test_a_list_of_viewers_replaces_the_old_one_and_does_not_outlive_sharing(house: House) -> None:
    owner, one, two = [await house.user() for _ in range(3)]
    look = await make(house, owner, visibility="shared", sharedWithUserIds=[str(one.user_id)])
    path = f"{look['id']}/visibility"
    steps: list[tuple[str, list[Caller], list[Caller]]] = [
        ("shared", [two], [two]),
        ("shared", [one, two], [one, two]),
        ("private", [one], []),
        ("shared", [], []),
        ("shared", [one], [one]),
        ("public", [], []),
    ]

    for visibility, asked, expected in steps:
        body = {"visibility": visibility, "sharedWithUserIds": [str(who.user_id) for who in asked]}
        now = await changed(house, owner, path, body)
        assert now["visibility"] == visibility
        assert {user["id"] for user in now["sharedWith"]} == {str(who.user_id) for who in expected}
        seen = {who for who in (one, two) if await status_for(house, who, look["id"]) == 200}
        assert seen == ({one, two} if visibility == "public" else set(expected))


@pytest.mark.parametrize("ids", [["no-uuid"], ["known", "no-uuid"], [""]])
async def test_sharing_with_what_is_no_id_changes_nothing(house: House, ids: list[str]) -> None:
    owner, friend, other = [await house.user() for _ in range(3)]
    look = await make(house, owner, visibility="shared", sharedWithUserIds=[str(friend.user_id)])
    asked = [str(other.user_id) if id_ == "known" else id_ for id_ in ids]
    body = {"visibility": "shared", "sharedWithUserIds": asked}

    assert await refused(house, owner, "PATCH", f"{PATH}/{look['id']}/visibility", json=body) == NO_USER
    assert (await call(house, owner, "GET", f"{PATH}/{look['id']}")).json() == look


@pytest.mark.parametrize("by_admin", [False, True])
async def test_a_look_goes_with_its_images_and_its_videos_stay(house: House, *, by_admin: bool) -> None:
    owner, friend = await house.user(), await house.user()
    look = await make(house, owner, visibility="shared", sharedWithUserIds=[str(friend.user_id)])
    kept = await make(house, owner)
    job_id = await house.create(owner, lookId=look["id"])
    caller = await house.user(role=Role.ADMIN) if by_admin else owner

    answer = await call(house, caller, "DELETE", f"{PATH}/{look['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    await files_are_removed(house)
    for table, rows in ((Look, 1), (Product, 1), (LookShare, 0), (LookVideo, 0)):
        assert await house.count(table=table) == rows
    for url, status in (
        (look["generatedImageUrl"], 404),
        (look["products"][0]["thumbnailUrl"], 404),
        (kept["generatedImageUrl"], 200),
    ):
        assert (await house.http.get(url)).status_code == status
    job = (await call(house, owner, "GET", f"/api/v1/video-jobs/{job_id}")).json()
    assert (job["status"], job["associatedLooks"], await house.tokens(owner)) == ("PENDING", [], 50)
    assert await house.count(User.id == friend.user_id, table=User) == 1
    for method in ("GET", "DELETE"):
        assert await refused(house, caller, method, f"{PATH}/{look['id']}") == NOT_FOUND


async def test_null_shares_with_nobody(house: House) -> None:
    owner = await house.user()
    look = await make(house, owner, visibility="shared", sharedWithUserIds=None)
    body = {"visibility": "shared", "sharedWithUserIds": None}

    answer = await call(house, owner, "PATCH", f"{PATH}/{look['id']}/visibility", json=body)

    assert (look["sharedWith"], answer.status_code, answer.json()["sharedWith"]) == ([], 200, [])
