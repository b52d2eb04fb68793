"""A browser's window with Studio in it, and what is put there."""

import base64
import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.web_files import WebFile
from auth.caller import Caller
from tests.house import House
from tests.permissions import PNG

playwright = pytest.importorskip("playwright.async_api", reason="Playwright drives the browser")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 20
IMAGE = {"name": "look.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> \u202e" + "very long " * 480
JAVASCRIPT = "javascript:document.title='owned'//https://"


AXE = WebFile("axe-core@4.14.1/axe.min.js", "sha384-xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH")
VIOLATIONS = """axe.run().then(({violations}) => violations
  .filter(({impact}) => ["serious", "critical"].includes(impact)).map(({id, nodes}) => `${id}: ${nodes[0].html}`))"""


@dataclass
class Window:
    """A page of Studio, and what went on in it."""

    page: Any
    base_url: str
    asked: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note whom the page asks, and what its console complains of."""
        self.page.on("request", lambda request: self.asked.add(urlsplit(request.url.removeprefix("blob:")).netloc))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    async def open(self, place: str = "") -> None:
        await self.page.goto(f"{self.base_url}/{place}")

    async def sign_in(self, token: str) -> None:
        await self.open()
        await self.page.get_by_label("Sign in with a token").fill(token)
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await playwright.expect(self.page.get_by_role("heading", name="Looks", level=1)).to_be_visible()

    async def generate(self, prompt: str) -> None:
        await self.page.get_by_label("What should happen?").fill(prompt)
        await self.page.get_by_role("button", name="Generate", exact=True).click()

    def card(self, prompt: str) -> Any:
        return self.page.get_by_role("article", name=prompt)

    async def shows(self, prompt: str, status: str) -> Any:
        """Wait until the card has that status; return it."""
        card = self.card(prompt)
        await playwright.expect(card).to_have_attribute("data-status", status)
        return card

    async def says(self, locator: Any, text: str) -> None:
        await playwright.expect(locator).to_contain_text(text)


def token(house: House, caller: Caller) -> str:
    return house.headers(caller)["Authorization"].removeprefix("Bearer ")
