"""The committed examples in pages of another origin: they follow across a restart and a new token, and miss nothing."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from db.tables import VideoJobImage
from tests.house import House, eventually
from tests.origins import Origin, origin
from tests.rest_compat.test_video_job_events import STEPS, step
from tests.schema.test_js_clients import SCRIPTS, with_packages
from tests.servers import serving
from tests.test_examples import EXAMPLES, compiled

playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

FOLLOWERS = ("fetch", "fetch-event-source", "graphql-ws", "graphql-sse", "urql", "apollo", "relay")
CLIENTS = (*FOLLOWERS, "client")
WAIT_SECONDS = 60
SOON_SECONDS = 20
TOKEN_SECONDS = 4
INDEX = "<!doctype html><link rel=icon href=data:,><script type=module>import('./' + location.hash.slice(1))</script>"
BEFORE, AWAY = 1, 2
"""How many steps happen before the server ends, and while it is away: of the latter, the last is told."""
SEEN = [("PENDING", 0), ("RUNNING", 0), ("RUNNING", 30), ("RUNNING", 40), ("CANCELLED", 40)]
VERSIONS = [1, 2, 4, 5, 6]


class Page:
    """A page with an example in it; `lines` are what that has printed."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.lines: list[dict[str, Any]] = []
        self.other: list[str] = []
        page.on("console", lambda line: self.hear(line.text))
        page.on("pageerror", lambda error: self.hear(str(error)))

    def hear(self, text: str) -> None:
        """Keep what the example prints apart from what the browser says, such as that no server is there."""
        if text.startswith("{"):
            self.lines.append(json.loads(text))
        else:
            self.other.append(text)

    def values(self, name: str) -> list[Any]:
        return [line[name] for line in self.lines if name in line]

    @property
    def states(self) -> list[tuple[str, int]]:
        return [(line["status"], line["progressPercentage"]) for line in self.lines if "progressPercentage" in line]

    async def sees(self, state: tuple[str, int]) -> None:
        """Wait until that state is the last that it has printed."""
        await eventually(self.heard, lambda _: self.states[-1:] == [state], SOON_SECONDS)

    async def heard(self) -> tuple[list[dict[str, Any]], list[str]]:
        return self.lines, self.other


def bundle(packages: Path, folder: Path) -> None:
    """Write the examples for a page into the folder, as an application's build does."""
    shim = SCRIPTS / "page.mjs"
    files = [packages / f"{name}.mjs" for name in FOLLOWERS] + [EXAMPLES / "client.mjs"]
    options = ["--bundle", "--format=esm", "--target=es2022", "--entry-names=[name]", "--log-level=warning"]
    command = [packages / "node_modules/.bin/esbuild", *files, f"--outdir={folder}", f"--alias:ws={shim}"]
    subprocess.run([*map(str, command), f"--inject:{shim}", *options], check=True, timeout=WAIT_SECONDS)
    (folder / "index.html").write_text(INDEX)


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM)
        yield await browser.new_context()
        await browser.close()


async def opened(context: Any, site: Origin, name: str, api: str, *arguments: str) -> Page:
    """Open a page with that example."""
    page = Page(await context.new_page())
    values = [("argument", value) for value in (api, f"{site.url}/tokens/{name}", *arguments)]
    await page.page.goto(f"{site.url}/?{urlencode(values)}#{name}.js")
    return page


async def test_every_client_in_a_page_of_another_origin_misses_nothing(
    house: House, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    bundle(compiled(with_packages(pytestconfig, EXAMPLES)), tmp_path)
    caller = await house.user(tokens=200)
    look = str((await house.look(caller)).id)
    jobs = [await house.create(caller, lookId=look)]

    def mint(asked_before: int) -> str | None:
        if asked_before == 1:
            return None
        lifetime = timedelta(hours=1) if asked_before else timedelta(seconds=TOKEN_SECONDS)
        return house.headers(caller, lifetime)["Authorization"].removeprefix("Bearer ")

    async def steps(first: int, last: int) -> None:
        for job in jobs:
            for log, values in STEPS[first:last]:
                await step(house, job, log, values)

    async with AsyncExitStack() as stack, asyncio.timeout(WAIT_SECONDS):
        site = stack.enter_context(origin(tmp_path, mint))
        settings = house.settings.model_copy(update={"cors_origins": site.url})
        context = await stack.enter_async_context(chromium())

        async def all_see(index: int) -> None:
            await asyncio.gather(*(page.sees(SEEN[index]) for page in pages.values()))

        async with serving(settings, house.database) as api:
            pages = {name: await opened(context, site, name, api, jobs[0], look) for name in CLIENTS}
            await all_see(0)
            jobs += pages["client"].values("id")
            await eventually(site.least, lambda least: least == (len(CLIENTS), 3))
            await steps(0, BEFORE)
            await all_see(1)
        await steps(BEFORE, BEFORE + AWAY)
        async with serving(settings, house.database, int(api.rpartition(":")[2])):
            await all_see(2)
            await steps(3, 4)
            await all_see(3)
            await steps(4, 5)
            await all_see(4)
            await eventually(pages["apollo"].heard, lambda _: pages["apollo"].values("created") == ["PENDING"])

    assert {name: page.states for name, page in pages.items()} == dict.fromkeys(CLIENTS, SEEN)
    assert {name: pages[name].values("version") for name in FOLLOWERS} == dict.fromkeys(FOLLOWERS, VERSIONS)
    assert [pages[name].values("page")[-1] for name in ("apollo", "relay")] == ["CANCELLED"] * 2
    assert await house.count(table=VideoJobImage) == 2  # Apollo's and the client's
