"""A plugin of the tests with a browser: one for them all, one server of Studio, and windows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright import async_api as playwright

from app.settings import Settings
from app.web_files import NoRegistry, fetch
from db.engine.database import Database
from tests.app.studio_window import AXE, CHROMIUM, SECONDS, Window
from tests.servers import serving

# Nothing that the browser does for itself.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    playwright.expect.set_options(timeout=SECONDS * 1000)
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def own_settings(settings: Settings) -> Settings:
    """Settings of a machine of one's own; the key is another one's in name only."""
    return settings.model_copy(update={"database_url": None, "media_urls": "signed"})


@pytest.fixture(scope="session")
async def studio(own_settings: Settings, database: Database) -> AsyncIterator[str]:
    async with serving(own_settings, database) as url:
        yield url


@pytest.fixture
async def window(browser: Any, studio: str) -> AsyncIterator[Window]:
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    window = Window(await context.new_page(), studio)
    window.watch()
    yield window
    await context.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    try:
        fetch(folder, [AXE])
    except NoRegistry as error:
        pytest.skip(str(error).splitlines()[0])
    return Path(folder, AXE.name).read_text()
