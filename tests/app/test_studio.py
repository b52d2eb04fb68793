"""Studio in a browser, as people use it: on a server with a worker, reaching nothing else."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.settings import Settings
from app.web_files import NoRegistry, fetch
from auth.caller import AccountStatus, Caller, Role
from db import accounts as account_rows
from db import pauses
from db.engine.database import Database
from db.enums import PauseScope
from db.tables import Look, VideoJob
from resolvers import looks
from resolvers.looks import NewLook, NewProduct
from tests.app.studio_window import AXE, HOSTILE, IMAGE, JAVASCRIPT, SECONDS, VIOLATIONS, Window
from tests.house import House, eventually
from tests.servers import serving

playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.usefixtures("working"),
]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def own_settings(settings: Settings) -> Settings:
    """Settings of a machine of one's own; the key is another one's in name only."""
    return settings.model_copy(update={"database_url": None, "media_urls": "signed"})


@pytest.fixture(scope="module")
async def address(own_settings: Settings, database: Database) -> AsyncIterator[str]:
    async with serving(own_settings, database) as url:
        yield url


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    playwright.expect.set_options(timeout=SECONDS * 1000)
    yield
    playwright.expect.set_options(timeout=None)


@pytest.fixture
async def window(browser: Any, address: str) -> AsyncIterator[Window]:
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    window = Window(await context.new_page(), address)
    window.page.on("request", lambda request: window.asked.add(urlsplit(request.url.removeprefix("blob:")).netloc))
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.page.on("console", lambda line: window.complaints.append(line.text) if line.type == "error" else None)
    yield window
    await context.close()


def token(house: House, caller: Caller) -> str:
    return house.headers(caller)["Authorization"].removeprefix("Bearer ")


async def test_from_signing_in_to_a_video_in_a_look(house: House, window: Window) -> None:
    page = window.page
    await window.open()
    await page.get_by_role("button", name="Enter as the demo user").click()
    await window.says(page.locator(".purse"), "100")
    await page.get_by_role("link", name="New look").first.click()
    await page.get_by_label("The look's image", exact=True).set_input_files(IMAGE)
    await page.get_by_label("Title", exact=True).fill("Evening")
    await page.get_by_label("Name of product 1", exact=True).fill("Coat")
    await page.get_by_label("Price of product 1", exact=True).fill("129.5")
    await page.get_by_role("button", name="Save the look").click()
    await playwright.expect(page.get_by_role("heading", name="Evening")).to_be_visible()
    await window.says(page.locator(".price"), "50 tokens")
    await window.generate("She turns [slow:3]")
    await window.shows("She turns [slow:3]", "RUNNING")
    await page.reload()
    await window.shows("She turns [slow:3]", "RUNNING")

    card = await window.shows("She turns [slow:3]", "SUCCEEDED")
    await window.says(page.locator(".purse"), "50")
    player = card.locator("video")
    await player.evaluate("video => { video.muted = true; return video.play() }")
    await eventually(lambda: player.evaluate("video => video.currentTime"), lambda seconds: bool(seconds > 0.2))
    await card.get_by_role("button", name="Make default").click()
    await window.says(card.locator(".chip"), "Default")
    await page.get_by_role("button", name="Show the call").first.click()
    await window.says(page.get_by_role("dialog"), "curl")
    await window.says(page.get_by_role("dialog"), "$TOKEN")
    await page.get_by_role("button", name="Close", exact=True).click()
    await page.get_by_role("link", name="Looks", exact=True).first.click()
    await window.says(page.get_by_role("link", name="Evening"), "Video")

    assert await house.count(Look.title == "Evening", table=Look) == 1
    assert await house.count(VideoJob.prompt == "She turns [slow:3]") == 1
    assert (window.asked, window.complaints) == ({urlsplit(window.base_url).netloc}, [])


async def test_what_is_refused_says_why_and_what_ends_otherwise_what_to_do(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    look = await house.look(caller)
    await window.sign_in(token(house, caller))
    await window.open(f"#/look/{look.id}")
    await page.get_by_label("Not used").check(force=True)

    await window.generate("Filtered [fail:CONTENT_FILTERED]")
    failed = await window.shows("Filtered", "FAILED")
    await window.says(failed, "Change the prompt or the images, then generate again.")
    for place in range(3):
        await window.generate(f"Waits {place} [slow:60]")
        await playwright.expect(window.card(f"Waits {place}")).to_be_visible()
    await window.says(page.locator(".price"), "0 slots")
    await window.generate("One too many")
    await window.says(page.locator(".generate > [data-code=ACTIVE_JOB_LIMIT]"), "3")
    await window.card("Waits 0").get_by_role("button", name="Cancel").click()
    await window.shows("Waits 0", "CANCELLED")
    await window.says(page.locator(".price"), "1 slot")
    await house.set_tokens(caller, 10)
    await window.generate("Too dear")
    await window.says(page.locator(".generate > [data-code=INSUFFICIENT_TOKENS]"), "token")
    await failed.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await playwright.expect(window.card("Filtered")).to_have_count(0)

    prompts = ["Filtered", "One too many", "Too dear"]
    assert [await house.count(VideoJob.prompt.startswith(prompt)) for prompt in prompts] == [0, 0, 0]
    assert await house.tokens(caller) == 10


async def test_restarts_and_lost_networks_miss_nothing(
    house: House, window: Window, own_settings: Settings, database: Database
) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    async with AsyncExitStack() as first:
        window.base_url = await first.enter_async_context(serving(own_settings, database))
        port = int(window.base_url.rpartition(":")[2])
        await window.sign_in(token(house, caller))
        await window.open("#/videos")
        await window.says(page.locator(".live"), "Live")
        await house.create(caller, prompt="Survives [slow:3]")
        await window.shows("Survives", "RUNNING")
    async with serving(own_settings, database, port):
        await window.shows("Survives", "SUCCEEDED")
        await window.says(page.locator(".live"), "Live")
        await page.context.set_offline(True)
        await window.says(page.locator(".live"), "Offline")
        await house.finished(await house.create(caller, prompt="Unseen"))
        await playwright.expect(window.card("Unseen")).to_have_count(0)
        await page.context.set_offline(False)
        await window.shows("Unseen", "SUCCEEDED")

    assert urlsplit(window.base_url).netloc in window.asked
    assert len(window.asked) == 1


async def test_admins_see_the_service_and_change_accounts_and_pauses_are_said(house: House, window: Window) -> None:
    page = window.page
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=7)
    await window.sign_in(token(house, admin))
    await page.get_by_role("link", name="Monitor").click()
    await window.says(page.locator(".figures").first, "ok")
    await page.get_by_label("Find an account").fill(str(caller.user_id))
    await page.get_by_role("button", name="Find").click()
    await page.get_by_label("Tokens to add").fill("43")
    await page.get_by_role("button", name="Grant").click()
    await window.says(page.locator("table"), "Top-up")
    await page.get_by_role("button", name="Suspend").click()
    await page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
    await window.says(page.locator("#toasts"), "The account is suspended.")
    async with house.database.transaction() as transaction:
        states = await account_rows.special_states(transaction)
        await pauses.begin(transaction, PauseScope.ALL, "The generator is being moved.")
    await window.open("#/videos/new")

    await window.says(page.locator(".price"), "The generator is being moved.")
    assert [state.status for state in states if state.id == caller.user_id] == [AccountStatus.SUSPENDED]
    assert (await house.tokens(caller), window.complaints) == (50, [])
    await window.generate("Paused")
    await window.says(page.locator(".generate > [data-code=PAUSED]"), "The generator is being moved.")
    assert await house.count(table=VideoJob) == 0


async def test_hostile_texts_and_addresses_do_nothing(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user()
    product = NewProduct(name=HOSTILE[:200], sku="<script>", designer="<b>bold</b>", product_url=JAVASCRIPT)
    hostile = NewLook(generated_image_url=JAVASCRIPT, products=[product], title=HOSTILE[:200], notes=HOSTILE)
    async with house.database.transaction() as transaction:
        look = await looks.create(transaction, caller, hostile)
    await house.create(caller, prompt=HOSTILE[:4000].strip(), lookId=str(look.id))
    await window.sign_in(token(house, caller))
    for place in ("#/looks", f"#/look/{look.id}", "#/videos", "#/tokens"):
        await page.set_viewport_size({"width": 360, "height": 800})
        await window.open(place)
        await window.says(page.locator("main"), "very long" if place != "#/tokens" else "Charge")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide == 360, place

    assert await page.locator("main img[src='x'], main script, main b:text-is('bold')").count() == 0
    assert await page.locator("a[href^='javascript'], [src^='javascript']").count() == 0
    assert "owned" not in await page.title()
    assert (window.asked, window.complaints) == ({urlsplit(window.base_url).netloc}, [])


async def test_a_token_that_is_no_good_leads_back_to_the_door(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user()
    expired = house.headers(caller, timedelta(hours=-1))["Authorization"].removeprefix("Bearer ")
    await window.open()
    for given, said in (("nonsense", "That is no token."), (expired, "The token has expired.")):
        await page.get_by_label("Sign in with a token").fill(given)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await window.says(page.get_by_role("alert"), said)

    assert await page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("place", ["graphql", "docs"])
async def test_pages_whose_files_do_not_come_say_what_to_do(window: Window, place: str) -> None:
    page = window.page
    await page.route(re.compile(r"^https:"), lambda route: route.abort())
    await window.open(place)

    await playwright.expect(page.get_by_text("have not come from the CDN")).to_be_visible()
    await window.says(page.locator("body"), "make web")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    try:
        fetch(folder, [AXE])
    except NoRegistry as error:
        pytest.skip(str(error).splitlines()[0])
    return Path(folder, AXE.name).read_text()


async def test_everybody_can_use_it(house: House, window: Window, axe: str) -> None:
    page = window.page
    admin = await house.user(role=Role.ADMIN)
    look = await house.look(admin)
    job_id = await house.create(admin, lookId=str(look.id))
    found = {}

    async def check(place: str, scheme: str) -> None:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.evaluate(axe)
        if violations := await page.evaluate(VIOLATIONS):
            found[place, scheme] = violations

    await window.open()
    await playwright.expect(page.get_by_role("heading", level=1)).to_be_visible()
    await check("sign in", "dark")
    await window.sign_in(token(house, admin))
    await house.finished(job_id)
    places = {
        "#/looks": ".look-card",
        f"#/look/{look.id}": ".price dd",
        "#/looks/new": ".zone",
        "#/videos": ".video-card",
        f"#/video/{job_id}": ".log li",
        "#/tokens": "td",
        "#/monitor": ".figures",
        "#/developers": ".calls",
    }
    for (place, shown), scheme in zip(places.items(), cycle(("light", "dark")), strict=False):
        await window.open(place)
        await playwright.expect(page.locator(shown).first).to_be_visible()
        await check(place, scheme)

    assert found == {}
