"""Heads: which requests are refused for theirs, and what those of answers say."""

import asyncio
import gzip
from pathlib import Path

import httpx
import pytest
import websockets
from asgi_correlation_id import CorrelationIdMiddleware
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app.http.front import Front
from app.settings import Settings
from tests.house import FORM, House, multipart
from tests.servers import create_app, serving

JOBS = "/api/v1/video-jobs"


async def asked(house: House, *lines: str, path: str = "/healthz", version: str = "1.1") -> tuple[int, str]:
    """Send a head as it is; return the status and all that came."""
    reader, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)
    head = "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/{version}", *lines, "Connection: close"))
    writer.write(f"{head}\r\n".encode("latin-1"))
    answer = (await asyncio.wait_for(reader.read(), 30)).decode("latin-1")
    writer.close()
    return int(answer.split(" ", 2)[1]), answer


@pytest.mark.parametrize("path", ["/healthz", JOBS, "/graphql?query=%7B__typename%7D", "/media/x.png", "/docs"])
@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "INVALID_HOST"),
        (["Host: "], "INVALID_HOST"),
        (["Host: a b"], "INVALID_HOST"),
        (["Host: evil.example/media?"], "INVALID_HOST"),
        (["Host: user@evil.example"], "INVALID_HOST"),
        (["Host: evil.example:80:80"], "INVALID_HOST"),
        (["Host: \xe9vil"], "INVALID_HOST"),
        (["Host: house", "Host: house"], "REPEATED_HEADER"),
        (["Host: house", "host: evil.example"], "REPEATED_HEADER"),
        (["Host: house", "Authorization: Bearer x", "Authorization: Bearer y"], "REPEATED_HEADER"),
        (["Host: house", "Idempotency-Key: a", "Idempotency-Key: a"], "REPEATED_HEADER"),
        (["Host: house", "Content-Type: application/json", "Content-Type: text/plain"], "REPEATED_HEADER"),
    ],
)
async def test_a_head_with_two_meanings_is_refused(house: House, path: str, lines: list[str], code: str) -> None:
    status, answer = await asked(house, *lines, path=path)

    assert status == 400
    assert code in answer


@pytest.mark.parametrize("host", ["house", "house:80", "HOUSE.example", "a_b:8000", "127.0.0.1", "[::1]:8000"])
async def test_a_host_is_a_name_or_a_number(house: House, host: str) -> None:
    assert (await asked(house, f"Host: {host}"))[0] == 200


async def test_before_http_1_1_there_were_no_hosts(house: House) -> None:
    assert (await asked(house, version="1.0"))[0] == 200


async def test_two_idempotency_keys_cost_nothing(house: House) -> None:
    caller = await house.user()
    before = await house.traces(caller)
    keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await house.http.post(JOBS, files=multipart(FORM), headers=[*house.headers(caller).items(), *keys])

    assert (answer.status_code, answer.json()["code"]) == (400, "REPEATED_HEADER")
    assert await house.traces(caller) == before


