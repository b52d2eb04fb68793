"""Backups of the embedded database: what was there is there again, elsewhere."""

import signal
import stat
from pathlib import Path

import pytest

from app.settings import Settings
from db.embedded.dumps import dump
from db.embedded.server import embedded_server
from db.engine.connections import Server
from db.engine.limits import UNLIMITED
from tests.app.processes import END_SECONDS, lookreel, running
from tests.conftest import temporary_folder
from tests.house import eventually


def told(*arguments: object, **settings: object) -> tuple[int, str, str]:
    done = lookreel(*map(str, arguments), **settings)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.strip(), done.stderr.strip()


async def rows(data_dir: Path) -> list[tuple[object, ...]]:
    with embedded_server(data_dir) as url:
        return await rows_at(url)


async def rows_at(url: str) -> list[tuple[object, ...]]:
    async with Server(url).opened(UNLIMITED) as connection:
        sql = "SELECT email, tokens, (SELECT count(*) FROM looks), (SELECT count(*) FROM token_ledger) FROM users"
        return [tuple(row) for row in await connection.fetch(sql)]


async def test_what_was_backed_up_is_there_again_elsewhere(empty_database: str) -> None:
    with temporary_folder() as folder:
        first, copy, second = folder / "first", folder / "kept" / "copy", folder / "second"
        assert told("sample", "--email", "a@b.example", DATA_DIR=first)[0] == 0
        assert told("grant", "--email", "a@b.example", "--tokens", "7", DATA_DIR=first)[1] == "107"
        (first / "jwt-secret").write_text("the first one's own secret, long enough")

        backed_up = told("backup", copy, DATA_DIR=first)
        again = told("backup", copy, DATA_DIR=first)
        restored = told("restore", copy, DATA_DIR=second)
        refused = told("restore", copy, DATA_DIR=second)
        server = {
            "DATABASE_URL": empty_database,
            "JWT_SECRET_KEY_FILE": copy / "jwt-secret",
            "DATA_DIR": folder / "third",
        }
        moved = told("restore", copy, **server)
        not_moved = told("restore", copy, **server)

        assert backed_up == (0, f"Everything is in {copy}. It has secrets in it.", "")
        assert (again[0], again[2]) == (1, f"{copy} is there already. Name a folder that is not.")
        assert restored == (0, f"{copy} has been restored. Start Lookreel.", "")
        assert (refused[0], refused[2]) == (1, f"There is a database in {second}. Choose another DATA_DIR.")
        assert moved == restored
        said = "The database of DATABASE_URL has rows in audit_log. Choose one that is empty."
        assert (not_moved[0], not_moved[2]) == (1, said)
        assert await rows(second) == await rows(first) == [("a@b.example", 107, 1, 2)]
        assert await rows_at(empty_database) == await rows(first)
        assert len(media_of(first)) > 0
        assert media_of(first) == media_of(second) == media_of(folder / "third")
        assert {path.name for path in (folder / "third").iterdir()} == {"media", "jwt-secret"}
        assert (second / "jwt-secret").read_text() == (first / "jwt-secret").read_text()
        assert [stat.S_IMODE((each).stat().st_mode) for each in (copy, copy / "jwt-secret")] == [0o700, 0o600]
        assert [path.name for path in copy.parent.iterdir()] == ["copy"], "nothing half is left behind"


async def test_an_installation_without_files_moves_as_well(empty_database: str) -> None:
    with temporary_folder() as folder:
        copy, third = folder / "copy", folder / "third"
        assert told("token", "--email", "a@b.example", DATA_DIR=folder / "first")[0] == 0
        assert told("backup", copy, DATA_DIR=folder / "first")[0] == 0

        moved = told(
            "restore", copy, DATABASE_URL=empty_database, JWT_SECRET_KEY_FILE=copy / "jwt-secret", DATA_DIR=third
        )

        assert moved == (0, f"{copy} has been restored. Start Lookreel.", "")
        assert {path.name for path in third.iterdir()} == {"jwt-secret"}
        assert await rows_at(empty_database) == await rows(folder / "first")


def media_of(data_dir: Path) -> dict[Path, bytes]:
    return {file.relative_to(data_dir): file.read_bytes() for file in data_dir.glob("media/**/*") if file.is_file()}


