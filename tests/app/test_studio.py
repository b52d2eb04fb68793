"""Studio in a browser, as people use it: on a server with a worker, reaching nothing else."""

import re
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import cycle
from urllib.parse import urlsplit

import pytest

from app.settings import Settings
from auth.caller import AccountStatus, Role
from db import accounts as account_rows
from db import pauses
from db.engine.database import Database
from db.tables import Look, VideoJob
from resolvers import looks
from resolvers.looks import NewLook, NewProduct
from tests.app.studio_window import CHROMIUM, HOSTILE, IMAGE, JAVASCRIPT, VIOLATIONS, Window, token
from tests.house import House, eventually
from tests.servers import serving

pytest_plugins = ["tests.app.browser_fixtures"]
playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.usefixtures("working"),
]


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


async def test_admins_see_the_service_and_pause_it(house: House, window: Window) -> None:
    page = window.page
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=300)
    await house.finished(await house.create(caller, prompt="Done"))
    await house.finished(await house.create(caller, prompt="Filtered [fail:CONTENT_FILTERED]"))
    await window.sign_in(token(house, admin))
    await page.get_by_role("link", name="Monitor").click()
    figures = page.locator(".figures")
    for name, value in (("Service", "ok"), ("Waiting", "0"), ("Succeeded", "50 %")):
        await window.says(figures.locator("div", has_text=name), value)
    for plot in (
        "Time in the queue: Half at most",
        "Time in generation: Half at most",
        "Tokens by day: 100 tokens today",
    ):
        await playwright.expect(page.get_by_role("img", name=plot)).to_be_visible()
    await window.says(page.get_by_role("region", name="Providers"), "mock")
    await window.says(page.get_by_role("region", name="Failures"), "CONTENT_FILTERED")

    await page.get_by_role("button", name="Pause new videos").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("The generator is being moved.")
    await page.get_by_role("dialog").get_by_role("button", name="Pause new videos").click()
    await window.says(page.locator(".paused"), "All videos: The generator is being moved.")
    await window.open("#/videos/new")
    await window.says(page.locator(".price"), "The generator is being moved.")
    await window.generate("Paused")
    await window.says(page.locator(".generate > [data-code=PAUSED]"), "The generator is being moved.")
    assert await house.count(table=VideoJob) == 2
    await page.get_by_role("link", name="Monitor").click()
    await page.get_by_role("button", name="Resume").click()
    await playwright.expect(page.get_by_role("heading", name="New videos are accepted")).to_be_visible()

    async with house.database.transaction() as transaction:
        assert await pauses.current(transaction) == []
    assert window.complaints == []


async def test_admins_find_videos_and_accounts_and_change_them(house: House, window: Window) -> None:
    page = window.page
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=300)
    kept = await house.create(caller, prompt="Stays [slow:60]")
    await window.sign_in(token(house, admin))
    await page.get_by_role("link", name="Monitor").click()
    await page.get_by_role("tab", name="Videos").click()
    await playwright.expect(page.get_by_role("link", name="Stays")).to_be_visible()
    ended = await house.create(caller, prompt="Goes [slow:60]")
    row = page.get_by_role("row", name="Goes")
    await window.says(row, str(caller.email))
    await page.get_by_label("Status").select_option("In progress")
    await page.get_by_label("Search videos").fill("goes")
    await playwright.expect(page.get_by_role("link", name="Stays")).to_have_count(0)
    await page.get_by_role("button", name="Cancel these").click()
    await window.says(page.get_by_role("dialog"), "Cancel these: 1 video?")
    await page.get_by_role("dialog").get_by_role("button", name="Cancel these").click()
    await window.says(page.locator("#toasts"), "Done to 1 of 1 video.")
    await playwright.expect(row).to_have_count(0)
    assert [(await house.job(job_id)).status for job_id in (kept, ended)] == ["RUNNING", "CANCELLED"]

    await page.get_by_role("tab", name="Accounts").click()
    await page.get_by_label("Find an account").fill(str(caller.user_id))
    await page.get_by_role("button", name=str(caller.email)).click()
    await page.get_by_label("Tokens to add").fill("43")
    await page.get_by_role("button", name="Grant").click()
    await window.says(page.get_by_role("region", name="Ledger"), "+43")
    await page.get_by_role("button", name="Suspend").click()
    await page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
    await window.says(page.get_by_role("row", name=str(caller.email)), "Suspended")
    await page.get_by_role("tab", name="Audit log").click()
    for act in ("Cancel video job", "Grant tokens", "Set status"):
        await playwright.expect(page.get_by_role("row", name=act)).to_be_visible()

    async with house.database.transaction() as transaction:
        states = await account_rows.special_states(transaction)
    assert [state.status for state in states if state.id == caller.user_id] == [AccountStatus.SUSPENDED]
    assert (await house.tokens(caller), window.complaints) == (243, [])


async def test_without_a_socket_the_page_asks(house: House, window: Window) -> None:
    page = window.page
    admin = await house.user(role=Role.ADMIN, tokens=100)
    await page.route_web_socket(re.compile("graphql"), lambda socket: socket.close())
    await window.sign_in(token(house, admin))
    await window.says(page.locator(".live"), "Polling")
    await page.get_by_role("link", name="Monitor").click()
    await page.get_by_role("tab", name="Videos").click()
    await playwright.expect(page.get_by_role("heading", name="None")).to_be_visible()
    await house.create(admin, prompt="Asked for [slow:60]")
    await window.says(page.get_by_role("row", name="Asked for"), "%")
    await window.open("#/videos")

    await window.shows("Asked for", "RUNNING")


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


async def test_everybody_can_use_it(house: House, window: Window, axe: str) -> None:
    page = window.page
    admin = await house.user(role=Role.ADMIN)
    look = await house.look(admin)
    job_id = await house.create(admin, lookId=str(look.id))
    found = {}

    async def check(place: str, scheme: str) -> None:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if await page.evaluate("typeof axe") == "undefined":
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
        "#/developers": ".calls",
        "#/monitor": ".plot",
    }
    for (place, shown), scheme in zip(places.items(), cycle(("light", "dark")), strict=False):
        await window.open(place)
        await playwright.expect(page.locator(shown).first).to_be_visible()
        await check(place, scheme)
    for (part, shown), scheme in zip(
        (("Videos", "td"), ("Accounts", "td"), ("Audit log", "main .state")), cycle(("light", "dark")), strict=False
    ):
        await page.get_by_role("tab", name=part).click()
        await playwright.expect(page.locator(shown).first).to_be_visible()
        await check(part, scheme)
    await page.get_by_role("tab", name="Overview").click()
    await page.get_by_role("button", name="Pause new videos").click()
    await check("dialog", "light")

    assert found == {}
