"""Studio where something comes between: lost answers, two tabs, another user, keys instead of a mouse."""

import re
from asyncio import sleep
from typing import Any

import pytest

from auth.caller import Role
from db.tables import Look, VideoJob
from tests.app.studio_window import CHROMIUM, IMAGE, Window, token
from tests.house import House, eventually

pytest_plugins = ["tests.app.browser_fixtures"]
playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.usefixtures("working"),
]
DROPPED = """selector => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["x"], "look.png", { type: "image/png" }));
  const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(drop);
  return drop.defaultPrevented;
}"""
ENDS = """node => [0, node.textContent.length - 1].map((start) => {
  const range = new Range();
  range.setStart(node.firstChild, start);
  range.setEnd(node.firstChild, start + 1);
  return range.getBoundingClientRect().left;
})"""


async def _lose_the_first_answer(page: Any, operation: str) -> None:
    """Have the server do it, and the browser not hear of it."""
    lost = False

    async def handle(route: Any) -> Any:
        nonlocal lost
        if lost or f"mutation {operation}(" not in route.request.post_data:
            return await route.fallback()
        lost = True
        await route.fetch()
        return await route.abort()

    await page.route(re.compile("/graphql$"), handle)


async def test_a_retry_whose_answer_was_lost_is_paid_once(house: House, window: Window) -> None:
    caller = await house.user(tokens=300)
    await house.finished(await house.create(caller, prompt="Done"))
    await _lose_the_first_answer(window.page, "RetryVideoJob")
    await window.sign_in(token(house, caller))
    await window.open("#/videos")
    for said in ("The server cannot be reached", "It is being made again."):
        await window.page.get_by_role("button", name="Again", exact=True).last.click()
        await window.says(window.page.locator("#toasts"), said)

    assert (await house.count(table=VideoJob), await house.tokens(caller)) == (2, 200)


async def test_a_grant_whose_answer_was_lost_is_given_once(house: House, window: Window) -> None:
    page = window.page
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=300)
    await _lose_the_first_answer(page, "GrantTokens")
    await window.sign_in(token(house, admin))
    await page.get_by_role("link", name="Monitor").click()
    await page.get_by_role("tab", name="Accounts").click()
    await page.get_by_role("button", name=str(caller.email)).click()
    for said in ("The server cannot be reached", "The tokens are there."):
        await page.get_by_role("button", name="Grant").click()
        await window.says(page.locator("#toasts"), said)
    await window.says(page.get_by_role("region", name="Ledger"), "+100")
    assert await house.tokens(caller) == 400
    await page.get_by_role("button", name="Grant").click()
    await window.says(page.locator(".figures"), "500")

    assert await house.tokens(caller) == 500


async def test_the_account_that_was_chosen_last_is_the_one_that_is_shown(house: House, window: Window) -> None:
    page = window.page
    admin, first, last = await house.user(role=Role.ADMIN), await house.user(), await house.user()
    held: list[Any] = []

    async def hold(route: Any) -> Any:
        if "query Account(" in route.request.post_data and str(first.user_id) in route.request.post_data:
            return held.append(route)
        return await route.fallback()

    await page.route(re.compile("/graphql$"), hold)
    await window.sign_in(token(house, admin))
    await page.get_by_role("link", name="Monitor").click()
    await page.get_by_role("tab", name="Accounts").click()
    await page.get_by_role("button", name=str(first.email)).click()
    await page.get_by_role("button", name=str(last.email)).click()
    await playwright.expect(page.get_by_role("heading", name=str(last.email))).to_be_visible()
    # Whoever did not wait for it does not get it; a page that still waits draws it.
    async with page.expect_event("requestfinished", lambda request: "query AdminUsers" in (request.post_data or "")):
        for route in held:
            await route.continue_()
        await page.get_by_label("Find an account").fill(str(last.user_id))

    await playwright.expect(page.get_by_role("heading", name=str(last.email))).to_be_visible()
    await playwright.expect(page.get_by_role("heading", name=str(first.email))).to_have_count(0)
    assert len(held) == 1


