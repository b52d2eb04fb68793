"""A look's notes, why its videos failed, and who somebody is: for whom they are, and nobody else."""

from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from auth.caller import Caller, Role
from resolvers import accounts
from tests.house import House
from tests.schema.mutate import png
from tests.schema.test_queries import statements

ORIGIN = {"aiGenerated", "contentCredentials"}
IMAGE = b64encode(png("red")).decode()
NOTES, ERROR = "Only for us", "Refused for what the prompt says"
LOOK = """{ id title notes viewerCanEdit owner { userId email name }
  videos { status errorCode errorMessage videoJob { user { userId email name } } } }"""
ONE = f"query ($id: ID!) {{ look(id: $id) {LOOK} node(id: $id) {{ ... on Look {LOOK} }} }}"
LISTED = f"query ($view: LookView) {{ looks(view: $view) {{ nodes {LOOK} }} }}"
# The default executor does what has an interface; batch execution the rest.
SETTLE = """UPDATE video_jobs SET status = 'FAILED', error_code = 'CONTENT_FILTERED', error_message = :error,
    completed_at = now()"""


class Scene:
    """A public look that is shared, too, with a failed video; its owner has a name."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def made(self) -> "Scene":
        house = self.house
        self.owner = await house.user()
        self.callers = {"owner": self.owner, "admin": await house.user(role=Role.ADMIN), "other": await house.user()}
        self.look = str((await house.look(self.owner)).id)
        await house.create(self.owner, lookId=self.look)
        async with house.database.session() as session:
            await session.execute(text(SETTLE), {"error": ERROR})
            await session.execute(text("UPDATE users SET name = 'Ada' WHERE id = :id"), {"id": self.owner.user_id})
            changes = text("UPDATE looks SET notes = :notes, visibility = 'public' WHERE id = :id")
            await session.execute(changes, {"notes": NOTES, "id": UUID(self.look)})
        return self

    async def seen(self, caller: Caller) -> list[dict[str, Any]]:
        """Return the look as each way to read it shows it."""
        one = (await self.house.graphql(caller, ONE, id=self.look))["data"]
        listed = (await self.house.graphql(caller, LISTED, view="PUBLIC"))["data"]["looks"]["nodes"]
        return [one["look"], one["node"], *listed]


@pytest.mark.parametrize("who", ["owner", "admin", "other"])
async def test_each_sees_of_a_public_look_what_is_for_them(house: House, who: str) -> None:
    scene = await Scene(house).made()
    owner, is_theirs = scene.owner, who != "other"

    seen = await scene.seen(scene.callers[who])

    whole = {"userId": str(owner.user_id), "email": owner.email, "name": "Ada"}
    expected = {
        "id": scene.look,
        "title": "Stone Essence",
        "notes": NOTES if is_theirs else None,
        "viewerCanEdit": is_theirs,
        "owner": whole if is_theirs else whole | {"email": None, "name": None},
        "videos": [
            {
                "status": "FAILED",
                "errorCode": "CONTENT_FILTERED" if is_theirs else None,
                "errorMessage": ERROR if is_theirs else None,
                "videoJob": {"user": whole} if is_theirs else None,
            }
        ],
    }
    assert seen == [expected] * 3


async def test_rest_shows_notes_to_whoever_may_see_the_look_and_no_more_than_before(house: House) -> None:
    scene = await Scene(house).made()

    answer = await house.http.get(f"/api/v1/looks/{scene.look}", headers=house.headers(scene.callers["other"]))

    body = answer.json()
    assert body["notes"] == NOTES
    assert set(body) == {
        *("id", "title", "notes", "generatedImageUrl", "products", "visibility", "sharedWith", "videos"),
        *("defaultThumbnailType", "defaultThumbnailUrl", "createdAt", "updatedAt"),
    }
    assert [set(video) for video in body["videos"]] == [
        {"id", "status", "cloudinaryUrl", "isDefault", "createdAt", "progressPercentage"} | ORIGIN
    ]
    assert ERROR not in answer.text
    assert str(scene.owner.email) not in answer.text


@pytest.mark.parametrize("wire_name", ["graphql", "rest"])
async def test_a_look_is_found_by_its_notes_only_by_whom_they_are_for(house: House, wire_name: str) -> None:
    owner, friend, admin = await house.user(), await house.user(), await house.user(role=Role.ADMIN)
    for visibility in ("public", "shared"):
        look = {"title": f"Straße {visibility}", "notes": "For Zoë ONLY", "generatedImageBase64": IMAGE}
        products = [{"name": f"Shirt {owner.user_id}", "sku": "LR-1", "thumbnailBase64": IMAGE}]
        shared = {"visibility": visibility, "sharedWithUserIds": [str(friend.user_id)]}
        made = await house.http.post(
            "/api/v1/looks", json=look | shared | {"products": products}, headers=house.headers(owner)
        )
        assert made.status_code == 201

    async def found(caller: Caller, view: str, search: str) -> int:
        if wire_name == "rest":
            asked = {"view_type": view, "search": search}
            answer = await house.http.get("/api/v1/looks", params=asked, headers=house.headers(caller))
            return int(answer.json()["total"])
        query = "query ($v: LookView, $s: String) { looks(view: $v, search: $s) { totalCount nodes { id } } }"
        listed = (await house.graphql(caller, query, v=view.upper(), s=search))["data"]["looks"]
        assert listed["totalCount"] == len(listed["nodes"])
        return int(listed["totalCount"])

    for search, is_of_notes in {"zoë only": True, "lr-1\x1ffor": True, "STRASSE": False, "lr-1": False}.items():
        assert await found(owner, "my_private", search) == 2
        assert await found(admin, "public", search) >= 1
        assert await found(friend, "shared_with_me", search) == (0 if is_of_notes else 1), search
        assert (await found(friend, "public", search) == 0) is is_of_notes, search


async def test_what_nobody_may_know_is_not_even_read(house: House) -> None:
    scene = await Scene(house).made()
    query = "query ($id: ID!) { look(id: $id) { owner { email } videos { videoJob { user { email } } } } }"

    asked = [scene.owner.user_id, scene.callers["other"].user_id]
    known = await accounts.profiles(house.database.reader, scene.callers["other"], asked)
    with statements() as sent:
        body = await house.graphql(scene.callers["other"], query, id=scene.look)

    assert body["data"]["look"] == {"owner": {"email": None}, "videos": [{"videoJob": None}]}
    assert [statement for statement in sent if "users.name" in statement] == []
    assert list(known) == [scene.callers["other"].user_id]
