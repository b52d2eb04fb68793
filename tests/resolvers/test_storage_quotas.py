"""How much one user keeps: looks and bytes of images, refused before anything is decoded."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from sqlalchemy import func, select

from auth.caller import Caller
from db import quotas
from db.file_removals import STORES_END_WITHIN
from db.tables import FileRemoval, Look, Product
from resolvers import image_files
from resolvers.errors import StorageQuota
from resolvers.limits import quota_reached
from resolvers.policy import Quotas
from tests.house import FORM, House
from tests.policies import under_policy
from tests.schema.mutate import png
from tests.worker.studio import WireName, over_graphql, over_rest, wires
from tests.workers import files_are_removed

CREATE = """mutation ($input: CreateLookInput!) { createLook(input: $input) {
  look { id } errors { code message } } }"""
OVER = {"rest": over_rest, "graphql": over_graphql}


def large(color: str = "red", size: int = 400_000) -> bytes:
    """Return a PNG with as many bytes, which end behind the picture and go when it is stored."""
    return png(color) + b"\0" * (size - len(png(color)))


async def create_look(house: House, caller: Caller, over: WireName = "rest", image: bytes = b"") -> tuple[int, str]:
    """Return the status and the code, or nothing, of a creation."""
    picture = b64encode(image or png()).decode()
    asked: dict[str, Any] = {
        "generatedImageBase64": picture,
        "products": [{"name": "Coat", "thumbnailBase64": b64encode(png()).decode()}],
    }
    if over == "rest":
        answer = await house.http.post("/api/v1/looks", json=asked, headers=house.headers(caller))
        return answer.status_code, answer.json().get("code", "")
    payload = (await house.graphql(caller, CREATE, input=asked))["data"]["createLook"]
    return 200, "".join(error["code"] for error in payload["errors"])


async def left_behind(house: House) -> tuple[int, int, list[Any]]:
    files = sorted(house.settings.media_folder.glob("*"))
    return await house.count(table=Look), await house.count(table=Product), files


@wires
async def test_one_look_more_is_refused_undecoded_and_deleting_makes_room(
    house: House, over: WireName, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, other = await house.user(), await house.user()
    decoded: list[str] = []
    async with under_policy(house, "[quotas]\nlooks = 2") as small:
        made = [await create_look(small, caller, over) for _ in range(2)]
        before = await left_behind(small)
        for name in ("decoded_image", "verified_image", "without_metadata"):
            monkeypatch.setattr(image_files, name, lambda *_, **__: decoded.append("an image"))
        refused = await create_look(small, caller, over)
        after = await left_behind(small)
        monkeypatch.undo()
        others = await create_look(small, other, over)
        looks = (await small.http.get("/api/v1/looks", headers=small.headers(caller))).json()["looks"]
        await small.http.delete(f"/api/v1/looks/{looks[0]['id']}", headers=small.headers(caller))
        again = await create_look(small, caller, over)

    assert [code for _, code in (*made, others, again)] == [""] * 4
    assert refused == (429 if over == "rest" else 200, "STORAGE_QUOTA")
    assert (decoded, after) == ([], before)


async def test_a_quota_says_when_to_come_again(house: House) -> None:
    caller = await house.user()
    async with under_policy(house, "[quotas]\nlooks = 1") as small:
        await create_look(small, caller)
        body = {"generatedImageBase64": "", "products": [{"name": "Coat", "thumbnailBase64": ""}]}
        answer = await small.http.post("/api/v1/looks", json=body, headers=small.headers(caller))

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
    assert answer.json()["detail"] == (
        "You may keep 1 looks. Nothing was stored or charged. Please delete some looks first."
    )


@wires
async def test_bytes_of_looks_and_of_jobs_in_progress_count_as_stored(house: House, over: WireName) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    async with under_policy(house, "[quotas]\nstored_megabytes = 1") as small:
        await create_look(small, caller, over)
        await OVER[over](small, other, [("initialImage", png("blue"))], FORM)
        said = await OVER[over](small, caller, [("initialImage", png("red"))], FORM)
        kept = await quotas.kept_by(house.database.reader, caller.user_id)
        before, traces = await left_behind(small), await house.traces(caller)
        look = await create_look(small, caller, over, large(size=999_900))
        job = await OVER[over](small, caller, [("initialImage", large(size=999_900))], FORM)
        without_images = await OVER[over](small, caller, [], FORM)
        after = await left_behind(small)
        assert said.job is not None
        await small.http.post(f"/api/v1/video-jobs/{said.job['id']}/cancel", headers=small.headers(caller))
        left = await quotas.kept_by(house.database.reader, caller.user_id)

    stored = sum(map(len, (png(), png(), png("red"))))
    assert (kept.looks, kept.stored_bytes, left.stored_bytes) == (1, stored, stored - len(png("red")))
    assert [look[1], job.code, without_images.code] == ["STORAGE_QUOTA", "STORAGE_QUOTA", None]
    assert (before, traces.tokens) == (after, 950)


async def test_looks_made_side_by_side_pass_no_quota_together(house: House) -> None:
    caller = await house.user()
    async with under_policy(house, "[quotas]\nlooks = 3") as small:
        found = await asyncio.gather(*(create_look(small, caller) for _ in range(20)))
        await files_are_removed(small)

    assert sorted(found) == [(201, "")] * 3 + [(429, "STORAGE_QUOTA")] * 17
    assert await house.count(Look.user_id == caller.user_id, table=Look) == 3
    assert await house.count(FileRemoval.due_at <= func.now(), table=FileRemoval) == 0
    assert await house.count(FileRemoval.due_at > func.now() + STORES_END_WITHIN, table=FileRemoval) == 0
    async with house.database.session() as session:
        urls = set(await session.scalars(select(Look.generated_image_url)))
    assert len(urls) == 3
    assert len([file for file in house.settings.media_folder.glob("*-0.png") if f"/media/{file.name}" in urls]) == 3


async def test_a_quota_of_bytes_can_be_used_up(house: House) -> None:
    caller, limits = await house.user(), Quotas(stored_megabytes=1)

    fits, is_too_much = [
        await quota_reached(house.database.reader, caller.user_id, limits, stored_bytes=number)
        for number in (1_000_000, 1_000_001)
    ]

    assert (fits, str(is_too_much)) == (None, str(StorageQuota("1 MB of images")))
