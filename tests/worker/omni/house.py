"""Real generation with a key of the Developer API alone: the API, an Omni, a Cloudinary, and a worker in a hurry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from app.settings import Settings
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.omni import OmniDouble
from tests.doubles.serving import serving_app
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.worker.studio import Front, Studio

DOOR = {"google_cloud_project": None, "google_express_api_key": None, "gemini_api_key": "the key"}


class OmniFront(Front):
    """One server for many tests; each has an Omni of its own behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.omni = OmniDouble()

    def renew_omni(self) -> OmniDouble:
        """Put a new Omni behind the server."""
        self.omni = OmniDouble()
        self.omni.url = self.url
        return self.omni

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.omni.app(scope, receive, send)


@dataclass(frozen=True)
class OmniStudio(Studio):
    """A house that makes its real videos with Omni."""

    @property
    def omni(self) -> OmniDouble:
        """Who makes them."""
        assert isinstance(self.front, OmniFront)
        return self.front.omni

    def renew(self) -> None:
        """Forget what came before."""
        assert isinstance(self.front, OmniFront)
        self.front.renew_omni()
        self.cloudinary.reset()


@asynccontextmanager
async def omni_house(
    settings: Settings, database: InspectedDatabase, cloudinary: CloudinaryDouble, **changes: Any
) -> AsyncIterator[OmniStudio]:
    """Serve a house whose only door is a key."""
    front = OmniFront()
    async with serving_app(front) as front.url:
        door = DOOR | {
            "google_gemini_base_url": front.url,
            "cloudinary_url": cloudinary.cloudinary_url,
            "omni_poll_seconds": 0.03,
            "submits_per_minute": 600_000,
        }
        changed = settings.model_copy(update=door | changes)
        async with serving(changed, database) as url, House.opened(changed, database, url) as house:
            yield OmniStudio(house, front, cloudinary)
