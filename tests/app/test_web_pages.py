"""The pages for people: which files they name, what they allow, and what they open with."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from app import web_files
from app.settings import Settings
from app.web_files import GRAPHIQL, SWAGGER_UI, WebFile, integrity_of
from app.web_pages import web_page
from schema.playground import TABS, Tab
from tests.house import House
from tests.servers import serving

SCHEMA = Path(__file__).parent.parent.parent / "schema" / "schema.graphql"
CDN = "https://cdn.jsdelivr.net/npm"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = {"/graphql": GRAPHIQL, "/docs": SWAGGER_UI}
CONTENT = b"let it = 'run'"
LOCAL = WebFile("studio@1.2.3/dist/studio.js", integrity_of(CONTENT))


class Addresses(HTMLParser):
    """What a page loads, by address."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        address = attributes.pop("src", None) or attributes.pop("href", None)
        if address and not address.startswith("data:"):
            self.found[address] = {"tag": tag, **attributes}


def checked(file: WebFile) -> dict[str, str | None]:
    kind = {"tag": "link", "rel": "stylesheet"} if file.name.endswith(".css") else {"tag": "script"}
    return {**kind, "integrity": file.integrity, "crossorigin": "anonymous"}


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (directive.split() for directive in policy.split("; "))}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with every file that the playground needs."""
    monkeypatch.setattr(web_files, "GRAPHIQL", (LOCAL,))
    path = tmp_path / "web" / LOCAL.name
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_names_nothing_but_exactly_those_files_of_the_cdn(house: House, path: str) -> None:
    answer = await house.http.get(path, headers=BROWSER)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert Addresses(answer.text).found == {f"{CDN}/{file.name}": checked(file) for file in PAGES[path]}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_nothing_but_those_files_and_its_own_script(house: House, path: str) -> None:
    answer = await house.http.get(path, headers=BROWSER)

    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    own = f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    allowed = directives(answer.headers["Content-Security-Policy"])
    assert allowed["script-src"] == [*(f"{CDN}/{file.name}" for file in PAGES[path]), own]
    assert (allowed["default-src"], allowed["frame-ancestors"]) == (["'none'"], ["'none'"])
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-cache")


async def test_files_in_the_data_folder_are_used_and_kept_by_browsers(
    house: House, settings: Settings, folder: Path
) -> None:
    async with serving(settings.model_copy(update={"data_dir": folder}), house.database) as address:
        page = await house.http.get(f"{address}/graphql", headers=BROWSER)
        script = await house.http.get(f"{address}/web/{LOCAL.name}")
        absent = await house.http.get(f"{address}/web/studio@1.2.3/other.js")

    assert Addresses(page.text).found == {f"web/{LOCAL.name}": checked(LOCAL)}
    assert directives(page.headers["Content-Security-Policy"])["script-src"][0] == "'self'"
    assert (script.content, script.headers["Cache-Control"]) == (CONTENT, "public, max-age=31536000, immutable")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert (absent.status_code, "Cache-Control" in absent.headers) == (404, False)


async def test_a_file_that_was_changed_is_not_used(house: House, settings: Settings, folder: Path) -> None:
    (folder / "web" / LOCAL.name).write_bytes(CONTENT + b";steal()")

    async with serving(settings.model_copy(update={"data_dir": folder}), house.database) as address:
        page = await house.http.get(f"{address}/graphql", headers=BROWSER)

    assert list(Addresses(page.text).found) == [f"{CDN}/{LOCAL.name}"]


def test_what_is_filled_in_cannot_end_the_script_that_holds_it(tmp_path: Path) -> None:
    page = web_page("swagger.html", SWAGGER_UI, tmp_path, "</script><script>steal()</script>")

    assert b"steal()" in page.content
    assert b"<script>steal()" not in page.content


async def test_there_is_no_page_that_loads_whatever_a_cdn_has(house: House) -> None:
    assert (await house.http.get("/redoc", headers=BROWSER)).status_code == 404


def test_what_the_playground_opens_with_is_valid() -> None:
    known = build_schema(SCHEMA.read_text())

    assert [validate(known, parse(tab.query)) for tab in TABS] == [[]] * 5


@pytest.mark.parametrize("tab", [tab for tab in TABS if "subscription" not in tab.query])
async def test_each_tab_of_the_playground_can_be_run_as_it_is(house: House, tab: Tab) -> None:
    body = await house.graphql(await house.user(), tab.query, **json.loads(tab.variables or "{}"))

    assert "errors" not in body
    assert body["data"].get("createVideoJob", {"errors": []})["errors"] == []
