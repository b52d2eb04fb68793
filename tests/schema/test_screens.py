"""The documents of `examples/screens`: valid, answered by a live server, at a cost that does not grow with the page."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from graphql import build_schema, parse, validate
from sqlalchemy import text

from auth.caller import Caller, Role
from tests.house import House
from tests.schema.test_queries import statements
from tests.schema.twins import Twins

ROOT = Path(__file__).parents[2]
SCREENS = sorted((ROOT / "examples" / "screens").glob("*.graphql"))
DOCUMENTS = {path: path.read_text() for path in SCREENS}
SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text())
FAIL = """UPDATE video_jobs SET status = 'FAILED', error_code = 'FAULT', error_message = 'No', completed_at = now()
    WHERE id = ANY(:ids)"""
LINK_ALL = "INSERT INTO look_videos (look_id, video_job_id) SELECT :look, id FROM video_jobs"


async def furnish(house: House, caller: Caller, size: int) -> UUID:
    """Make so many looks with a video each, every second one failed; the first look shows all of them."""
    looks = [(await house.look(caller)).id for _ in range(size)]
    jobs = []
    for look in looks:
        jobs.append(UUID(await house.create(caller, lookId=look)))
        async with house.database.session() as session:
            await session.execute(text(FAIL), {"ids": jobs[-1:] if len(jobs) % 2 else []})
            await session.execute(text("DELETE FROM pgqueuer"))
            # So that each may have a video, however few may be in progress.
            await session.execute(
                text("UPDATE video_jobs SET status = 'CANCELLED', completed_at = now() WHERE status = 'PENDING'")
            )
    async with house.database.session() as session:
        await session.execute(text(LINK_ALL + " ON CONFLICT DO NOTHING"), {"look": looks[0]})
    return looks[0]


def reads(sent: Iterable[str]) -> list[str]:
    return [statement for statement in sent if statement.startswith("SELECT")]


def test_there_are_six_and_each_is_valid() -> None:
    assert [path.stem for path in SCREENS] == [
        "admin-video-jobs",
        "create-video",
        "look-page",
        "looks-grid",
        "token-history",
        "video-jobs",
    ]
    assert [validate(SCHEMA, parse(DOCUMENTS[path])) for path in SCREENS] == [[]] * 6


async def test_each_costs_as_many_statements_for_eight_as_for_two(house: House) -> None:
    costs: list[dict[str, int]] = []
    for size in (2, 8):
        caller = await house.user(tokens=1000)
        look = await furnish(house, caller, size)
        answers: dict[str, Any] = {}
        costs.append({})
        for path in SCREENS:
            asker = replace(caller, role=Role.ADMIN) if path.stem.startswith("admin") else caller
            variables = {"id": str(look), "lookId": str(look)} if path.stem in {"look-page", "create-video"} else {}
            with statements() as sent:
                body = await house.graphql(asker, DOCUMENTS[path], first=size, **variables)
            assert "errors" not in body, (path.stem, body["errors"])
            answers[path.stem], costs[-1][path.stem] = body["data"], len(reads(sent))
        check(answers, size)
        await house.clear()

    assert costs[0] == costs[1]


def check(answers: dict[str, Any], size: int) -> None:
    """Look whether the screens show what there is."""
    grid = answers["looks-grid"]["looks"]
    assert (grid["totalCount"], [look["videoCount"] for look in grid["nodes"]]) == (size, [1] * (size - 1) + [size])
    videos = answers["look-page"]["look"]["videos"]
    assert [video["errorCode"] for video in videos] == [None, "FAULT"] * (size // 2)
    assert all(video["videoJob"]["id"] == video["videoJobId"] for video in videos)
    jobs = answers["video-jobs"]["videoJobs"]
    counts = {found["status"]: found["count"] for found in jobs["countsByStatus"]}
    none = {"PENDING": 0, "RUNNING": 0, "SUCCEEDED": 0}
    assert (jobs["totalCount"], counts) == (size, none | {"FAILED": size // 2, "CANCELLED": size // 2})
    history = answers["token-history"]["viewer"]["tokens"]["transactions"]
    assert history["totalCount"] >= size
    assert {entry["videoJob"]["prompt"] for entry in history["nodes"] if entry["videoJob"]} == {
        "The model turns slowly"
    }
    assert answers["create-video"]["look"]["viewerCanEdit"] is True
    admins = answers["admin-video-jobs"]["adminVideoJobs"]
    assert admins["failuresByCode"] == [{"errorCode": "FAULT", "count": size // 2}]
    assert len({node["user"]["email"] for node in admins["nodes"]}) == 1


@pytest.mark.parametrize(
    "path", [path for path in SCREENS if not path.stem.startswith("admin")], ids=lambda path: path.stem
)
async def test_both_executors_answer_alike(twins: Twins, path: Path) -> None:
    body = await twins.agree(DOCUMENTS[path], id=twins.ids["LOOK"], lookId=twins.ids["LOOK"], first=5)

    assert body["errors"] == []
    assert twins.fallbacks == {}


@pytest.mark.parametrize(
    "query",
    [
        "query ($n: Int, $s: [VideoJobStatus!]) { looks { nodes { id a: videos(first: $n, status: $s) { id } } } }",
        'query ($n: Int, $s: VideoJobStatus) { look(id: "LOOK") { videos(first: $n, status: $s) { id status } } }',
        "query ($n: Int, $s: VideoJobStatus) { videoJobs(first: $n, status: $s) { nodes { id } totalCount } }",
        "query ($n: Int) { videoJobs { nodes { associatedLooks { videos(first: $n) { id } owner { email } } } } }",
    ],
)
@pytest.mark.parametrize(
    ("first", "status"), [(1, "SUCCEEDED"), (0, "FAILED"), (2, None), (None, "SUCCEEDED"), (101, None)]
)
async def test_both_executors_take_arguments_alike(
    twins: Twins, query: str, first: int | None, status: str | None
) -> None:
    body = await twins.agree(query, n=first, s=status)

    assert bool(body["errors"]) is (first == 101)
