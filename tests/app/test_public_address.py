"""Behind a proxy with TLS or a prefix, elsewhere or here: URLs of media and `Location` are what clients can ask for."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.settings import Settings
from auth.caller import Caller
from db.engine.database import Database
from tests.house import FORM, House, http_client, multipart
from tests.servers import serving
from tests.workers import at_work

READ = "query ($id: ID!) { videoJob(id: $id) { cloudinaryUrl thumbnailUrl } }"
FOLLOW = "subscription ($id: ID!) { videoJob(id: $id) { cloudinaryUrl } }"
PUBLIC = "https://studio.example/lookreel"


@asynccontextmanager
async def behind(settings: Settings, database: Database, public_url: str | None) -> AsyncIterator[str]:
    async with serving(settings.model_copy(update={"public_url": public_url}), database) as url:
        yield url


async def stored(house: House, caller: Caller) -> str:
    job_id = await house.create(caller)
    async with at_work(house.settings, house.database):
        await house.finished(job_id)
    return job_id


# The setting, what the proxy sends, the prefix that it leaves in the path, and where clients reach the service.
PROXIES: list[tuple[str | None, dict[str, str], str, str]] = [
    (PUBLIC, {}, "", PUBLIC),
    (PUBLIC, {}, "/lookreel", PUBLIC),
    (PUBLIC, {"X-Forwarded-Prefix": "/elsewhere", "Host": "10.0.0.7:8000"}, "", PUBLIC),
    ("https://studio.example", {}, "", "https://studio.example"),
    ("http://studio.example:8080/a/b", {}, "/a/b", "http://studio.example:8080/a/b"),
    (None, {"X-Forwarded-Prefix": "/lookreel", "Host": "studio.example"}, "", "http://studio.example/lookreel"),
    (None, {"X-Forwarded-Prefix": "/a/b/", "Host": "studio.example"}, "/a/b", "http://studio.example/a/b"),
    (
        None,
        {"X-Forwarded-Prefix": "/a", "X-Forwarded-Proto": "https", "Host": "studio.example"},
        "",
        "https://studio.example/a",
    ),
    (None, {"X-Forwarded-Prefix": "/", "Host": "studio.example"}, "", "http://studio.example"),
    *(
        (None, {"X-Forwarded-Prefix": odd, "Host": "studio.example"}, "", "http://studio.example")
        for odd in ("//evil.example", "evil", "/a b", "/..", "/a/../b", "/a?b", "/" + "a" * 300, "/a, /b")
    ),
]


@pytest.mark.parametrize(("public_url", "headers", "path", "public"), PROXIES)
async def test_urls_are_what_clients_can_ask_for(
    house: House, public_url: str | None, headers: dict[str, str], path: str, public: str
) -> None:
    caller = await house.user(tokens=1000)
    job_id = await stored(house, caller)
    sent = house.headers(caller) | headers
    video = f"{public}/media/{job_id}.mp4"
    async with behind(house.settings, house.database, public_url) as url, http_client(f"{url}{path}") as http:
        job = (await http.get(f"/api/v1/video-jobs/{job_id}/", headers=sent)).json()
        (item,) = (await http.get("/api/v1/video-jobs", headers=sent)).json()["jobs"]
        download = await http.get(f"/api/v1/video-jobs/{job_id}/download", headers=sent)
        created = await http.post("/api/v1/video-jobs", headers=sent, files=multipart(FORM))
        asked = await http.post("/graphql", headers=sent, json={"query": READ, "variables": {"id": job_id}})
        media = await http.head(f"/media/{job_id}.mp4", headers=headers)
        home = await http.get("/", headers=headers)
        followed = await first_of(f"{url}{path}", house, caller, headers, job_id)

    below = public.removeprefix(public.partition("//")[0] + "//").partition("/")
    assert (job["cloudinaryUrl"], item["cloudinaryUrl"]) == (video, video)
    assert download.headers["Location"] == f"{video}?download"
    prefix = f"/{below[2]}" if below[2] else ""
    assert created.headers["Location"] == f"{prefix}/api/v1/video-jobs/{created.json()['id']}"
    assert asked.json()["data"]["videoJob"] == {
        "cloudinaryUrl": video,
        "thumbnailUrl": f"{public}/media/{job_id}-poster.jpg",
    }
    assert media.status_code == 200
    assert (home.status_code, 'src="studio/js/main.js"' in home.text) == (200, True)
    assert followed == {"videoJob": {"cloudinaryUrl": video}}


async def first_of(url: str, house: House, caller: Caller, headers: dict[str, str], job_id: str) -> Any:
    """Follow the job over WebSocket; return the first event's data."""
    sent = {name: value for name, value in headers.items() if name != "Host"}
    host = headers.get("Host")
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    options: dict[str, Any] = {"additional_headers": sent}
    if host:
        there = url.removeprefix("http://").partition("/")[0]
        address = address.replace(there, host)
        name, _, port = there.partition(":")
        options |= {"host": name, "port": int(port)}
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], **options) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": house.headers(caller)}))
        await socket.recv()
        subscribe = {"query": FOLLOW, "variables": {"id": job_id}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": subscribe}))
        return json.loads(await socket.recv())["payload"]["data"]