@pytest.mark.parametrize("path", [JOBS, "/api/v1/subscription/consume", "/graphql"])
async def test_what_is_compressed_is_not_read(house: House, path: str) -> None:
    caller = await house.user()
    before = await house.traces(caller)
    headers = house.headers(caller) | {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    answer = await house.http.post(path, content=gzip.compress(b"{}"), headers=headers)

    assert answer.status_code == 415
    assert "A request is sent without a Content-Encoding" in answer.text
    assert await house.traces(caller) == before


async def test_hosts_may_be_named(house: House, settings: Settings) -> None:
    named = settings.model_copy(update={"allowed_hosts": "Studio.example, *.lookreel.example"})
    async with serving(named, house.database) as url, httpx.AsyncClient(base_url=url) as http:
        statuses = {
            host: [(await http.get(path, headers={"Host": host})).status_code for path in ("/healthz", "/docs")]
            for host in (
                *("studio.example", "STUDIO.example:8000", "a.lookreel.example"),
                *("evil.example", "lookreel.example", "studio.example.evil.example", "127.0.0.1"),
            )
        }
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(
                f"{url.replace('http', 'ws', 1)}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
            ):
                pass

    assert list(statuses.values()) == [[200, 200]] * 3 + [[400, 400]] * 4
    assert refused.value.response.status_code == 400


async def test_a_page_of_another_origin_may_read_why_a_head_is_refused(house: House, settings: Settings) -> None:
    origin = {"Origin": "https://page.example"}
    named = settings.model_copy(update={"allowed_hosts": "studio.example", "cors_origins": origin["Origin"]})
    asking = origin | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with serving(named, house.database) as url, httpx.AsyncClient(base_url=url) as http:
        asked_first = await http.options(JOBS, headers=asking)
        elsewhere = await http.get(JOBS, headers=origin)
        compressed = await http.get(JOBS, headers=origin | {"Host": "studio.example", "Content-Encoding": "gzip"})

    assert (asked_first.status_code, elsewhere.status_code, compressed.status_code) == (200, 400, 415)
    assert elsewhere.json()["code"] == "HOST_NOT_ALLOWED"
    for answer in (asked_first, elsewhere, compressed):
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]


async def test_answers_to_somebody_are_not_kept(house: House) -> None:
    caller = await house.user()
    headers = house.headers(caller)
    job = await house.create(caller)
    kept = {}
    for path in ("/api/v1/looks", JOBS, "/api/v1/subscription/info", "/api/v1/looks/nothing", f"{JOBS}/{job}"):
        kept[path] = (await house.http.get(path, headers=headers)).headers["Cache-Control"]
    query = {"query": "{ viewer { id } }"}
    kept["/graphql"] = (await house.http.post("/graphql", json=query, headers=headers)).headers["Cache-Control"]

    # A job is revalidated by its tag.
    assert kept.pop(f"{JOBS}/{job}") == "private, no-cache"
    assert kept == dict.fromkeys(kept, "no-store")
    public = await house.http.get("/openapi.json")
    assert (public.status_code, public.headers.get("Cache-Control")) == (200, None)
    assert public.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("scheme", "expected"), [("https", "max-age=15552000"), ("http", None)])
async def test_browsers_are_told_of_tls_behind_it(house: House, scheme: str, expected: str | None) -> None:
    answer = await house.http.get("/healthz", headers={"X-Forwarded-Proto": scheme})

    assert answer.headers.get("Strict-Transport-Security") == expected


@pytest.mark.parametrize("path", ["/graphql", "/docs"])
@pytest.mark.parametrize(("scheme", "sockets"), [("https", "wss"), ("http", "ws")])
async def test_a_page_connects_to_its_own_host_only(house: House, path: str, scheme: str, sockets: str) -> None:
    headers = {"Accept": "text/html", "Host": "studio.example:81", "X-Forwarded-Proto": scheme}
    answer = await house.http.get(path, headers=headers)

    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["connect-src"] == f"'self' {sockets}://studio.example:81"
    assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.parametrize(
    "path",
    ["/web/", "/web/x.js", "/web/%00", "/web/..%2fjwt-secret", f"/web/{'a' * 5000}", "/web/%ff%fe", "/web/x/y.js/z"],
)
@pytest.mark.parametrize("is_there", [True, False])
async def test_files_of_pages_are_there_or_not(
    house: House,
    settings: Settings,
    tmp_path: Path,
    path: str,
    is_there: bool,  # noqa: FBT001 - pytest's
) -> None:
    if is_there:
        (tmp_path / "web" / "x").mkdir(parents=True)
        (tmp_path / "web" / "x" / "y.js").write_text("let it = 'run'")
    transport = httpx.ASGITransport(app=create_app(settings.model_copy(update={"data_dir": tmp_path}), house.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as http:
        assert (await http.get(path)).status_code == 404


async def test_a_connection_is_not_used_after_a_fault() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({}, 500)(scope, receive, send)

    app = CorrelationIdMiddleware(Front(broken))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://house") as http:
        assert (await http.get("/")).headers["Connection"] == "close"
