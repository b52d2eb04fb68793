"""Several tabs of Studio, and users one after the other in the same browser."""

import pytest

from auth.caller import Role
from db.tables import VideoJob
from tests.app.studio_window import CHROMIUM, Window, token
from tests.house import House

pytest_plugins = ["tests.app.browser_fixtures"]
playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.usefixtures("working"),
]


async def test_a_tab_goes_on_as_the_user_whom_it_shows(house: House, window: Window) -> None:
    page = window.page
    shown, other = await house.user(tokens=111), await house.user(tokens=222)
    await window.sign_in(token(house, shown))
    second = await page.context.new_page()
    await second.goto(window.base_url)
    await second.evaluate(
        "token => localStorage.setItem('lookreel:authorization', `Bearer ${token}`)", token(house, other)
    )
    await window.open("#/videos/new")
    await window.says(page.locator(".price"), "111 tokens")
    await window.generate("Whose")
    await window.says(page.locator(".purse"), "61")

    assert [await house.count(VideoJob.user_id == caller.user_id) for caller in (shown, other)] == [1, 0]
    assert [await house.tokens(caller) for caller in (shown, other)] == [61, 222]
    await second.reload()
    await window.says(second.locator(".purse"), "222")


async def test_signing_out_ends_every_tab(house: House, window: Window) -> None:
    await window.sign_in(token(house, await house.user()))
    second = await window.page.context.new_page()
    await second.goto(window.base_url)
    await second.get_by_role("button", name="Sign out").click()

    await playwright.expect(window.page.get_by_label("Sign in with a token")).to_be_visible()
    assert await window.page.evaluate("localStorage.length") == 0


async def test_the_next_user_sees_nothing_of_the_last_one(house: House, window: Window) -> None:
    page = window.page
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await window.sign_in(token(house, admin))
    await page.get_by_role("tab", name="All").click()
    await page.get_by_label("Search looks").fill("A secret")
    await window.says(page.locator("main"), "No look has “A secret”")
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Sign in with a token").fill(token(house, caller))
    await page.get_by_role("button", name="Sign in", exact=True).click()

    await playwright.expect(page.get_by_role("heading", name="No looks yet")).to_be_visible()
    await playwright.expect(page.get_by_label("Search looks")).to_have_value("")
    await page.get_by_role("link", name="Developers").click()
    await window.says(page.locator(".calls"), "Viewer")
    assert "A secret" not in await page.locator(".calls").inner_html()
