"""The headers around every call of the REST contract: request ids, and what pages of other origins may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from app.settings import Settings
from db.engine.database import Database
from tests.house import FORM, House, http_client, multipart
from tests.rest_compat.test_contract import NOBODYS, call, well_formed
from tests.servers import serving

ORIGIN = "https://working.example"


async def test_a_request_id_is_taken_over_or_made(house: House) -> None:
    sent = str(uuid4())

    taken = await call(house, None, "GET", "/api/v1/looks", headers={"X-Request-ID": sent})
    made = await call(house, None, "GET", "/api/v1/looks", headers={"X-Request-ID": "rubbish"})
    in_success = await call(house, await house.user(), "GET", "/api/v1/looks")

    assert well_formed(taken)["requestId"] == sent
    assert UUID(well_formed(made)["requestId"])
    assert UUID(in_success.headers["X-Request-ID"])


async def test_a_fault_is_told_with_its_request_id(settings: Settings, house: House) -> None:
    class Broken(Database):
        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[Any]:
            raise RuntimeError("secret inside")
            yield

    broken = Broken(settings.database_url or "")
    async with serving(settings, broken) as base_url, http_client(base_url) as http:
        answer = await http.get("/api/v1/looks", headers=house.headers(house.unknown_caller()))
    await broken.close()

    body = answer.json()
    assert (answer.status_code, body["detail"], body["code"]) == (500, "Internal server error", "INTERNAL_ERROR")
    assert "secret inside" not in answer.text
    assert answer.headers.get("X-Request-ID") == body["requestId"]


async def test_pages_of_a_named_origin_may_call_and_read(settings: Settings, database: Database, house: House) -> None:
    named = settings.model_copy(update={"cors_origins": f"{ORIGIN}, https://other.example"})
    asking = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    caller = await house.user()

    async with serving(named, database) as base_url, http_client(base_url) as http:
        preflights = [await http.options(f"/api/v1/looks/{NOBODYS}{slash}", headers=asking) for slash in ("", "/")]
        refusal = await http.get("/api/v1/looks", headers={"Origin": ORIGIN})
        created = await http.post(
            "/api/v1/video-jobs", files=multipart(FORM), headers=house.headers(caller) | {"Origin": ORIGIN}
        )
        foreign = await http.options("/api/v1/looks", headers=asking | {"Origin": "https://evil.example"})

    for preflight in preflights:
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert {"PATCH", "DELETE", "POST"} <= set(preflight.headers["Access-Control-Allow-Methods"].split(", "))
        allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.replace(" ", "").split(","))
    assert (refusal.status_code, created.status_code) == (401, 202)
    for answer in (refusal, created):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == {
            "ETag",
            "Location",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "Preference-Applied",
            "Idempotent-Replayed",
            "WWW-Authenticate",
            "X-Request-ID",
            "Accept-Ranges",
            "Content-Disposition",
            "Content-Range",
        }
    assert foreign.status_code == 400
    assert "Access-Control-Allow-Origin" not in foreign.headers


async def test_no_other_origin_is_let_in_by_default(house: House) -> None:
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    preflight = await call(house, None, "OPTIONS", "/api/v1/video-jobs", headers=asking)
    read = await call(house, await house.user(), "GET", "/api/v1/video-jobs", headers={"Origin": ORIGIN})

    assert (preflight.status_code, read.status_code) == (405, 200)
    for answer in (preflight, read):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("named", "status"), [("", 403), (ORIGIN, 101)])
async def test_pages_of_a_named_origin_may_open_websockets(
    settings: Settings, database: Database, named: str, status: int
) -> None:
    async with serving(settings.model_copy(update={"cors_origins": named}), database) as base_url:
        shaking_hands = connect(
            f"{base_url.replace('http', 'ws', 1)}/graphql",
            origin=Origin(ORIGIN),
            subprotocols=[Subprotocol("graphql-transport-ws")],
        )
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            await (await shaking_hands).close()
        else:
            with pytest.raises(InvalidStatus) as refusal:
                await shaking_hands
            assert refusal.value.response.status_code == status


async def test_a_lost_database_is_told_on_both_wires(settings: Settings, house: House) -> None:
    headers = house.headers(await house.user())
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing")

    async with serving(settings, nowhere) as base_url, http_client(base_url) as http:
        rest = await http.get("/api/v1/looks", headers=headers)
        graphql = await http.post("/graphql", json={"query": "{ looks { nodes { id } } }"}, headers=headers)
        health = await http.get("/healthz")
    await nowhere.close()

    assert (rest.status_code, rest.json()["code"], rest.headers["Retry-After"]) == (503, "DATABASE_UNAVAILABLE", "1")
    assert (graphql.status_code, graphql.headers["Retry-After"]) == (503, "1")
    assert graphql.json()["errors"][0]["extensions"] == {"code": "DATABASE_UNAVAILABLE"}
    assert health.status_code == 503
