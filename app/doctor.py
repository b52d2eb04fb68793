"""`lookreel doctor`: looks at everything that an installation needs; says what is wrong, and what to do about it."""

import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx
import typer

from app.doctor_database import Answer, Check, Finding, State, compared, database_findings, found
from app.generators import open_omni, open_veo
from app.process import run_process, run_program
from app.registry import express_mode_notice
from app.settings import Settings
from app.wiring import open_storages
from db.engine.address import parsed
from providers.cloudinary.storage import CloudinaryStorage
from providers.google_generator import GoogleGenerator
from providers.omni import models as omni_models
from providers.veo import models as veo_models
from resolvers.models import VideoModel
from resolvers.ports import GenerationFailed, GeneratorMisconfigured

LEAST_FREE_BYTES = 10**9
SHORTEST_SECRET = 4

GOOGLE = "https://aiplatform.googleapis.com"
GEMINI_API = "https://generativelanguage.googleapis.com"
CLOUDINARY = "https://api.cloudinary.com"

MOCK_ONLY = "mock videos only, unless Veo is. For real ones,"
LOCAL_ONLY = "files are stored on the local disk. For Cloudinary,"
_FOLDER_REMEDY = "Make DATA_DIR a folder that we may write to."

COLOURS = {State.OK: "green", State.NOTE: "blue", State.WARNING: "yellow", State.FAILED: "red"}


async def run(settings: Settings) -> int:
    """Look at everything and print a line for each subject; return 0 where nothing has failed, else 1.

    Raises InvalidSettings.
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
        Check("Veo", partial(_veo, settings), "Check the network and GOOGLE_VERTEX_BASE_URL."),
        Check("Omni", partial(_omni, settings), "Check the network and GOOGLE_GEMINI_BASE_URL."),
        Check("Cloudinary", partial(_cloudinary, settings), "Check the network and CLOUDINARY_URL."),
        *(
            Check(f"{path.name} folder", partial(_folder, path), _FOLDER_REMEDY)
            for path in (settings.media_folder, settings.scratch_folder)
        ),
        *(Check(f"clock, {name}", partial(_web_clock, url), "Check the network.") for name, url in _hosts(settings)),
    ]
    return [*await database_findings(settings), *await asyncio.gather(*map(found, checks))]


async def _veo(settings: Settings) -> Answer:
    if not settings.has_veo:
        return State.NOTE, "Not set up. For videos by Veo, set GOOGLE_CLOUD_PROJECT or GOOGLE_EXPRESS_API_KEY."
    async with open_veo(settings) as veo:
        return await _asked(veo, veo_models.offered(settings.veo_models), "VEO_MODELS")


async def _omni(settings: Settings) -> Answer:
    """Ask for the models, and say what a key that was set for an earlier release does now (decision 28)."""
    if not settings.has_omni:
        return State.NOTE, f"Not set up: {MOCK_ONLY} set GEMINI_API_KEY, or GOOGLE_CLOUD_PROJECT."
    async with open_omni(settings) as omni:
        state, words = await _asked(omni, omni_models.offered(settings.omni_models, frontend_ids=False), "OMNI_MODELS")
    if settings.developer_api_key is None and state is State.FAILED and settings.has_veo:
        state = State.WARNING  # Veo works without it, and not every project has it
    return state, " ".join(filter(None, [f"{words}.", express_mode_notice(settings)])).replace("..", ".")


async def _asked(generator: GoogleGenerator, offered: Sequence[VideoModel], setting: str) -> Answer:
    models = sorted({model.upstream_id for model in offered})
    try:
        answers = await asyncio.gather(*(_model_trouble(generator, model) for model in models))
    except GeneratorMisconfigured as refusal:
        remedy = (
            "Check the credentials: a key has to be one of the Gemini Developer API with billing set up, a project "
            "one that may use the Agent Platform (Vertex AI)."
        )
        return State.FAILED, f"Google does not let us in: {refusal.reason.rstrip('.')}. {remedy}"
    if troubles := " ".join(filter(None, answers)):
        return State.FAILED, f"{troubles} Map such ids to models that are there, with {setting}."
    return State.OK, f"Lets us in and has {', '.join(models)}"


async def _model_trouble(generator: GoogleGenerator, model: str) -> str | None:
    try:
        await generator.check(model)
    except GeneratorMisconfigured:
        raise
    except GenerationFailed as refusal:
        return refusal.message
    return None


async def _cloudinary(settings: Settings) -> Answer:
    if settings.cloudinary_url is None:
        return State.NOTE, f"Not set up: {LOCAL_ONLY} set CLOUDINARY_URL or its three parts."
    async with aclosing(CloudinaryStorage(settings.cloudinary_url)) as storage:
        await storage.ping()
    return State.OK, "Lets us in"


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
    if settings.has_veo:
        yield "Google", settings.google_vertex_base_url or GOOGLE
    if settings.developer_api_key is not None:
        yield "Gemini API", settings.google_gemini_base_url or GEMINI_API
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
    google_keys = settings.google_api_key, settings.gemini_api_key, settings.google_express_api_key
    for secret in (*settings.secret_keys, *google_keys, *_passwords(settings)):
        if secret and len(secret) >= SHORTEST_SECRET:  # a letter or two would be found in any word
            words = words.replace(secret, "***")
    return " ".join(words.split())


def _passwords(settings: Settings) -> Iterator[str]:
    """Yield those in URLs, as they are written there and as they are meant."""
    yield settings.cloudinary_api_secret or ""
    if settings.cloudinary_url is not None:
        secret = urlsplit(settings.cloudinary_url).password or ""
        yield from (secret, unquote(secret))
    for url in filter(None, (settings.database_url, settings.database_direct_url)):
        address = parsed(url)
        for password in (address.password or "", address.driver.get("sslpassword", "")):
            yield from (password, quote(password, safe=""))


def main() -> None:
    """Look, and end the process."""
    sys.exit(run_process(run))


if __name__ == "__main__":
    run_program(partial(typer.run, main))  # ends quietly where nobody reads on
