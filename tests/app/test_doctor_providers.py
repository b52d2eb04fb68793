"""What `lookreel doctor` says of Google and Cloudinary: what is wrong, what to do, and no secrets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.doctor import doctor, line, states
from tests.doubles.answers import error
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.cloudinary_protocol import API_SECRET
from tests.doubles.google_account import service_account_file
from tests.doubles.omni import refusal, serving_omni
from tests.doubles.veo import VeoDouble, serving_veo


@pytest.fixture
async def veo() -> AsyncIterator[VeoDouble]:
    async with serving_veo() as veo:
        yield veo


@pytest.fixture
def google(veo: VeoDouble, tmp_path: Path) -> dict[str, object]:
    account = service_account_file(tmp_path / "account.json", f"{veo.url}/token")
    return {
        "GOOGLE_CLOUD_PROJECT": "double",
        "GOOGLE_VERTEX_BASE_URL": veo.url,
        "GOOGLE_APPLICATION_CREDENTIALS": account,
    }


@pytest.fixture
async def cloudinary(tmp_path: Path) -> AsyncIterator[CloudinaryDouble]:
    async with CloudinaryDouble(tmp_path / "cloudinary").serving() as cloudinary:
        yield cloudinary


async def test_a_full_installation_is_healthy(
    installation: dict[str, object], google: dict[str, object], cloudinary: CloudinaryDouble
) -> None:
    report = await doctor(**installation, **google, CLOUDINARY_URL=cloudinary.cloudinary_url)

    assert report.returncode == 0
    assert set(states(report).values()) == {"ok"}
    assert {"clock, database", "clock, Google", "clock, Cloudinary"} < set(states(report))
    assert "veo-3.1-lite-generate-001" in line(report, "Veo")


async def test_a_wrong_secret_of_cloudinarys_is_told(
    installation: dict[str, object], cloudinary: CloudinaryDouble
) -> None:
    url = cloudinary.cloudinary_url.replace(API_SECRET, "not-the-secret")

    report = await doctor(**installation, CLOUDINARY_URL=url)

    assert report.returncode == 1
    assert states(report)["Cloudinary"] == "failed"
    assert "401" in line(report, "Cloudinary")
    assert "CLOUDINARY_URL" in line(report, "Cloudinary")
    assert "not-the-secret" not in report.stdout + report.stderr


async def test_google_keeping_us_out_is_told(
    installation: dict[str, object], google: dict[str, object], veo: VeoDouble
) -> None:
    veo.script_token(*[error(401, "invalid_client", reason="UNAUTHENTICATED")] * 10)

    report = await doctor(**installation, **google)

    assert report.returncode == 1
    assert "Google does not let us in" in line(report, "Veo")
    assert "Check the credentials" in line(report, "Veo")


async def test_a_model_that_is_gone_is_told(installation: dict[str, object], google: dict[str, object]) -> None:
    report = await doctor(**installation, **google, VEO_MODELS='{"veo-4": "veo-4.0-generate-001"}')

    assert report.returncode == 1
    assert "veo-4.0-generate-001 is not available" in line(report, "Veo")
    assert "VEO_MODELS" in line(report, "Veo")


async def test_a_project_without_omni_is_no_failure(installation: dict[str, object], google: dict[str, object]) -> None:
    report = await doctor(**installation, **google, OMNI_MODELS='{"next": "gemini-omni-9"}')

    assert (report.returncode, states(report)["Veo"], states(report)["Omni"]) == (0, "ok", "warning")


async def test_nobody_at_googles_address_is_told(installation: dict[str, object]) -> None:
    nobody = "http://127.0.0.1:1"
    keys = {"GOOGLE_EXPRESS_API_KEY": "hush-hush", "GEMINI_API_KEY": "hush-too"}
    report = await doctor(**installation, **keys, GOOGLE_VERTEX_BASE_URL=nobody, GOOGLE_GEMINI_BASE_URL=nobody)

    assert (report.returncode, states(report)["Veo"], states(report)["Omni"]) == (1, "failed", "failed")
    assert (states(report)["clock, Google"], states(report)["database"]) == ("note", "ok")
    assert "hush-too" not in report.stdout + report.stderr
    assert "hush-hush" not in report.stdout + report.stderr


async def test_a_key_of_the_developer_api_is_asked_for_the_model_and_spends_nothing(
    installation: dict[str, object],
) -> None:
    async with serving_omni() as omni:
        door = {"GOOGLE_API_KEY": "a-key", "GOOGLE_GEMINI_BASE_URL": omni.url}
        healthy = await doctor(**installation, **door)
        omni.script("model", refusal(400, "failed_precondition", "Billing is off"))
        refused = await doctor(**installation, **door)
        missing = await doctor(**installation, **door, OMNI_MODELS='{"next": "gemini-omni-9"}')

    assert (healthy.returncode, states(healthy)["Omni"], states(healthy)["Veo"]) == (0, "ok", "note")
    assert "GOOGLE_EXPRESS_API_KEY instead" in line(healthy, "Omni")
    assert (refused.returncode, states(refused)["Omni"]) == (1, "failed")
    assert "Billing is off. Check the credentials" in line(refused, "Omni")
    assert (missing.returncode, states(missing)["Omni"]) == (1, "failed")
    assert "gemini-omni-9 is not available" in line(missing, "Omni")
    assert "OMNI_MODELS" in line(missing, "Omni")
    assert omni.creates == []


async def test_no_secret_is_ever_printed(installation: dict[str, object], cloudinary: CloudinaryDouble) -> None:
    """Every part fails, each with something secret in its settings."""
    secrets = {
        "JWT_SECRET_KEY": "hush-jwt-" + "x" * 32,
        "GOOGLE_API_KEY": "hush-google",
        "GEMINI_API_KEY": "hush-gemini",
        "GOOGLE_EXPRESS_API_KEY": "hush-express",
        "DATABASE_URL": "postgresql://u:hush-%40database@127.0.0.1:1/x",
        "CLOUDINARY_URL": cloudinary.cloudinary_url.replace(API_SECRET, "hush-cloudinary"),
    }

    hosts = {
        "GOOGLE_VERTEX_BASE_URL": "http://hush-express.invalid:1",
        "GOOGLE_GEMINI_BASE_URL": "http://hush-google:1",
    }
    report = await doctor(**{**installation, **secrets, **hosts})

    assert report.returncode == 1
    assert "hush" not in report.stdout + report.stderr
