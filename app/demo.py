"""`lookreel demo`: everything at once, as a user would do it, over the real wires; nothing is left running."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from io import BytesIO

import av
import httpx
from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.demo_user import EMAIL, TOKEN_LASTS, DemoSignIn, demo_account
from app.listening import listen, url_at
from app.serve import serve
from app.settings import Settings
from app.wiring import open_database
from auth.tokens import sign
from db.looks import LookRow
from resolvers.errors import Refusal

START_SECONDS = 60.0
FREE_SLOT_SECONDS = 60.0
POLL_SECONDS = 0.2

# By FFmpeg's names, what the standards call them.
CODEC_NAMES = {"h264": "AVC", "hevc": "HEVC"}

FOLLOW = "subscription ($id: ID!) { videoJob(id: $id) { status statusMessage progressPercentage errorMessage } }"
LOOK = """query ($id: ID!) { look(id: $id) {
  title products { name } videos { videoJobId status isDefault cloudinaryUrl } } }"""

# What goes on with it, for whoever has run `make demo`.
BY_MAKE = ("make serve", "make demo STAY=1")

console = Console(highlight=False)


class DemoFailed(Exception):
    """The demo did not get as far as it should; the message says where it stopped."""


async def run(settings: Settings, *, stay: bool = False) -> int:
    """Play the demo, and go on to serve where that is asked for; return the exit code."""
    listener = listen("127.0.0.1", 0)
    base_url = url_at(*listener.getsockname()[:2])
    settings = settings.model_copy(update={"log_level": "WARNING"})
    logging.getLogger().setLevel(settings.log_level)
    console.print(f"[bold]Lookreel demo[/bold]: data in {settings.data_dir}, API at {base_url}")
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, listener, stop=stop))
    try:
        playing = asyncio.create_task(_play(settings, base_url))
        await asyncio.wait({serving, playing}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            playing.cancel()
            return await serving
        token = await playing
        _show_studio(settings, base_url if stay else None, token)
        if stay:
            return await serving
    except (DemoFailed, Refusal) as failure:
        console.print(f"[bold red]{failure}[/bold red]")
        return 1
    finally:
        stop.set()
        await serving
    return 0


async def _play(settings: Settings, base_url: str) -> str:
    async with open_database(settings) as database, database.transaction() as transaction:
        account = await demo_account(transaction, settings)
    console.print(f"User {EMAIL} has {account.tokens} tokens and the look [bold]{account.look.title}[/bold]")
    token = sign(settings.token_policy(), account.caller, TOKEN_LASTS)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as http:
        await _until_ready(http)
        job_id = await _create(http, account.look)
        await _follow(base_url, headers, job_id)
        video = await _show_look(http, account.look, job_id)
        await _show_video(http, video)
    return token


async def _until_ready(http: httpx.AsyncClient) -> None:
    async for _ in _attempts(START_SECONDS):
        try:
            if (await http.get("/healthz")).is_success:
                return
        except httpx.TransportError:
            continue
    raise DemoFailed(f"The API did not start within {START_SECONDS:.0f} seconds.")


async def _create(http: httpx.AsyncClient, look: LookRow) -> str:
    """Create a video; jobs that an interrupted demo has left are finished first by the worker."""
    form = {
        "prompt": "The model turns slowly in soft daylight",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspectRatio": "16:9",
        "durationSeconds": "8",
        "generateAudio": "true",
        "mockMode": "true",
        "lookId": str(look.id),
    }
    async for _ in _attempts(FREE_SLOT_SECONDS):
        answer = await http.post("/api/v1/video-jobs", files={name: (None, value) for name, value in form.items()})
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
    job = answer.json()
    if answer.status_code != httpx.codes.ACCEPTED:
        raise DemoFailed(f"POST /api/v1/video-jobs answered {answer.status_code}: {job['detail']}")
    console.print(
        f"POST /api/v1/video-jobs -> {answer.status_code} {job['status']}, {job['tokensConsumed']} tokens charged"
    )
    return str(job["id"])


async def _follow(base_url: str, headers: dict[str, str], job_id: str) -> None:
    transport = WebsocketsTransport(
        url=f"{base_url.replace('http', 'ws', 1)}/graphql",
        init_payload=headers,
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    followed = GraphQLRequest(FOLLOW, variable_values={"id": job_id})
    columns = (TextColumn("{task.description:<32}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("subscription videoJob", total=100)
        async with Client(transport=transport) as client:
            async for event in client.subscribe(followed):
                job = event["videoJob"]
                progress.update(bar, completed=job["progressPercentage"], description=job["statusMessage"])
    if job["status"] != "SUCCEEDED":
        raise DemoFailed(f"The video job ended as {job['status']}: {job['errorMessage']}")


async def _show_look(http: httpx.AsyncClient, look: LookRow, job_id: str) -> str:
    """Read the look over GraphQL; return the URL of the video that was made."""
    answer = await http.post("/graphql", json={"query": LOOK, "variables": {"id": str(look.id)}})
    shown = answer.json()["data"]["look"]
    products = ", ".join(product["name"] for product in shown["products"])
    console.print(f"Look [bold]{shown['title']}[/bold] ({products}) shows {len(shown['videos'])} video(s):")
    for video in shown["videos"]:
        console.print(f"  {video['status']:<10} {video['cloudinaryUrl'] or ''}", soft_wrap=True)
    return next(str(video["cloudinaryUrl"]) for video in shown["videos"] if video["videoJobId"] == job_id)


async def _show_video(http: httpx.AsyncClient, url: str) -> None:
    answer = await http.get(url)
    found = await asyncio.to_thread(_described, answer.content)
    console.print(f"The MP4 is {answer.headers['content-type']}, {len(answer.content) / 1000:.0f} kB, {found}")


def _described(content: bytes) -> str:
    with av.open(BytesIO(content), "r") as video:
        shown = video.streams.video[0]
        seconds = (video.duration or 0) / av.time_base
        codec = CODEC_NAMES.get(shown.codec_context.name, shown.codec_context.name)
        sound = "with sound" if video.streams.audio else "silent"
        return f"{shown.width}x{shown.height}, {seconds:.1f} s, {codec}, {sound}"


def _show_studio(settings: Settings, base_url: str | None, token: str) -> None:
    if base_url is not None:
        console.print(f"\nStudio is at [bold]{base_url}/[/bold] until you press Ctrl-C.", soft_wrap=True)
    else:
        serve, stays = BY_MAKE if "MAKELEVEL" in os.environ else ("lookreel serve", "lookreel demo --stay")
        commands = f"run [bold]{serve}[/bold] (or [bold]{stays}[/bold])"
        console.print(f"\nTo go on, {commands} and open Studio{where_to_open(settings)}", soft_wrap=True)
    if DemoSignIn.is_offered(settings):
        said = "There you enter as the demo user. For the playground's Headers tab (valid for a day):"
    else:
        said = "Sign in there with this token; as it is, it is for the playground's Headers tab (valid for a day):"
    console.print(said, soft_wrap=True)
    console.print(json.dumps({"Authorization": f"Bearer {token}"}), soft_wrap=True)


def where_to_open(settings: Settings) -> str:
    """Return how 'open Studio' goes on: with the address at which `serve` will answer browsers, if known."""
    if settings.public_url is not None:
        return f":\n  {settings.public_url.rstrip('/')}/"
    if settings.has_unix_socket:
        return f" by the proxy in front of {settings.host}."
    if settings.port == 0:
        return " at the address that it tells."
    return f":\n  {url_at(settings.host, settings.port)}/"


async def _attempts(seconds: float) -> AsyncIterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        await asyncio.sleep(POLL_SECONDS)