async def test_keys_lead_to_the_content_and_stay_in_it(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user()
    await house.look(caller)
    await window.sign_in(token(house, caller))
    await page.locator(".look-card").focus()
    await page.keyboard.press("Enter")
    await window.says(page.locator(".price"), "tokens")
    await playwright.expect(page.locator("main")).to_be_focused()
    address = page.url
    await page.get_by_role("link", name="Skip to content").focus()
    await page.keyboard.press("Enter")

    await playwright.expect(page.locator("main")).to_be_focused()
    assert page.url == address


async def test_a_file_that_misses_its_place_leaves_the_page_as_it_is(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user()
    look = await house.look(caller)
    await window.sign_in(token(house, caller))
    await window.open(f"#/look/{look.id}")
    await page.locator("summary", has_text="Own images").click()
    await page.get_by_label("Reference", exact=True).check(force=True)

    assert await page.evaluate(DROPPED, "h1") is True
    for place in (1, 2):
        await page.evaluate(DROPPED, f".zone:has([aria-label='Reference {place}'])")
    await playwright.expect(page.get_by_label("Reference 3", exact=True)).to_be_disabled()
    await page.evaluate(DROPPED, ".zone:has([aria-label='Reference 3'])")
    assert await page.locator(".zone img").count() == 2


async def test_where_nothing_can_be_copied_it_says_so(house: House, window: Window) -> None:
    # As on a page that does not come over HTTPS.
    await window.page.add_init_script("delete Navigator.prototype.clipboard")
    await window.sign_in(token(house, await house.user()))
    await window.open("#/tokens")
    await window.page.get_by_role("button", name="Show the call").click()
    await window.page.get_by_role("button", name="Copy").first.click()

    await playwright.expect(window.page.get_by_role("button", name="Select and copy")).to_be_visible()
    assert window.complaints == []


async def test_a_list_has_each_video_once(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    for prompt in ("First", "Second"):
        await house.finished(await house.create(caller, prompt=prompt))
    # Nothing tells the page of them before the list does, as with those of yesterday.
    await page.route_web_socket(re.compile("graphql"), lambda _: None)
    await page.add_init_script(f"localStorage.setItem('lookreel:authorization', 'Bearer {token(house, caller)}')")
    await window.open("#/videos")

    await playwright.expect(window.card("First")).to_be_visible()
    assert await page.locator("h3").all_inner_texts() == ["Second", "First"]


async def test_a_late_answer_takes_no_video_from_a_look(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    look = await house.look(caller)
    held: list[Any] = []

    async def hold(route: Any) -> Any:
        if held or "query Look(" not in route.request.post_data:
            return await route.fallback()
        held.append((route, await route.fetch()))
        return None

    await window.sign_in(token(house, caller))
    await window.open(f"#/look/{look.id}")
    await window.says(page.locator(".price"), "tokens")
    await page.route(re.compile("/graphql$"), hold)
    await house.create(caller, prompt="First [slow:60]", lookId=str(look.id))
    await eventually(lambda: sleep(0, len(held)), lambda count: count == 1)
    await house.create(caller, prompt="Second [slow:60]", lookId=str(look.id))
    await playwright.expect(window.card("Second")).to_be_visible()
    [(route, answer)] = held
    await route.fulfill(response=answer)
    await page.get_by_label("What should happen?").fill("Price it")
    async with page.expect_response(lambda response: "query Quote(" in (response.request.post_data or "")):
        pass

    assert await page.locator("article").count() == 2


async def test_a_video_plays_on_while_others_come_and_go(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    look = await house.look(caller)
    for prompt in ("Gone", "Plays"):
        await house.finished(await house.create(caller, prompt=prompt, lookId=str(look.id)))
    await window.sign_in(token(house, caller))
    await window.open(f"#/look/{look.id}")
    player = (await window.shows("Plays", "SUCCEEDED")).locator("video")
    await player.evaluate("video => { video.muted = true; return video.play() }")

    await house.create(caller, prompt="Comes [slow:60]", lookId=str(look.id))
    await playwright.expect(window.card("Comes")).to_be_visible()
    await window.card("Gone").get_by_role("button", name="Again").click()
    await playwright.expect(window.card("Gone")).to_have_count(2)
    await window.card("Gone").last.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await window.says(page.get_by_role("region", name="Videos"), "3 videos")

    assert await page.locator("h3").all_inner_texts() == ["Gone", "Comes [slow:60]", "Plays"]
    assert await player.evaluate("video => video.paused") is False
    await window.card("Plays").get_by_role("button", name="Make default").click()
    await window.says(window.card("Plays").locator(".chip"), "Default")


async def test_what_is_shown_of_a_look_is_what_the_server_has(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user()
    look = await house.look(caller)
    await window.sign_in(token(house, caller))
    await window.open(f"#/look/{look.id}")
    choice = page.get_by_label("Who may see it")
    await playwright.expect(choice).to_have_value("PRIVATE")
    await page.route(re.compile("/graphql$"), lambda route: route.abort())
    await choice.select_option("PUBLIC")

    await playwright.expect(choice).to_have_value("PRIVATE")
    assert await house.count(Look.visibility == "PUBLIC", table=Look) == 0


async def test_no_product_is_left_out_unsaid(house: House, window: Window) -> None:
    page = window.page
    await window.sign_in(token(house, await house.user()))
    await window.open("#/looks/new")
    await page.get_by_label("The look's image", exact=True).set_input_files(IMAGE)
    await page.get_by_label("Name of product 1", exact=True).fill("Coat")
    await page.get_by_role("button", name="Add a product").click()
    await page.get_by_label("SKU of product 2", exact=True).fill("A-2")
    await page.get_by_role("button", name="Save the look").click()
    await playwright.expect(page.get_by_text("Name each product.")).to_be_visible()
    assert await house.count(table=Look) == 0
    await page.get_by_label("Name of product 2", exact=True).fill("Scarf")
    await page.get_by_role("button", name="Save the look").click()

    await window.says(page.locator(".products"), "A-2")
    assert await house.count(table=Look) == 1


async def test_what_is_given_back_is_shown_at_once(house: House, window: Window) -> None:
    page = window.page
    caller = await house.user(tokens=300)
    job_id = await house.create(caller, prompt="Waits [queue]")
    await window.sign_in(token(house, caller))
    await window.open(f"#/video/{job_id}")
    await window.says(page.locator(".data"), "50 tokens")
    await page.get_by_role("button", name="Cancel").click()

    await window.says(page.locator(".data"), "50 tokens, given back")
    assert await house.tokens(caller) == 300


async def test_texts_run_in_the_direction_of_their_letters(house: House, window: Window) -> None:
    caller = await house.user()
    await house.create(caller, prompt="שלום עולם!")
    await window.sign_in(token(house, caller))
    await window.open("#/videos")
    first, last = await window.page.locator("h3 a").evaluate(ENDS)

    assert last < first
