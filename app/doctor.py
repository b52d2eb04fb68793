"""`lookreel doctor`: looks at everything that an installation needs; says what is wrong, and what to do about it."""

import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx
import typer

from app.doctor_database import database_findings
from app.findings import Answer, Check, Finding, State, compared, found
from app.generators import veo_access
from app.process import run_process
from app.settings import Settings
from app.wiring import open_storages
from db.engine.address import parsed
from providers.cloudinary.storage import CloudinaryStorage
from providers.veo import models as veo_models
from providers.veo.generator import VeoGenerator
from resolvers.ports import GenerationFailed, GeneratorMisconfigured

LEAST_FREE_BYTES = 10**9
SHORTEST_SECRET = 4

GOOGLE = "https://aiplatform.googleapis.com"
CLOUDINARY = "https://api.cloudinary.com"

_FOLDER_REMEDY = "Make DATA_DIR a folder that we may write to."

COLOURS = {State.OK: "green", State.NOTE: "blue", State.WARNING: "yellow", State.FAILED: "red"}


async def run(settings: Settings) -> int:
    """Look at everything and print a line for each subject; return 0 where nothing has failed, else 1.

    Raises:
        InvalidSettings

    """
    await open_storages(settings).aclose()  # complains of CLOUDINARY_URL as every command does
    logging.getLogger().setLevel(logging.CRITICAL)  # what the parts would log stands in the findings
    findings = await examine(settings)
    for finding in findings:
        state = typer.style(f"{finding.state:<8}", fg=COLOURS[finding.state])
        typer.echo(f"{state} {finding.subject:<18} {_without_secrets(settings, finding.text)}")
    return 1 if any(finding.state is State.FAILED for finding in findings) else 0


async def examine(settings: Settings) -> list[Finding]:
    """Return what each check finds, in a fixed order; none keeps another one from looking."""
    checks = [
        Check("Google", partial(_google, settings), "Check the network and GOOGLE_VERTEX_BASE_URL."),
        Check("Cloudinary", partial(_cloudinary, settings), "Check the network and CLOUDINARY_URL."),
        *(Check(f"{path.name} folder", partial(_folder, path), _FOLDER_REMEDY) for path in _folders(settings)),
        *(Check(f"clock, {name}", partial(_web_clock, url), "Check the network.") for name, url in _hosts(settings)),
    ]
    return [*await database_findings(settings), *await asyncio.gather(*map(found, checks))]


async def _google(settings: Settings) -> Answer:
    if not settings.has_google_access:
        return State.NOTE, "Not set up: mock videos only. For real ones, set GOOGLE_CLOUD_PROJECT or GOOGLE_API_KEY."
    models = sorted({model.upstream_id for model in veo_models.offered(settings.veo_models)})
    veo = VeoGenerator(veo_access(settings))
    try:
        answers = await asyncio.gather(*(_model_trouble(veo, model) for model in models))
    except GeneratorMisconfigured as refusal:
        remedy = "Check the credentials, and that they may use the Agent Platform (Vertex AI) in this project."
        return State.FAILED, f"Google does not let us in: {refusal.reason.rstrip('.')}. {remedy}"
    finally:
        await veo.aclose()
    if troubles := " ".join(filter(None, answers)):
        return State.FAILED, f"{troubles} Map such ids to models that are there, with VEO_MODELS."
    return State.OK, f"Lets us in and has {', '.join(models)}"


async def _model_trouble(veo: VeoGenerator, model: str) -> str | None:
    try:
        await veo.check(model)
    except GeneratorMisconfigured:
        raise
    except GenerationFailed as refusal:
        return refusal.message
    return None


async def _cloudinary(settings: Settings) -> Answer:
    if settings.cloudinary_url is None:
        return State.NOTE, "Not set up: files are stored on the local disk. For Cloudinary, set CLOUDINARY_URL."
    storage = CloudinaryStorage(settings.cloudinary_url)
    try:
        await storage.ping()
    finally:
        await storage.aclose()
    return State.OK, "Lets us in"


def _folders(settings: Settings) -> tuple[Path, Path]:
    return settings.media_folder, settings.scratch_folder


async def _folder(folder: Path) -> Answer:
    free = await asyncio.to_thread(_free_bytes, folder)
    facts = f"{folder} can be written to, {free / 10**9:.1f} GB are free"
    if free < LEAST_FREE_BYTES:
        return State.WARNING, f"{facts}. Make room for at least {LEAST_FREE_BYTES // 10**9} GB."
    return State.OK, facts


def _free_bytes(folder: Path) -> int:
    """Write to the folder, or to where it will be made. It is not made here: it would belong to whoever asks."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"\0")
    return shutil.disk_usage(place).free


def _hosts(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.has_google_access:
        yield "Google", settings.google_vertex_base_url or GOOGLE
    if settings.cloudinary_url is not None:
        yield "Cloudinary", parse_qs(urlsplit(settings.cloudinary_url).query).get("upload_prefix", [CLOUDINARY])[0]


async def _web_clock(url: str) -> Answer:
    """Read the clock that every HTTP answer tells (RFC 9110, section 6.6.1), whatever else it says."""
    async with httpx.AsyncClient() as client:
        asked = time.time()
        try:
            date = (await client.get(url)).headers["Date"]
        except (httpx.HTTPError, KeyError):
            return State.NOTE, "Not told"
    return compared(asked, parsedate_to_datetime(date), "theirs")


def _without_secrets(settings: Settings, words: str) -> str:
    """Blot out secrets, in case that a library tells one in an error."""
    for secret in (*settings.secret_keys, settings.google_api_key, *_passwords(settings)):
        if secret and len(secret) >= SHORTEST_SECRET:  # a letter or two would be found in any word
            words = words.replace(secret, "***")
    return " ".join(words.split())


def _passwords(settings: Settings) -> Iterator[str]:
    """Yield those in URLs, as they are written there and as they are meant."""
    if settings.cloudinary_url is not None:
        secret = urlsplit(settings.cloudinary_url).password or ""
        yield from (secret, unquote(secret))
    if settings.database_url is not None:
        address = parsed(settings.database_url)
        for password in (address.password or "", address.driver.get("sslpassword", "")):
            yield from (password, quote(password, safe=""))


if __name__ == "__main__":
    sys.exit(run_process(run))
