"""`lookreel doctor` as an operator sees it: what is wrong, what to do, and no secrets."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update

from db import migrations
from db.embedded.server import embedded_server
from db.engine.connections import Server
from db.engine.limits import UNLIMITED
from db.tables import FileRemoval, SubmissionPace
from tests.app.doctor import doctor, line, states
from tests.app.processes import lookreel
from tests.conftest import temporary_folder
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.test_look_videos_migration import ALL_BUT_LOOK_VIDEOS

KEY = "a key that only this test knows, long enough"


async def test_a_fresh_installation_without_accounts_is_healthy(data_dir: Path) -> None:
    report = await doctor(DATA_DIR=data_dir)

    assert (report.returncode, report.stderr) == (0, "")
    assert set(states(report).values()) == {"ok", "note"}
    assert "GEMINI_API_KEY" in line(report, "Omni")
    assert "GOOGLE_EXPRESS_API_KEY" in line(report, "Veo")
    assert "on the local disk" in line(report, "Cloudinary")
    assert not (data_dir / "media").exists(), "what it made itself would belong to whoever ran it"


async def test_without_a_database_the_rest_is_looked_at(tmp_path: Path) -> None:
    report = await doctor(DATABASE_URL="postgresql://u:hush-hush@127.0.0.1:1/x", JWT_SECRET_KEY=KEY, DATA_DIR=tmp_path)

    assert report.returncode == 1
    assert states(report)["database"] == "failed"
    assert "Check DATABASE_URL" in line(report, "database")
    assert states(report)["queue"] == "note"
    assert states(report)["media folder"] == "ok"
    assert "hush-hush" not in report.stdout + report.stderr


async def test_what_is_wrong_in_the_embedded_database_is_not_put_down_to_an_address() -> None:
    with temporary_folder() as folder:
        assert lookreel("migrate", DATA_DIR=folder).returncode == 0
        with embedded_server(folder) as url:
            async with Server(url).opened(UNLIMITED) as connection:
                await connection.execute("DROP TABLE file_removals")

            report = await doctor(DATA_DIR=folder)

    assert (report.returncode, states(report)["file removals"]) == (1, "failed")
    assert "DATABASE_URL" not in report.stdout


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
    async with database.beside() as other:
        yield other


async def test_a_database_that_is_not_migrated_is_told(
    other_database: InspectedDatabase, installation: dict[str, object]
) -> None:
    installation["DATABASE_URL"] = other_database.server.url

    empty = await doctor(**installation)
    await migrations.upgrade(other_database.server.url, "0004")
    old = await doctor(**installation)

    for report in (empty, old):
        assert report.returncode == 1
        assert "Run `lookreel migrate`" in line(report, "migrations")
        assert states(report)["queue"] == "note"


async def test_the_owners_own_migration_is_a_warning(
    other_database: InspectedDatabase, installation: dict[str, object]
) -> None:
    await migrations.upgrade(other_database.server.url, ALL_BUT_LOOK_VIDEOS)
    installation["DATABASE_URL"] = other_database.server.url

    report = await doctor(**installation)

    assert report.returncode == 0
    assert (states(report)["migrations"], states(report)["look videos"]) == ("ok", "warning")


async def test_a_database_of_a_newer_release_is_told(
    other_database: InspectedDatabase, installation: dict[str, object]
) -> None:
    await migrations.upgrade(other_database.server.url)
    async with other_database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999' WHERE version_num <> '0003'"))
    installation["DATABASE_URL"] = other_database.server.url

    assert "newer than this code" in line(await doctor(**installation), "migrations")


async def test_jobs_that_nobody_takes_are_told(house: House, installation: dict[str, object]) -> None:
    caller = await house.user()
    await house.create(caller)
    fresh = await doctor(**installation)
    await house.create(caller)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET created = now() - interval '2 minutes'"))
    overdue = await doctor(**installation)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid()"))
    followed = await doctor(**installation)
    async with house.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'"))
    stalled = await doctor(**installation)

    found = [states(report)["queue"] for report in (fresh, overdue, followed, stalled)]
    assert found == ["ok", "failed", "ok", "failed"]
    assert "2 waiting, the oldest for 12" in line(overdue, "queue")
    assert "lookreel worker" in line(stalled, "queue")


async def test_what_workers_have_left_is_a_warning(house: House, installation: dict[str, object]) -> None:
    await house.create(await house.user())
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM pgqueuer"))
        await session.execute(update(SubmissionPace).values(trouble="The key has expired."))
        session.add(FileRemoval(address="/media/a.mp4", due_at=datetime.now(UTC), failures=2))

    report = await doctor(**installation)

    assert report.returncode == 0
    for subject in ("video jobs", "file removals", "submits"):
        assert states(report)[subject] == "warning"
    assert "The key has expired. Mend" in line(report, "submits")


@pytest.mark.parametrize("folder", ["media", "scratch"])
async def test_a_file_in_place_of_a_folder_is_told(
    installation: dict[str, object], tmp_path: Path, folder: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / folder).touch()

    report = await doctor(**installation)

    assert report.returncode == 1
    assert states(report)[f"{folder} folder"] == "failed"
    assert "DATA_DIR" in line(report, f"{folder} folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_is_not_ours_to_write_is_told(installation: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)

    assert states(await doctor(**installation))["media folder"] == "failed"


@pytest.mark.parametrize(
    "settings",
    [{"CLOUDINARY_URL": "cloudinary://hush-hush"}, {"JWT_SECRET_KEY": "hush-hush"}, {"VEO_POLL_SECONDS": "0"}],
)
async def test_settings_that_do_not_add_up_end_in_78(settings: dict[str, str], data_dir: Path) -> None:
    report = await doctor(DATA_DIR=data_dir, **settings)

    assert (report.returncode, report.stdout) == (78, "")
    assert "hush-hush" not in report.stderr
