"""What an operator's machines ask: is it alive, is it ready, and how is it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from app.asgi import _rest, services_of
from app.http.requests import MOUNTED, route_of
from app.settings import Settings
from db import pauses, submission_pace, video_jobs
from db.enums import PauseScope
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.servers import serving

TOKEN = "only the scraper knows it"
POLL = "query Mine($id: ID!) { videoJob(id: $id) { status } }"


@pytest.fixture
async def scraped(house: House, settings: Settings) -> AsyncIterator[House]:
    """A house of its own, whose metrics can be read."""
    own = settings.model_copy(update={"metrics_token": TOKEN})
    database = InspectedDatabase(house.database.server.url)
    async with serving(own, database) as url, House.opened(own, database, url) as opened:
        yield opened
    await database.close()


async def metrics(house: House) -> dict[str, float]:
    answer = await house.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def ready(house: House) -> tuple[int, str, dict[str, str]]:
    answer = await house.http.get("/readyz")
    body = answer.json()
    return answer.status_code, body["status"], body["problems"]


async def test_a_process_that_answers_is_alive_and_ready(house: House) -> None:
    assert (await house.http.get("/livez")).text == "ok\n"
    assert await ready(house) == (200, "ready", {})


async def test_what_is_wrong_is_named_and_most_requests_go_on(house: House) -> None:
    async with house.database.transaction() as transaction:
        await pauses.begin(transaction, PauseScope.REAL, "Moving")
        await submission_pace.set_trouble(transaction, "veo", "no such key")

    assert await ready(house) == (
        200,
        "degraded",
        {"provider": "Our credentials are refused by veo.", "creations": "Paused by an operator (REAL)."},
    )
    body = (await house.http.get("/healthz")).json()
    assert (body["status"], body["creations"]) == ("degraded", "Paused by an operator: Moving")


@pytest.mark.parametrize(
    ("change", "undo", "problem"),
    [
        ("UPDATE alembic_version SET version_num = 'account_status' WHERE version_num <> '0003'", None, "migrations"),
        ("ALTER TABLE pgqueuer DISABLE TRIGGER USER", "ALTER TABLE pgqueuer ENABLE TRIGGER USER", "queue"),
        (
            "ALTER TABLE submission_pace RENAME TO away",
            "ALTER TABLE away RENAME TO submission_pace",
            "database",
        ),
    ],
)
async def test_without_what_every_request_needs_it_is_not_ready(
    house: House, change: str, undo: str | None, problem: str
) -> None:
    async with house.database.raw_connection() as connection:
        before = [row["version_num"] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
        await connection.execute(change)
        try:
            code, status, problems = await ready(house)
        finally:
            if undo:
                await connection.execute(undo)
            await connection.execute("DELETE FROM alembic_version")
            await connection.execute("INSERT INTO alembic_version SELECT unnest($1::text[])", before)

    assert (code, status, list(problems)) == (503, "unavailable", [problem])
    assert await ready(house) == (200, "ready", {})


async def test_the_optional_table_and_a_newer_release_are_no_reason_to_be_unready(house: House) -> None:
    async with house.database.raw_connection() as connection:
        await connection.execute("DELETE FROM alembic_version WHERE version_num = '0003'")
        without = await ready(house)
        await connection.execute("INSERT INTO alembic_version VALUES ('0003'), ('9999')")
        newer = await ready(house)
        await connection.execute("DELETE FROM alembic_version WHERE version_num = '9999'")

    assert (without, newer) == ((200, "ready", {}), (200, "ready", {}))


async def test_a_database_that_hangs_is_named_within_a_second(house: House) -> None:
    async with house.database.raw_connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE submission_pace IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        code, status, problems = await ready(house)
        seconds = time.monotonic() - began
        alive = await house.http.get("/livez")

    assert (code, status, list(problems), alive.status_code) == (503, "unavailable", ["database"], 200)
    assert seconds < 1.5, "an orchestrator asks with limits of its own"


async def test_a_full_disk_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.readiness.LEAST_FREE_BYTES", 10**18)

    assert await ready(house) == (200, "degraded", {"storage": "The disk of DATA_DIR is full."})


async def test_a_disk_that_hangs_holds_one_thread_however_often_it_is_asked_about(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, looks = threading.Event(), []

    def hang(_: object) -> None:
        looks.append(threading.get_ident())
        gate.wait(10)

    monkeypatch.setattr("app.readiness.Readiness._trouble_of_disk", hang)
    problems = [await ready(house) for _ in range(3)]
    gate.set()

    assert problems == [(200, "degraded", {"storage": "The disk of DATA_DIR does not answer."})] * 3
    assert len(looks) == 1
    monkeypatch.undo()
    await eventually(lambda: ready(house), lambda answer: answer == (200, "ready", {}))


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer \u00e4"])
async def test_metrics_are_for_whoever_has_the_token(house: House, scraped: House, sent: str | None) -> None:
    headers = {} if sent is None else {b"authorization": sent.encode()}
    refused = await scraped.http.get("/metrics", headers=headers)

    assert (refused.status_code, "lookreel" in refused.text) == (401, False)
    assert (await house.http.get("/metrics", headers=headers)).status_code == 404, "no token, no metrics"


async def test_requests_are_counted_by_what_is_ours(scraped: House) -> None:
    caller = await scraped.user()
    job_id = await scraped.create(caller)
    before = await metrics(scraped)
    tag = (await scraped.http.get(f"/api/v1/video-jobs/{job_id}", headers=scraped.headers(caller))).headers["ETag"]

    for _ in range(2):
        headers = {**scraped.headers(caller), "If-None-Match": tag}
        assert (await scraped.http.get(f"/api/v1/video-jobs/{job_id}", headers=headers)).status_code == 304
    await scraped.http.get(f"/nowhere/{uuid4()}")
    await scraped.http.request("PROPFIND", "/api/v1/video-jobs")
    await scraped.graphql(caller, POLL, id=job_id)
    await scraped.graphql(caller, "query A_free_text { mine: videoJob(id: 1) { unknown_field } }")
    await scraped.graphql(caller, "{ __typename videoJob(id: 1) { id } }")
    after = await metrics(scraped)

    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    requests = {name: number for name, number in grown.items() if name.startswith("lookreel_http_requests_total")}
    job_route = 'method="GET",route="/api/v1/video-jobs/{video_job_id}"'
    assert requests == {
        f'lookreel_http_requests_total{{{job_route},status="200"}}': 1,
        f'lookreel_http_requests_total{{{job_route},status="304"}}': 2,
        'lookreel_http_requests_total{method="GET",route="other",status="404"}': 1,
        'lookreel_http_requests_total{method="other",route="/api/v1/video-jobs",status="405"}': 1,
        'lookreel_http_requests_total{method="POST",route="/graphql",status="200"}': 3,
        'lookreel_http_requests_total{method="GET",route="/metrics",status="200"}': 1,
    }
    operations = {name: number for name, number in grown.items() if name.startswith("lookreel_graphql_operations_tot")}
    assert operations == {
        'lookreel_graphql_operations_total{operation="query videoJob",outcome="ok"}': 1,
        'lookreel_graphql_operations_total{operation="query several",outcome="ok"}': 1,
        'lookreel_graphql_operations_total{operation="refused",outcome="errors"}': 1,
    }
    assert not [name for name in after if job_id in name or "free_text" in name or "nowhere" in name]


async def test_each_route_has_a_name_of_ours(house: House) -> None:
    app = _rest(house.settings.model_copy(update={"metrics_token": TOKEN}), services_of(house.settings, house.database))
    routes = (route for route in app.routes if not isinstance(route, APIRoute))
    paths = [str(vars(route)["path"]).partition("/{")[0] for route in routes]
    seen = {
        path: route_of({"type": "http", "method": "GET", "path": f"{path}/x" if path in MOUNTED else path})
        for path in paths
    }

    assert paths
    assert seen == {path: path for path in paths}


async def test_fallbacks_to_the_default_executor_are_counted(scraped: House) -> None:
    caller = await scraped.user()
    name = 'lookreel_graphql_fallbacks_total{reason="variables"}'
    before = (await metrics(scraped)).get(name, 0)

    await scraped.graphql(caller, POLL, id={"not": "an id"})

    assert (await metrics(scraped))[name] == before + 1


async def test_tokens_pool_waits_streams_and_memory_are_taken_over(scraped: House) -> None:
    charged, refunded = (f'lookreel_tokens_total{{kind="{kind}"}}' for kind in ("CHARGE", "REFUND"))
    before = await metrics(scraped)
    caller = await scraped.user(tokens=1000)
    job_id = await scraped.create(caller)
    await scraped.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=scraped.headers(caller))
    await asyncio.gather(*(video_jobs.versions(scraped.database.reader, []) for _ in range(6)))

    after = await eventually(lambda: metrics(scraped), lambda found: found.get(refunded, 0) > before.get(refunded, 0))

    assert (after[charged] - before.get(charged, 0), after[refunded] - before.get(refunded, 0)) == (50, 50)
    waits = 'lookreel_pool_waits_total{pool="reads"}'
    assert after[waits] > before.get(waits, 0)
    assert after['lookreel_memory_bytes{process="api"}'] > 10_000_000
    assert (after["lookreel_streams_open"], after["lookreel_feed_seconds_behind"] < 3) == (0, True)


async def test_what_is_rolled_back_moves_no_tokens(house: House) -> None:
    database = InspectedDatabase(house.database.server.url)
    caller = await house.user()
    with suppress(ZeroDivisionError):
        async with database.transaction() as transaction:
            transaction.tokens["CHARGE"] += 50
            raise ZeroDivisionError
    await database.close()

    assert (database.tokens, await house.tokens(caller)) == ({}, 100)


async def test_the_queue_is_told_from_the_database(scraped: House) -> None:
    caller = await scraped.user(tokens=100)
    _, told_to_wait = await scraped.create(caller), await scraped.create(caller)
    async with scraped.database.session() as session:
        await session.execute(
            text("UPDATE pgqueuer SET execute_after = now() + interval '1 hour' WHERE dedupe_key = :job"),
            {"job": told_to_wait},
        )
        await session.execute(text("UPDATE video_jobs SET created_at = now() - interval '1 hour'"))
        await session.execute(text("UPDATE pgqueuer SET created = now() - interval '1 minute'"))
        await session.execute(text("DELETE FROM workers"))
        await session.execute(
            text(
                "INSERT INTO workers (id, seen_at) VALUES (gen_random_uuid(), now()), (:other, now() - interval '31 s')"
            ),
            {"other": uuid4()},
        )
        await session.execute(
            text("INSERT INTO file_removals VALUES ('a', now(), 1), ('b', now(), 0), ('c', now() + interval '1 d', 0)")
        )

    found = await metrics(scraped)

    names = ("jobs_active", "queue_places")
    counts = {name: value for name, value in found.items() if name.startswith(tuple(f"lookreel_{n}" for n in names))}
    assert counts == {
        'lookreel_jobs_active{status="pending"}': 2,
        'lookreel_jobs_active{status="running"}': 0,
        'lookreel_queue_places{state="queued"}': 1,
        'lookreel_queue_places{state="deferred"}': 1,
        'lookreel_queue_places{state="picked"}': 0,
    }
    assert 3600 <= found["lookreel_jobs_oldest_pending_seconds"] < 3700
    assert 60 <= found["lookreel_queue_oldest_seconds"] < 160
    # The other one was killed, and what it had taken stays taken.
    assert found["lookreel_workers_alive"] == 1
    assert (found["lookreel_file_removals_due"], found["lookreel_file_removals_failed"]) == (2, 1)
    assert (found["lookreel_database_up"], found["lookreel_paused"], found["lookreel_providers_refusing"]) == (1, 0, 0)


async def test_metrics_are_there_without_the_database(scraped: House) -> None:
    async with scraped.database.raw_connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE video_jobs IN ACCESS EXCLUSIVE MODE")
        found = await metrics(scraped)

    assert found["lookreel_database_up"] == 0
    assert not [name for name in found if name.startswith("lookreel_jobs_active")]
    assert found['lookreel_memory_bytes{process="api"}'] > 0
