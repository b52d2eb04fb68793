"""Pictures of Studio: the README's, one of which moves, and each view in three widths, light and dark, to look at.

`MOCK_SECONDS=8 make serve` in one terminal; in another, `python -m bench.studio_pictures --admin-token` with what
`lookreel token --email you@example.com --admin` prints. It makes looks and videos of the demo user.
"""

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, StorageState, ViewportSize, sync_playwright

from app.demo_user import EMAIL, IMAGE

README_PICTURES = Path(__file__).parent.parent / "docs" / "images"
WIDTHS = (360, 768, 1440)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = {"Stone Essence II": 0, "Blue Hour": 140, "Forest Walk": 90, "Rose Linen": 235, "Night Shift": 180}
READY_MS = 60_000
FILM_SIZE = (1040, 699)
STEP_MS = 300
PLAYED_FRAMES = 8
PROMPT = "The model turns slowly in soft daylight"
MONITOR = ("Overview", "Videos", "Accounts", "Audit log")


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000/", help="a server that has a demo user")
    parser.add_argument("--all", type=Path, help="a folder for each view in each width and scheme")
    parser.add_argument("--admin-token", required=True, help="gives the demo user tokens, and shows the monitor")
    asked = parser.parse_args()
    with _browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1)
        _enter(page, asked.url)
        _grant(page, asked.url, asked.admin_token)
        _make_looks(page, asked.url)
        README_PICTURES.mkdir(parents=True, exist_ok=True)
        look = _make_video(page, asked.url, Film(page))
        state = page.context.storage_state()
        for name, place in (("studio-looks", "#/looks"), ("studio-look", look)):
            _write(page, f"{asked.url}{place}", README_PICTURES / f"{name}.webp")
        if asked.all:
            _all(browser, Shown(asked.url, state, look, asked.admin_token), asked.all)


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium") or which("google-chrome"))
        yield browser
        browser.close()


