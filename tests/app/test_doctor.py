"""`lookreel doctor` as an operator sees it: what is wrong, what to do, and no secrets."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from app.settings import Settings
from db import migrations
from db.tables import FileRemoval, SubmissionPace
from tests.app.processes import lookreel
from tests.doubles.answers import error
from tests.doubles.cloudinary import API_SECRET, CloudinaryDouble
from tests.doubles.google_account import service_account_file
from tests.doubles.omni import refusal, serving_omni
from tests.doubles.veo import VeoDouble, serving_veo
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.test_look_videos_migration import ALL_BUT_LOOK_VIDEOS

KEY = "a key that only this test knows, long enough"
NOTHING_OUTSIDE = (
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_EXPRESS_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDINARY_URL",
)


async def doctor(**settings: object) -> CompletedProcess[str]:
    """Run the command in a process of its own, while the doubles answer in this one."""
    return await asyncio.to_thread(lookreel, "doctor", **{**dict.fromkeys(NOTHING_OUTSIDE, ""), **settings})


def states(report: CompletedProcess[str]) -> dict[str, str]:
    """Return the state of each subject."""
    assert "Traceback" not in report.stderr
    return {line[9:28].strip(): line.split()[0] for line in report.stdout.splitlines()}


def line(report: CompletedProcess[str], subject: str) -> str:
    return next(line for line in report.stdout.splitlines() if line[9:28].strip() == subject)


@pytest.fixture
def environment(house: House, settings: Settings, tmp_path: Path) -> dict[str, object]:
    """The tests' database, and a data folder in which nothing is yet."""
    assert house.http
    return {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATA_DIR": tmp_path / "data",
    }


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


async def test_a_fresh_installation_without_accounts_is_healthy(data_dir: Path) -> None:
    report = await doctor(DATA_DIR=data_dir)

    assert (report.returncode, report.stderr) == (0, "")
    assert set(states(report).values()) == {"ok", "note"}
    assert "GEMINI_API_KEY" in line(report, "Omni")
    assert "GOOGLE_EXPRESS_API_KEY" in line(report, "Veo")
    assert "on the local disk" in line(report, "Cloudinary")
    assert not (data_dir / "media").exists(), "what it made itself would belong to whoever ran it"


async def test_a_full_installation_is_healthy(
    environment: dict[str, object], google: dict[str, object], cloudinary: CloudinaryDouble
) -> None:
    report = await doctor(**environment, **google, CLOUDINARY_URL=cloudinary.cloudinary_url)

    assert report.returncode == 0
    assert set(states(report).values()) == {"ok"}
    assert {"clock, database", "clock, Google", "clock, Cloudinary"} < set(states(report))
    assert "veo-3.1-lite-generate-001" in line(report, "Veo")


async def test_without_a_database_the_rest_is_looked_at(tmp_path: Path) -> None:
    report = await doctor(DATABASE_URL="postgresql://u:hush-hush@127.0.0.1:1/x", JWT_SECRET_KEY=KEY, DATA_DIR=tmp_path)

    assert report.returncode == 1
    assert states(report)["database"] == "failed"
    assert "Check DATABASE_URL" in line(report, "database")
    assert states(report)["queue"] == "note"
    assert states(report)["media folder"] == "ok"
    assert "hush-hush" not in report.stdout + report.stderr


async def test_what_is_no_database_url_is_told(tmp_path: Path) -> None:
    report = await doctor(DATABASE_URL="what?", JWT_SECRET_KEY=KEY, DATA_DIR=tmp_path)

    assert (report.returncode, report.stdout) == (78, "")
    assert report.stderr.startswith("DATABASE_URL cannot be used: it has to begin with postgresql://")


async def test_a_data_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    report = await doctor(DATA_DIR=tmp_path / "data")

    assert (report.returncode, report.stdout) == (78, "")
    assert report.stderr.startswith("DATA_DIR: must be a folder that we may write to")


