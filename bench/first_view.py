"""How long Studio keeps a browser's main thread until its first view is there, and until the looks are."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from playwright.async_api import Browser, CDPSession, async_playwright

from bench.figures import Comparison, Effort, NotThere, Section, at_most
from bench.harness import Harness, module

MOST_MS = 100
# What each view is known by.
VIEWS = {"sign in": "h1", "looks": ".grid .look-card, .state"}
SIGNED_IN = "localStorage.setItem('lookreel:authorization', 'Bearer {}')"


async def measure(harness: Harness, effort: Effort) -> Section:
    """Open each view in a browser that has nothing kept, again and again."""
    about = (
        "A browser's first visit, in headless Chromium with nothing kept: processor time of the page's main thread "
        "until the view is there, without what the measuring itself asks the page."
    )
    section = Section("Studio", about)
    token = harness.token(uuid4())
    async with module("app.api", harness.environment()) as server, _browser() as browser:
        address = f"http://127.0.0.1:{server.port}/"
        for name, selector in VIEWS.items():
            script = SIGNED_IN.format(token) if name == "looks" else ""
            seen = [await _main_thread_ms(browser, address, selector, script) for _ in range(2 * effort.rounds + 1)]
            pairs = [(milliseconds, 1.0) for milliseconds in seen[1:]]
            section.comparisons.append(Comparison(f"Studio's main thread, {name}", "", "ms", pairs, at_most(MOST_MS)))
    return section


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise NotThere("there is no Chromium")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path)
        yield browser
        await browser.close()


async def _main_thread_ms(browser: Browser, address: str, selector: str, script: str) -> float:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(script)
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    # Processor time of the thread, which other programs of the machine disturb least.
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await _busy_seconds(session)
    await page.goto(address)
    await page.locator(selector).first.wait_for()
    spent = await _busy_seconds(session) - before
    await context.close()
    return spent * 1000


async def _busy_seconds(session: CDPSession) -> float:
    answer = await session.send("Performance.getMetrics")
    found = {metric["name"]: float(metric["value"]) for metric in answer["metrics"]}
    return found["TaskDuration"] - found["DevToolsCommandDuration"]