async def test_a_database_of_its_own_is_copied_by_its_own_tools(settings: Settings, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": settings.database_url, "JWT_SECRET_KEY": settings.jwt_secret_key}
    code, output, error = told("backup", tmp_path / "copy", DATA_DIR=tmp_path / "data", **environment)
    assert (code, output) == (1, "")
    assert error.startswith("This is for the embedded database. DATABASE_URL is set")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("contents", [None, b"", b"no dump at all"])
async def test_what_is_no_backup_leaves_an_empty_database(contents: bytes | None) -> None:
    with temporary_folder() as folder:
        (folder / "copy").mkdir()
        if contents is not None:
            (folder / "copy" / "database.dump").write_bytes(contents)

        code, output, error = told("restore", folder / "copy", DATA_DIR=folder / "data")

        assert (code, output) == (1 if contents is None else 78, "")
        assert ("there is no database.dump" in error) == (contents is None)
        assert ("pg_restore could not do it" in error) == (contents is not None)


async def test_a_backup_among_the_media_is_refused() -> None:
    with temporary_folder() as folder:
        assert told("sample", "--email", "a@b.example", DATA_DIR=folder)[0] == 0
        there = media_of(folder)

        refused = told("backup", folder / "media" / "kept" / "copy", DATA_DIR=folder)

        said = "would be copied into itself. Name another folder."
        assert refused == (1, "", f"{folder}/media/kept/copy is among the media, and {said}")
        assert media_of(folder) == there
        assert not (folder / "media" / "kept").exists()


async def test_what_a_killed_backup_leaves_goes_with_the_next_one() -> None:
    with temporary_folder() as folder:
        first, kept = folder / "first", folder / "kept"
        assert told("token", "--email", "a@b.example", DATA_DIR=first)[0] == 0

        async def begun() -> list[Path]:
            return list(kept.glob(".*/.being-written"))

        with running("backup", str(kept / "monday"), log=folder / "log", DATA_DIR=first) as backup:
            (unfinished,) = await eventually(begun, bool)
            backup.kill()
        assert list(kept.iterdir()) == [unfinished.parent]

        assert told("backup", kept / "tuesday", DATA_DIR=first)[0] == 0

        assert [path.name for path in kept.iterdir()] == ["tuesday"]
        assert {path.name for path in (kept / "tuesday").iterdir()} == {"database.dump", "jwt-secret"}


async def test_a_newer_releases_backup_is_refused_before_anything_is_written(empty_database: str) -> None:
    with temporary_folder() as folder:
        first, newer, copy, second = (folder / name for name in ("first", "newer", "copy", "second"))
        server = {"DATABASE_URL": empty_database, "JWT_SECRET_KEY": "k" * 32, "DATA_DIR": second}
        assert told("token", "--email", "a@b.example", DATA_DIR=first)[0] == 0
        assert told("backup", copy, DATA_DIR=first)[0] == 0
        with embedded_server(first) as url:
            async with Server(url).opened(UNLIMITED) as connection:
                await connection.execute("UPDATE alembic_version SET version_num = '9999' WHERE version_num <> '0003'")
            (newer / "media").mkdir(parents=True)
            (newer / "media" / "a.png").touch()
            dump(first, url, newer / "database.dump")

        refused = [told("restore", newer, **where) for where in ({"DATA_DIR": second}, server)]
        assert not second.exists()
        restored = told("restore", copy, DATA_DIR=second)

        assert refused == [(1, "", f"{newer} is a newer release's. Restore it by that one.")] * 2
        assert restored == (0, f"{copy} has been restored. Start Lookreel.", "")
        assert await rows(second) == await rows(first)


async def test_what_ends_a_restore_leaves_nothing_that_stays(empty_database: str) -> None:
    with temporary_folder() as folder:
        copy, data_dir = folder / "copy", folder / "data"
        assert told("sample", "--email", "a@b.example", DATA_DIR=folder / "first")[0] == 0
        assert told("backup", copy, DATA_DIR=folder / "first")[0] == 0
        server = {"DATABASE_URL": empty_database, "JWT_SECRET_KEY": "k" * 32, "DATA_DIR": data_dir}

        async def left() -> list[Path]:
            return list(data_dir.glob(".restoring-*/postgres/postmaster.pid"))

        ends = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            with running("restore", str(copy), log=folder / "log", **server) as restore:
                await eventually(left, bool)
                restore.process.send_signal(number)
                ends.append((restore.process.wait(END_SECONDS), restore.log, len(list(data_dir.glob(".restoring-*")))))
        (data_dir / next(iter(media_of(data_dir)))).write_bytes(b"half, as a kill leaves it")
        restored = told("restore", copy, **server)

        assert ends == [(143, "", 0), (130, "", 0), (-9, "", 1)]
        assert restored[0] == 0
        assert {path.name for path in data_dir.iterdir()} == {"media"}
        assert media_of(data_dir) == media_of(folder / "first")
        assert await rows_at(empty_database) == await rows(folder / "first")
