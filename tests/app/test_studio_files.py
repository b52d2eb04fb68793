"""Studio as it is served: what it weighs, what a browser may do with it, and whom the demo user lets in."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from app.demo_user import EMAIL
from app.settings import Settings
from app.web_pages import STUDIO
from auth.caller import Caller
from db.tables import Look
from tests.house import House, http_client
from tests.servers import serving

MOST_BYTES = 120 * 1024
MOST_LINES = 300
FILES = sorted(path for path in STUDIO.rglob("*") if path.is_file())
ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


def test_all_of_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES
    assert {path.name: lines for path in FILES if (lines := len(path.read_text().splitlines())) > MOST_LINES} == {}


def test_it_makes_no_html_of_texts_and_names_no_other_host() -> None:
    text = {path.relative_to(STUDIO).as_posix(): path.read_text() for path in FILES}
    shortcuts = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|style=")

    assert {name: shortcuts.findall(source) for name, source in text.items() if shortcuts.search(source)} == {}
    named = {found for source in text.values() for found in ADDRESS.findall(source)}
    assert named == {"http://www.w3.org"}


def test_every_import_names_a_file_that_is_there() -> None:
    modules = [path for path in FILES if path.suffix == ".js"]
    imports = [(path, name) for path in modules for name in re.findall(r'from "(.+?)"', path.read_text())]

    assert len(imports) > 50
    assert [(path.name, name) for path, name in imports if not (path.parent / name).is_file()] == []


@pytest.mark.parametrize("path", ["/", "/studio/js/main.js", "/studio/css/base.css"])
async def test_files_are_asked_for_again_and_sent_once(house: House, path: str) -> None:
    first = await house.http.get(path)
    again = await house.http.get(path, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    changed = await house.http.get(path, headers={"If-None-Match": '"other"'})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert (again.content, changed.content == first.content) == (b"", True)
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert first.headers["ETag"] == again.headers["ETag"]


async def test_nothing_may_be_run_or_loaded_but_what_is_its_own(house: House) -> None:
    answer = await house.http.get("/")

    policy = dict(directive.split(" ", 1) for directive in answer.headers["Content-Security-Policy"].split("; "))
    host = house.base_url.removeprefix("http://")
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "media-src": "'self' blob:",
        "connect-src": f"'self' ws://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style| on[a-z]+=|style=", answer.text)


@pytest.mark.parametrize(
    "path", ["/studio/", "/studio/absent.js", "/studio/../pyproject.toml", "/studio/%2e%2e/app/launch.py", "/studio/js"]
)
async def test_there_is_nothing_else(house: House, path: str) -> None:
    assert (await house.http.get(path)).status_code == 404


async def test_with_cloudinary_its_files_may_be_shown(settings: Settings, house: House, tmp_path: Path) -> None:
    stored = {"data_dir": tmp_path, "cloudinary_url": "cloudinary://key:secret@a-cloud"}
    async with serving(settings.model_copy(update=stored), house.database) as url:
        policy = (await house.http.get(url)).headers["Content-Security-Policy"]

    assert "img-src 'self' https://*.cloudinary.com blob:; media-src 'self' https://*.cloudinary.com blob:" in policy


OWN = {"database_url": None, "public_url": None}
ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "127.0.0.1.evil.example", "Origin": "http://127.0.0.1.evil.example"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "203.0.113.7"},
    {"X-Forwarded-Proto": "http"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
)


@pytest.fixture
async def embedded(settings: Settings, house: House) -> AsyncIterator[str]:
    """A server that believes its database to be its own: what makes it so is that none is named."""
    async with serving(settings.model_copy(update=OWN), house.database) as url:
        yield url


async def test_the_page_of_a_machine_of_ones_own_signs_in_the_demo_user(house: House, embedded: str) -> None:
    page = await house.http.get(embedded)
    async with http_client(embedded) as http:
        answers = [await http.post("/studio/demo", headers={**FROM_HERE, "Origin": embedded})]
        claims = jwt.decode(answers[0].json()["token"], options={"verify_signature": False})
        await house.set_tokens(Caller(UUID(claims["sub"]), EMAIL), 49)
        answers.append(await http.post("/studio/demo", headers={**FROM_HERE, "Origin": embedded}))

    assert '<meta name="demo" content="studio/demo">' in page.text
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {answers[0].json()['token']}"}
    query = "{ viewer { email isAdmin tokens { balance } } looks(first: 5) { nodes { title } } }"
    seen = (await house.http.post("/graphql", json={"query": query}, headers=headers)).json()["data"]
    await house.set_tokens(Caller(UUID(claims["sub"]), EMAIL), 100)  # as others meet this user
    assert seen == {
        "viewer": {"email": EMAIL, "isAdmin": False, "tokens": {"balance": 149}},
        "looks": {"nodes": [{"title": "Stone Essence"}]},
    }


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
async def test_nobody_else_is_signed_in(house: House, embedded: str, headers: dict[str, str]) -> None:
    answer = await house.http.post(f"{embedded}/studio/demo", headers={**FROM_HERE, "Origin": embedded} | headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_LOCAL")
    assert await house.count(table=Look) == 0


async def test_without_an_origin_nobody_is_signed_in(house: House, embedded: str) -> None:
    assert (await house.http.post(f"{embedded}/studio/demo")).status_code == 403
    assert (await house.http.get(f"{embedded}/studio/demo")).status_code == 404
    assert await house.count(table=Look) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"database_url": None, "public_url": "https://studio.example"},
        {"database_url": None, "google_api_key": "a key"},
        {"database_url": None, "jwt_algorithm": "RS256", "jwt_jwks_url": "https://id.example/keys"},
    ],
    ids=["a database that is named", "a public address", "videos that cost money", "tokens of a provider"],
)
async def test_elsewhere_there_is_no_demo_user(house: House, settings: Settings, changes: dict[str, str]) -> None:
    async with serving(settings.model_copy(update=changes), house.database) as url:
        page = await house.http.get(url)
        answer = await house.http.post(f"{url}/studio/demo", headers={**FROM_HERE, "Origin": url})

    assert (page.status_code, "demo" in page.text) == (200, False)
    assert answer.status_code in (404, 405)
    assert await house.count(table=Look) == 0