@pytest.fixture
async def other_database(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """An empty database on the tests' server."""
    url = database.url.set(database=f"doctor_{uuid4().hex}")
    async with database.raw_connection() as connection:
        await connection.execute(f'CREATE DATABASE "{url.database}"')
        other = InspectedDatabase(url.render_as_string(hide_password=False))
        yield other
        await other.close()
        await connection.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def test_a_database_that_is_not_migrated_is_told(
    other_database: InspectedDatabase, environment: dict[str, object]
) -> None:
    environment["DATABASE_URL"] = other_database.url.render_as_string(hide_password=False)

    empty = await doctor(**environment)
    await migrations.upgrade(other_database.url, "0004")
    old = await doctor(**environment)

    for report in (empty, old):
        assert report.returncode == 1
        assert "Run `lookreel migrate`" in line(report, "migrations")
        assert states(report)["queue"] == "note"


async def test_the_owners_own_migration_is_a_warning(
    other_database: InspectedDatabase, environment: dict[str, object]
) -> None:
    await migrations.upgrade(other_database.url, ALL_BUT_LOOK_VIDEOS)
    environment["DATABASE_URL"] = other_database.url.render_as_string(hide_password=False)

    report = await doctor(**environment)

    assert report.returncode == 0
    assert (states(report)["migrations"], states(report)["look videos"]) == ("ok", "warning")


async def test_a_database_of_a_newer_release_is_told(
    other_database: InspectedDatabase, environment: dict[str, object]
) -> None:
    await migrations.upgrade(other_database.url)
    async with other_database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999' WHERE version_num <> '0003'"))
    environment["DATABASE_URL"] = other_database.url.render_as_string(hide_password=False)

    assert "newer than this code" in line(await doctor(**environment), "migrations")


async def test_jobs_that_nobody_takes_are_told(house: House, environment: dict[str, object]) -> None:
    caller = await house.user()
    await house.create(caller)
    fresh = await doctor(**environment)
    await house.create(caller)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET created = now() - interval '2 minutes'"))
    overdue = await doctor(**environment)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid()"))
    followed = await doctor(**environment)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'"))
    stalled = await doctor(**environment)

    found = [states(report)["queue"] for report in (fresh, overdue, followed, stalled)]
    assert found == ["ok", "failed", "ok", "failed"]
    assert "2 waiting, the oldest for 12" in line(overdue, "queue")
    assert "lookreel worker" in line(stalled, "queue")


async def test_what_workers_have_left_is_a_warning(house: House, environment: dict[str, object]) -> None:
    await house.create(await house.user())
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM pgqueuer"))
        await session.execute(update(SubmissionPace).values(trouble="The key has expired."))
        session.add(FileRemoval(address="/media/a.mp4", due_at=datetime.now(UTC), failures=2))

    report = await doctor(**environment)

    assert report.returncode == 0
    for subject in ("video jobs", "file removals", "submits"):
        assert states(report)[subject] == "warning"
    assert "The key has expired. Mend" in line(report, "submits")


async def test_a_wrong_secret_of_cloudinarys_is_told(
    environment: dict[str, object], cloudinary: CloudinaryDouble
) -> None:
    url = cloudinary.cloudinary_url.replace(API_SECRET, "not-the-secret")

    report = await doctor(**environment, CLOUDINARY_URL=url)

    assert report.returncode == 1
    assert states(report)["Cloudinary"] == "failed"
    assert "401" in line(report, "Cloudinary")
    assert "CLOUDINARY_URL" in line(report, "Cloudinary")
    assert "not-the-secret" not in report.stdout + report.stderr


async def test_google_keeping_us_out_is_told(
    environment: dict[str, object], google: dict[str, object], veo: VeoDouble
) -> None:
    veo.script_token(*[error(401, "invalid_client", reason="UNAUTHENTICATED")] * 10)

    report = await doctor(**environment, **google)

    assert report.returncode == 1
    assert "Google does not let us in" in line(report, "Veo")
    assert "Check the credentials" in line(report, "Veo")


async def test_a_model_that_is_gone_is_told(environment: dict[str, object], google: dict[str, object]) -> None:
    report = await doctor(**environment, **google, VEO_MODELS='{"veo-4": "veo-4.0-generate-001"}')

    assert report.returncode == 1
    assert "veo-4.0-generate-001 is not available" in line(report, "Veo")
    assert "VEO_MODELS" in line(report, "Veo")


async def test_a_project_without_omni_is_no_failure(environment: dict[str, object], google: dict[str, object]) -> None:
    report = await doctor(**environment, **google, OMNI_MODELS='{"next": "gemini-omni-9"}')

    assert (report.returncode, states(report)["Veo"], states(report)["Omni"]) == (0, "ok", "warning")


async def test_nobody_at_googles_address_is_told(environment: dict[str, object]) -> None:
    nobody = "http://127.0.0.1:1"
    keys = {"GOOGLE_EXPRESS_API_KEY": "hush-hush", "GEMINI_API_KEY": "hush-too"}
    report = await doctor(**environment, **keys, GOOGLE_VERTEX_BASE_URL=nobody, GOOGLE_GEMINI_BASE_URL=nobody)

    assert (report.returncode, states(report)["Veo"], states(report)["Omni"]) == (1, "failed", "failed")
    assert (states(report)["clock, Google"], states(report)["database"]) == ("note", "ok")
    assert "hush-too" not in report.stdout + report.stderr
    assert "hush-hush" not in report.stdout + report.stderr


async def test_a_key_of_the_developer_api_is_asked_for_the_model_and_spends_nothing(
    environment: dict[str, object],
) -> None:
    async with serving_omni() as omni:
        door = {"GOOGLE_API_KEY": "a-key", "GOOGLE_GEMINI_BASE_URL": omni.url}
        healthy = await doctor(**environment, **door)
        omni.script("model", refusal(400, "failed_precondition", "Billing is off"))
        refused = await doctor(**environment, **door)
        missing = await doctor(**environment, **door, OMNI_MODELS='{"next": "gemini-omni-9"}')

    assert (healthy.returncode, states(healthy)["Omni"], states(healthy)["Veo"]) == (0, "ok", "note")
    assert "GOOGLE_EXPRESS_API_KEY instead" in line(healthy, "Omni")
    assert (refused.returncode, states(refused)["Omni"]) == (1, "failed")
    assert "Billing is off. Check the credentials" in line(refused, "Omni")
    assert (missing.returncode, states(missing)["Omni"]) == (1, "failed")
    assert "gemini-omni-9 is not available" in line(missing, "Omni")
    assert "OMNI_MODELS" in line(missing, "Omni")
    assert omni.creates == []


@pytest.mark.parametrize("folder", ["media", "scratch"])
async def test_a_file_in_place_of_a_folder_is_told(environment: dict[str, object], tmp_path: Path, folder: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / folder).touch()

    report = await doctor(**environment)

    assert report.returncode == 1
    assert states(report)[f"{folder} folder"] == "failed"
    assert "DATA_DIR" in line(report, f"{folder} folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_is_not_ours_to_write_is_told(environment: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)

    assert states(await doctor(**environment))["media folder"] == "failed"


async def test_no_secret_is_ever_printed(environment: dict[str, object], cloudinary: CloudinaryDouble) -> None:
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
    report = await doctor(**{**environment, **secrets, **hosts})

    assert report.returncode == 1
    assert "hush" not in report.stdout + report.stderr


@pytest.mark.parametrize(
    "settings",
    [{"CLOUDINARY_URL": "cloudinary://hush-hush"}, {"JWT_SECRET_KEY": "hush-hush"}, {"VEO_POLL_SECONDS": "0"}],
)
async def test_settings_that_do_not_add_up_end_in_78(settings: dict[str, str], data_dir: Path) -> None:
    report = await doctor(DATA_DIR=data_dir, **settings)

    assert (report.returncode, report.stdout) == (78, "")
    assert "hush-hush" not in report.stderr
