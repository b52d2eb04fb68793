"""`lookreel serve` as an operator runs it: with the legacy frontend in front, and with processes that are killed."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from app.environment import read_settings
from app.listening import listen
from app.serve import serve
from db.enums import VideoJobStatus
from db.tables import VideoJob
from providers.mock.videos import mock_video
from tests.app.processes import lookreel, processes_of, running
from tests.house import House, eventually

LEGACY_FRONTEND = Path(__file__).parent.parent / "js" / "legacy_frontend.mjs"
JOBS = 20
TAKE_OVER_SECONDS = 30


async def is_up(address: str) -> bool:
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{address}/healthz")).is_success
    except httpx.TransportError:
        return False


@pytest.mark.skipif(shutil.which("node") is None, reason="the legacy frontend's example is JavaScript")
async def test_the_legacy_frontend_gets_its_videos(data_dir: Path, tmp_path: Path) -> None:
    settings = {"DATA_DIR": data_dir, "PORT": 0, "MOCK_SECONDS": 1}
    with running("serve", "--workers", "2", log=tmp_path / "serve.log", **settings) as server:
        address = await eventually(server.address, bool)
        await eventually(lambda: is_up(address), bool)
        token = lookreel("token", "--email", "studio@example.com", **settings).stdout.splitlines()[-1]
        look_id = lookreel("sample", "--email", "studio@example.com", **settings).stdout.splitlines()[-1]

        node = subprocess.run(  # noqa: ASYNC221 - nothing else happens here meanwhile
            ["node", LEGACY_FRONTEND, address, token, look_id],  # noqa: S607 - whichever Node there is
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        exit_code = server.stop()

    assert node.returncode == 0, node.stderr
    saw = json.loads(node.stdout)
    assert [saw["linked"]["httpStatus"], saw["standalone"]["httpStatus"]] == [202, 202]
    assert [end["seen"] for end in saw["ends"]] == [["PENDING", "RUNNING", "SUCCEEDED"]] * 2
    assert [look["id"] for look in saw["ends"][0]["job"]["associatedLooks"]] == [look_id]
    assert saw["ends"][1]["job"]["associatedLooks"] == []
    assert [(video["id"], video["status"]) for video in saw["look"]["videos"]] == [
        (saw["linked"]["job"]["id"], "SUCCEEDED")
    ]
    assert saw["video"] == {
        "type": "video/mp4",
        "bytes": mock_video("720p", "16:9", 8, audio=False).stat().st_size,
    }
    assert exit_code == 0


async def test_a_killed_server_takes_its_processes_with_it_and_starts_again(data_dir: Path, tmp_path: Path) -> None:
    settings = {"DATA_DIR": data_dir, "PORT": 0}
    with running("serve", log=tmp_path / "first.log", **settings) as server:
        address = await eventually(server.address, bool)
        await eventually(lambda: is_up(address), bool)
        with running("serve", log=tmp_path / "second.log", **settings) as second:
            joined = await eventually(second.address, bool)
            await eventually(lambda: is_up(joined), bool)
        assert await is_up(address)
        server.kill()

    await eventually(lambda: processes_of(data_dir), lambda left: not left)
    with running("serve", log=tmp_path / "third.log", **settings) as server:
        address = await eventually(server.address, bool)
        await eventually(lambda: is_up(address), bool)
    assert await eventually(lambda: processes_of(data_dir), lambda left: not left) == []


async def test_the_worker_starts_as_soon_as_the_api_is_ready(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Longer than the test may take: so it is the API's word that the worker has heard.
    monkeypatch.setattr("app.supervisor._LONGEST_WAIT_SECONDS", 600.0)
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    stop = asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serving = asyncio.create_task(serve(read_settings(), listener, stop=stop))
        await eventually(lambda: processes_of(data_dir), lambda left: any("app.worker" in line for line in left))
        assert await is_up(address)
        stop.set()
        assert await serving == 0


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_all_addresses_are_those_of_both_families(address: str) -> None:
    with listen("::", 0) as listener, socket.create_connection((address, listener.getsockname()[1]), timeout=5):
        pass


def test_a_taken_port_is_told_in_a_sentence(house: House, data_dir: Path) -> None:
    refused = lookreel("serve", DATA_DIR=data_dir, PORT=house.http.base_url.port)

    assert refused.returncode == 78
    assert "Set HOST or PORT to another address." in refused.stderr


async def test_a_killed_workers_jobs_are_all_finished_by_another(
    house: House, environment: dict[str, object], tmp_path: Path
) -> None:
    environment["MOCK_SECONDS"] = 4
    callers = [await house.user(tokens=1000) for _ in range(-(-JOBS // 3))]
    for number in range(JOBS):
        await house.create(callers[number % len(callers)])

    with running("worker", log=tmp_path / "killed.log", **environment) as killed:
        await eventually(lambda: house.count(VideoJob.status == VideoJobStatus.RUNNING), lambda jobs: jobs == JOBS)
        with running("worker", log=tmp_path / "other.log", **environment):
            killed.kill()
            await eventually(
                lambda: house.count(VideoJob.status == VideoJobStatus.SUCCEEDED),
                lambda jobs: jobs == JOBS,
                seconds=TAKE_OVER_SECONDS,
            )

    assert sum([await house.charges(caller) for caller in callers]) == JOBS


async def test_a_stopped_workers_jobs_go_on_at_once_in_another(
    house: House, environment: dict[str, object], tmp_path: Path
) -> None:
    environment["MOCK_SECONDS"] = 3
    job_id = await house.create(await house.user())
    with running("worker", log=tmp_path / "stopped.log", **environment) as stopped:
        await eventually(lambda: house.job(job_id), lambda job: job.operation_name is not None)
        with running("worker", log=tmp_path / "other.log", **environment):
            assert stopped.stop() == 0
            handed_over = await house.job(job_id)
            job = await house.finished(job_id)

    assert handed_over.status == VideoJobStatus.RUNNING
    assert (job.status, job.operation_name) == (VideoJobStatus.SUCCEEDED, handed_over.operation_name)
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


def test_the_parent_loads_none_of_what_its_children_do() -> None:
    heavy = (
        "sqlalchemy",
        "alembic",
        "asyncpg",
        "fastapi",
        "starlette",
        "strawberry",
        "graphql",
        "jwt",
        "httpx",
        "av",
        "PIL",
    )
    assert loaded("app.serve", *heavy) == []


def test_an_api_process_loads_neither_what_migrates_nor_what_makes_or_sends_videos() -> None:
    heavy = (
        "alembic",
        "mako",
        "pygments",
        "av",
        "cloudinary",
        "urllib3",
        "httpx",
        "rich",
        "google",
        "typer",
        "pgqueuer",
    )
    assert loaded("app.api", *heavy) == []


def test_pydantic_does_not_read_about_every_installed_package() -> None:
    script = """
import sys, types
from app.launch import launch
sys.addaudithook(lambda event, facts: event == "open" and "entry_points" in str(facts[0]) and print(facts[0]))
sys.modules["nothing"] = types.SimpleNamespace(main=lambda: 0)
launch("nothing")
import app.settings"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == ""


def loaded(module: str, *others: str) -> list[str]:
    """Return which of the others a process has loaded that has loaded the module."""
    script = f"import sys, {module}; print(*sys.modules.keys() & {set(others)})"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return ran.stdout.split()


async def test_a_database_that_cannot_be_started_ends_everything_with_a_sentence(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "letter.txt").touch()

    refused = lookreel("serve", DATA_DIR=data_dir, PORT=0)

    assert refused.returncode == 78
    assert "Move it away" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert await processes_of(data_dir) == []
