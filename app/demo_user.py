"""The demo user: an account with tokens and a look, for people who have none yet."""

import asyncio
import ipaddress
import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse

from app.settings import Settings
from auth.caller import Caller
from auth.policy import HMAC_ALGORITHMS
from auth.tokens import sign
from db.engine.database import Database
from db.engine.statements import Writer
from db.looks import LookRow, LookView
from providers.local_disk.storage import MEDIA_PATH
from resolvers import accounts, looks
from resolvers.looks import NewLook, NewProduct
from resolvers.policy import VIDEO_GENERATION
from resolvers.tokens import Order, grant_as_operator

IMAGE = Path(__file__).parent / "sample_look.jpg"

SAMPLE = NewLook(
    title="Stone Essence",
    notes="Linen and wool in warm greys",
    generated_image_url=f"{MEDIA_PATH}/{IMAGE.name}",
    products=(
        NewProduct(name="Linen shirt", sku="LR-1001", designer="Atelier Nord", price=Decimal("129.00")),
        NewProduct(name="Pleated trousers", sku="LR-1002", designer="Atelier Nord", price=Decimal("189.00")),
        NewProduct(name="Wool scarf", sku="LR-1003", designer="Haus Linde", price=Decimal("79.50")),
    ),
)


async def sample_look(writer: Writer, caller: Caller, media_folder: Path) -> LookRow:
    """Return the caller's newest look, or a sample one that is made now."""
    page = await looks.listed(caller, LookView.MY_PRIVATE, None).page(writer, first=1)
    if page.rows:
        return page.rows[0]
    # A name of its own, of those that the storage keeps: so videos can be made from it, and it goes with its look.
    name = f"sample-{uuid4()}{IMAGE.suffix}"
    await asyncio.to_thread(_publish_image, media_folder / name)
    return await looks.create(writer, caller, replace(SAMPLE, generated_image_url=f"{MEDIA_PATH}/{name}"))


def _publish_image(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(IMAGE, target)


EMAIL = "demo@lookreel.example"
TOP_UP_TOKENS = 100
TOKEN_LASTS = timedelta(days=1)
PROXIED = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


@dataclass(frozen=True)
class DemoAccount:
    """The demo user, their tokens, and a look of theirs."""

    caller: Caller
    tokens: int
    look: LookRow


async def demo_account(transaction: Writer, settings: Settings) -> DemoAccount:
    """Return the demo user's account with enough tokens for a mock video; made where there is none."""
    caller = await accounts.account_for_email(transaction, EMAIL)
    policy = settings.policy()
    balance = (await accounts.get_or_create_account(transaction, caller, policy)).tokens
    highest = max(policy.operations[VIDEO_GENERATION], *(rule.tokens for rule in policy.video_prices), 1)
    if balance < highest:
        balance = await grant_as_operator(transaction, caller, Order(max(TOP_UP_TOKENS, highest)), policy)
    return DemoAccount(caller, balance, await sample_look(transaction, caller, settings.media_folder))


class DemoSignIn:
    """Gives the demo user's token to a page of this server in a browser on this machine, and to nobody else."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    @staticmethod
    def is_offered(settings: Settings) -> bool:
        """Whether there is such a thing: where database and key are this machine's own, and no video costs money."""
        has_proxy = settings.public_url is not None or settings.has_unix_socket
        is_own = settings.database_url is None and not has_proxy
        can_sign = settings.jwt_jwks_url is None and settings.jwt_algorithm in HMAC_ALGORITHMS
        return is_own and can_sign and not (settings.has_veo or settings.has_omni)

    async def answer(self, request: Request) -> JSONResponse:
        """Answer `{token, email}`, or 403."""
        if not _is_from_own_page(request):
            sentence = "The demo user is there for the page of this server, in a browser on the same machine."
            return JSONResponse({"code": "NOT_LOCAL", "detail": sentence}, 403)
        async with self._database.transaction() as transaction:
            account = await demo_account(transaction, self._settings)
        token = sign(self._settings.token_policy(), account.caller, TOKEN_LASTS)
        return JSONResponse({"token": token, "email": EMAIL})


def _is_from_own_page(request: Request) -> bool:
    """Whether a page of ours sends it from this machine.

    A proxy makes everybody local, a name that resolves to this machine (DNS rebinding) makes other pages our own: so
    neither may be there. Browsers send `Origin` with each POST.
    """
    host = request.headers.get("host", "")
    return (
        not any(name in request.headers for name in PROXIED)
        and request.client is not None
        and _is_loopback(request.client.host)
        and _is_loopback(urlsplit(f"//{host}").hostname or "")
        and request.headers.get("origin") == f"{request.url.scheme}://{host}"
        and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
