"""Migrations expand before they contract: the release before the newest migration works on the schema after it."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from db import migrations, revisions
from tests.app.processes import Running, until_stopped
from tests.house import House, eventually
from tests.test_following import QUERY, healthy

ROOT = Path(__file__).parent.parent
# Its own command would begin with the code of the checkout.
PROGRAM = (sys.executable, "-c", "from lookreel import main; main()")


def git(*arguments: str) -> bytes:
    try:
        return subprocess.run(("git", *arguments), cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S607 - whichever there is
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the release before comes from git's history, which is not here: {error}")


def release_before(migration: str, folder: Path) -> Path:
    """Write the code into a folder as the main branch had it before that migration came."""
    came = git("log", "--first-parent", "--format=%H", "--", migration).decode().split()[-1:]
    archive = git("archive", *(f"{commit}^1" for commit in came), ".", ":!docs", ":!tests", ":!bench")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


async def test_the_release_before_works_on_the_schema_of_this_one(house: House, tmp_path: Path) -> None:
    (newest,) = revisions.HEADS - revisions.OPTIONAL
    migration = str(Path(migrations.scripts().get_revision(newest).path).relative_to(ROOT))
    code = release_before(migration, tmp_path / "before")
    assert not (code / migration).exists()

    environment = {
        "PYTHONPATH": code,
        "PYTHONSAFEPATH": 1,
        "DATABASE_URL": house.settings.database_url,
        "JWT_SECRET_KEY": house.settings.jwt_secret_key,
        "DATA_DIR": house.settings.data_dir,
        "MOCK_SECONDS": 0.5,
        "PORT": 0,
    }
    with until_stopped(Running((*PROGRAM, "serve"), tmp_path / "log", environment)) as server:
        base_url = await eventually(server.address, bool)
        async with House.opened(house.settings, house.database, base_url) as before:
            await eventually(lambda: healthy(before), bool)
            # Created by either, made by the worker of the release before, read at the other one.
            for created_by, read_at in ((before, house), (house, before)):
                caller = await house.user()
                job_id = await created_by.create(caller)
                job = await house.finished(job_id)
                polled = await read_at.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
                queried = await read_at.graphql(caller, QUERY, id=job_id)

                assert (job.status, polled.json()["status"]) == ("SUCCEEDED", "SUCCEEDED"), server.log
                assert queried["data"]["videoJob"]["version"] == job.version
                assert (await house.tokens(caller), await house.charges(caller)) == (50, 1)
        assert server.stop() == 0
    assert "Traceback" not in server.log