def _enter(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Enter as the demo user").click()
    page.locator(".look-card").first.wait_for()


def _grant(page: Page, url: str, admin_token: str) -> None:
    mutation = f'mutation {{ grantTokens(input: {{ email: "{EMAIL}", tokens: 1000 }}) {{ balance }} }}'
    page.request.post(f"{url}graphql", data={"query": mutation}, headers={"Authorization": f"Bearer {admin_token}"})


def _make_looks(page: Page, url: str) -> None:
    known = page.locator(".look-card h2").all_inner_texts()
    for title, hue in LOOKS.items():
        if title in known:
            continue
        page.goto(f"{url}#/looks/new")
        picture: FilePayload = {"name": "look.jpg", "mimeType": "image/jpeg", "buffer": _turned(hue)}
        page.get_by_label("The look's image", exact=True).set_input_files(picture)
        page.get_by_label("Title", exact=True).fill(title)
        page.get_by_label("Name of product 1", exact=True).fill("Linen shirt")
        page.get_by_label("Designer of product 1").fill("Atelier Nord")
        page.get_by_label("Price of product 1").fill("129")
        page.get_by_role("button", name="Save the look").click()
        page.get_by_role("heading", name=title, exact=True).wait_for()


def _turned(hue: int) -> bytes:
    """Return the sample's picture in other colours, as a JPEG."""
    hues, saturation, value = Image.open(IMAGE).convert("HSV").split()
    bands = (hues.point([(level + hue) % 256 for level in range(256)]), saturation, value)
    file = io.BytesIO()
    Image.merge("HSV", bands).convert("RGB").save(file, "JPEG", quality=88)
    return file.getvalue()


class Film:
    """A moving picture of what happens on a page: what it shows at some moments, each for some time."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._milliseconds: list[int] = []

    def shoot(self, milliseconds: int) -> None:
        """Take what there is to see; it will be shown for so long."""
        self._page.evaluate("window.scrollTo(0, 0)")
        whole = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self._frames.append(whole.resize(FILM_SIZE, Image.Resampling.LANCZOS))
        self._milliseconds.append(milliseconds)

    def write(self, target: Path) -> None:
        """Write it as an animation that begins again."""
        first, *others = self._frames
        first.save(
            target, save_all=True, append_images=others, duration=self._milliseconds, loop=0, quality=70, method=6
        )


def _make_video(page: Page, url: str, film: Film) -> str:
    """Make a video of a look that has none, on film, then one that fails and one that goes on; return the place."""
    page.goto(f"{url}#/looks")
    page.reload()
    look = page.locator(".look-card", has_text="0 videos").first
    look.wait_for()
    page.wait_for_load_state("networkidle")
    film.shoot(1500)
    look.click()
    page.locator(".price dd").first.wait_for()
    film.shoot(1200)
    _generate(page, PROMPT, film)
    ready = page.locator("[data-status=SUCCEEDED] video").first
    while not ready.is_visible():
        film.shoot(STEP_MS)
        page.wait_for_timeout(STEP_MS)
    ready.evaluate("video => { video.muted = true; return video.play() }")
    for _ in range(PLAYED_FRAMES):
        film.shoot(STEP_MS)
        page.wait_for_timeout(STEP_MS)
    page.get_by_role("button", name="Make default").first.click()
    page.get_by_text("Unset default").first.wait_for()
    film.shoot(2000)
    film.write(README_PICTURES / "studio.webp")
    for prompt, status in (("A close-up [fail:CONTENT_FILTERED]", "FAILED"), ("A slow close-up", "RUNNING")):
        _generate(page, prompt)
        page.locator(f"[data-status={status}]").first.wait_for(timeout=READY_MS)
    return str(page.evaluate("location.hash"))


def _generate(page: Page, prompt: str, film: Film | None = None) -> None:
    page.get_by_label("What should happen?").fill(prompt)
    if film:
        film.shoot(1200)
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("article", name=prompt).first.wait_for()


def _write(page: Page, address: str, target: Path) -> None:
    page.goto(address)
    page.reload()
    page.wait_for_load_state("networkidle")
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(target, quality=84, method=6)


class Shown(NamedTuple):
    """What the pictures show: a server, who is signed in, a look of theirs, and an admin's token if there is one."""

    url: str
    state: StorageState
    look: str
    admin_token: str


def _all(browser: Browser, shown: Shown, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        for width in WIDTHS:
            size: ViewportSize = {"width": width, "height": 900}
            visitor = browser.new_page(viewport=size, color_scheme=scheme)
            _shoot(visitor, shown.url, folder / f"sign-in-{width}-{scheme}.png")
            _shoot_monitor(visitor, shown, folder, f"{width}-{scheme}")
            page = browser.new_page(viewport=size, color_scheme=scheme, storage_state=shown.state)
            for name, place in _views(page, shown.url, shown.look).items():
                _shoot(page, f"{shown.url}{place}", folder / f"{name}-{width}-{scheme}.png")


def _shoot_monitor(page: Page, shown: Shown, folder: Path, kind: str) -> None:
    page.get_by_label("Sign in with a token").fill(shown.admin_token)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator(".purse").wait_for()
    page.goto(f"{shown.url}#/monitor")
    for part in MONITOR:
        page.get_by_role("tab", name=part, exact=True).click()
        page.locator("td").first.wait_for()
        if part == "Accounts":
            page.get_by_role("button", name=EMAIL).click()
            page.get_by_label("Tokens to add").wait_for()
        page.screenshot(path=folder / f"monitor-{part.lower().replace(' ', '-')}-{kind}.png", full_page=True)


def _views(page: Page, url: str, look: str) -> dict[str, str]:
    page.goto(f"{url}#/videos")
    video = page.locator("[data-status=SUCCEEDED] h3 a").first
    video.wait_for()
    places = {name: f"#/{name}" for name in ("looks", "looks/new", "videos", "videos/new", "tokens", "developers")}
    named = {name.replace("/", "-"): place for name, place in places.items()}
    return named | {"look": look, "video": str(video.get_attribute("href"))}


def _shoot(page: Page, address: str, target: Path) -> None:
    page.goto(address)
    page.reload()
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelector('.top')?.style.setProperty('position', 'static')")
    page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    main()
