"""The pages as people use them: in a browser that reaches nothing but the server."""

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.settings import Settings
from app.web_files import GRAPHIQL, SWAGGER_UI, NoRegistry, fetch
from app.web_pages import CDN
from db.engine.database import Database
from db.tables import VideoJob, VideoJobImage
from tests.app.studio_window import CHROMIUM
from tests.house import House, eventually
from tests.permissions import PNG
from tests.servers import serving

pytest_plugins = ["tests.app.browser_fixtures"]
playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

LOWER_EDITOR = ".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror"
EXECUTE = ".graphiql-execute-button"
RESULT = ".result-window .CodeMirror-code"
IMAGE = {"name": "look.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}


@dataclass
class Window:
    """A browser's page, and what went on in it. It finds the CDN's files in a folder, and nobody else."""

    page: Any
    files: Path
    asked: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        await self.page.route("**/*", self.answer)

    async def answer(self, route: Any) -> None:
        address = route.request.url
        self.asked.add(urlsplit(address).netloc)
        if urlsplit(address).hostname == "127.0.0.1":
            await route.continue_()
        elif address.startswith(CDN):
            headers = {"Access-Control-Allow-Origin": "*"}
            await route.fulfill(path=self.files / address.removeprefix(f"{CDN}/"), headers=headers)
        else:
            await route.abort()

    async def type(self, editor: str, value: object) -> None:
        """Replace what is in one of GraphiQL's lower editors."""
        await self.page.get_by_role("button", name=editor, exact=True).click()
        await self.page.locator(LOWER_EDITOR).click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.insert_text(json.dumps(value))

    async def run(self, tab: str, result: str) -> str:
        """Run a tab of GraphiQL until it shows a result and has ended; return what it shows."""
        button, shown = self.page.locator(EXECUTE), self.page.locator(RESULT)
        await button.click()
        await playwright.expect(shown, tab).to_contain_text(result)
        await playwright.expect(button, tab).to_have_attribute("aria-label", re.compile("Execute"))
        return str(await shown.inner_text())

    async def tab(self) -> dict[str, Any]:
        """Return what the browser has kept of the open tab."""
        state = await self.page.context.storage_state()
        items = {item["name"]: item["value"] for origin in state["origins"] for item in origin["localStorage"]}
        kept = json.loads(items["graphiql:tabState"])
        tab: dict[str, Any] = kept["tabs"][kept["activeTabIndex"]]
        return tab

    async def open_tab(self, name: str) -> None:
        await self.page.get_by_role("tab", name=name, exact=True).click()
        # GraphiQL takes a moment to see that the operation is another one.
        await eventually(self.tab, lambda tab: bool(tab["title"] == name))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the pages' files, as `make web` leaves it."""
    folder = tmp_path_factory.mktemp("installed")
    try:
        fetch(folder / "web", GRAPHIQL + SWAGGER_UI)
    except NoRegistry as error:
        pytest.skip(str(error).splitlines()[0])
    return folder


@pytest.fixture(scope="module")
async def address(settings: Settings, database: Database, installed: Path) -> AsyncIterator[str]:
    async with serving(settings.model_copy(update={"data_dir": installed}), database) as url:
        yield url


@pytest.fixture
async def window(browser: Any, installed: Path) -> AsyncIterator[Window]:
    context = await browser.new_context(viewport={"width": 1400, "height": 1000})
    window = Window(await context.new_page(), installed / "web")
    await window.watch()
    yield window
    await context.close()


@pytest.mark.usefixtures("working")
async def test_the_playground_makes_a_video_follows_it_and_shows_it(house: House, address: str, window: Window) -> None:
    caller = await house.user()
    look = await house.look(caller)

    await window.page.goto(f"{address}/graphql")
    await window.type("Headers", house.headers(caller))
    await window.run("Create", "PENDING")
    await window.open_tab("Follow")
    await window.page.locator(EXECUTE).click()
    await playwright.expect(window.page.locator(EXECUTE)).to_have_attribute("aria-label", re.compile("Stop"))
    await house.create(caller, prompt="[slow:2]")
    await playwright.expect(window.page.locator(RESULT)).to_contain_text('"progressPercentage": 100')
    await window.page.locator(EXECUTE).click()
    await window.open_tab("Quote")
    quoted = await window.run("Quote", "freeSlots")
    await window.open_tab("Looks")
    looks = await window.run("Looks", "pageInfo")
    await window.open_tab("Me")
    me = await window.run("Me", "balance")

    assert '"cost": 50' in quoted
    assert f'"{look.id}"' in looks
    assert (str(caller.email) in me, '"balance": 0' in me) == (True, True)
    assert await house.count(VideoJob.user_id == caller.user_id) == 2
    assert (window.asked, window.complaints) == ({urlsplit(address).netloc}, [])


async def test_the_playground_keeps_the_token_and_shows_the_schema_without_it(
    house: House, address: str, window: Window
) -> None:
    caller = await house.user(tokens=77)
    token = house.headers(caller)["Authorization"]

    await window.page.goto(f"{address}/graphql")
    await window.open_tab("Follow")
    await window.run("Follow", "The connection has ended: 4403")
    await window.open_tab("Me")
    await window.run("Me", "UNAUTHENTICATED")
    await window.type("Headers", {"Authorization": token})
    await window.run("Me", '"balance": 77')
    await eventually(window.tab, lambda tab: token in tab["headers"])
    await window.page.reload()
    await playwright.expect(window.page.locator(LOWER_EDITOR)).to_contain_text(token)
    await playwright.expect(window.page.locator(".graphiql-tab-button")).to_have_text(
        ["Create", "Quote", "Follow", "Looks", "Me"]
    )
    await window.page.get_by_role("button", name="Show Documentation Explorer").click()

    await playwright.expect(window.page.locator(".graphiql-plugin")).to_contain_text("Subscription")
    await window.run("Me", '"balance": 77')
    await window.open_tab("Looks")
    assert '"nodes": []' in await window.run("Looks", "pageInfo")


async def test_swagger_makes_a_video_of_a_form_with_files(house: House, address: str, window: Window) -> None:
    caller = await house.user()
    page = window.page

    await page.goto(f"{address}/docs")
    await page.locator("button.authorize").first.click()
    await page.locator(".auth-container input").fill(house.headers(caller)["Authorization"].removeprefix("Bearer "))
    await page.locator(".auth-btn-wrapper .authorize").click()
    await page.locator(".auth-btn-wrapper .btn-done").click()
    form = page.locator("#operations-video_jobs-create_video_job")
    await form.locator(".opblock-summary-control").click()
    await form.get_by_role("button", name="Try it out").click()
    await form.locator('[data-property-name="initialImage"] input').set_input_files(IMAGE)
    await form.get_by_role("button", name="Execute").click()

    status = form.locator(".live-responses-table tbody .response-col_status").first
    await playwright.expect(status).to_contain_text("202")
    assert await house.count(VideoJob.user_id == caller.user_id, VideoJob.prompt == "The model turns slowly") == 1
    assert await house.count(table=VideoJobImage) == 1
    assert (window.asked, window.complaints) == ({urlsplit(address).netloc}, [])


async def test_both_pages_open_with_the_files_of_the_cdn(base_url: str, window: Window) -> None:
    await window.page.goto(f"{base_url}/graphql")
    await playwright.expect(window.page.locator(EXECUTE)).to_be_visible()
    await window.page.goto(f"{base_url}/docs")
    await playwright.expect(window.page.locator(".opblock").first).to_be_visible()

    assert (window.asked, window.complaints) == ({urlsplit(base_url).netloc, urlsplit(CDN).netloc}, [])


@pytest.mark.parametrize("place", ["graphql", "docs"])
async def test_pages_whose_files_do_not_come_say_what_to_do(base_url: str, window: Window, place: str) -> None:
    await window.page.route(re.compile(r"^https:"), lambda route: route.abort())
    await window.page.goto(f"{base_url}/{place}")

    await playwright.expect(window.page.get_by_text("have not come from the CDN")).to_be_visible()
    await playwright.expect(window.page.locator("body")).to_contain_text("make web")
