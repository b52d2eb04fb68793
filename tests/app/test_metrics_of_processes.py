"""Metrics of real processes: all of one `serve` together, whoever answers, and a worker that runs alone."""

import json
import os
import signal
from pathlib import Path
from socket import create_server

import httpx

from app.settings import Settings
from tests.app.processes import running
from tests.house import House, eventually
from tests.inspected import InspectedDatabase

TOKEN = "only the scraper of all these processes knows it"
CHARGED = 'lookreel_tokens_total{kind="CHARGE"}'
LIVE = 'lookreel_http_requests_total{method="GET",route="/livez",status="200"}'


def read(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def fresh(house: House, path: str) -> httpx.Response:
    """Ask over a connection of its own, so that any of the processes may accept it."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Connection": "close"}
    answer = await house.http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def environment(settings: Settings, folder: Path) -> dict[str, object]:
    return {
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": folder / "data",
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "MOCK_SECONDS": 0.2,
        "PORT": 0,
        "METRICS_TOKEN": TOKEN,
        "LOG_FORMAT": "json",
        "LOG_REQUESTS": "true",
    }


async def test_any_process_answers_for_all_of_them_and_no_death_takes_counts_away(
    house: House, settings: Settings, database: InspectedDatabase, tmp_path: Path
) -> None:
    async def found() -> dict[str, float]:
        return read((await fresh(serving, "/metrics")).text)

    with running("serve", "--workers", "2", log=tmp_path / "log", **environment(settings, tmp_path)) as server:
        base_url = await eventually(server.address, bool)
        async with House.opened(settings, database, base_url) as serving:
            caller = await house.user()
            job_id = await serving.create(caller)
            await serving.finished(job_id)
            for _ in range(30):
                await fresh(serving, "/livez")

            await eventually(found, lambda now: now.get(LIVE) == 30)
            answers = [await found() for _ in range(6)]
            ended = 'lookreel_jobs_ended_total{code="",status="SUCCEEDED"}'
            # What is killed takes along what it has not told yet: it tells every two seconds.
            await eventually(found, lambda now: now.get(ended) == 1 and now.get(CHARGED) == 50)
            os.kill(server.apis()[0].pid, signal.SIGKILL)
            after = await eventually(found, lambda now: len(server.apis()) == 2 and now.get(LIVE) == 30)

    assert [now[LIVE] for now in answers] == [30] * 6, "whichever of the two answers, it knows of both"
    memory = [after[f'lookreel_memory_bytes{{process="{name}"}}'] for name in ("api", "worker")]
    assert all(number > 10_000_000 for number in memory)
    assert after[CHARGED] == 50
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert {line["route"] for line in lines if line["logger"] == "lookreel.requests"} == {
        "/livez",
        "/metrics",
        "/api/v1/video-jobs",
    }
    (end,) = [line for line in lines if "has ended" in line["message"]]
    assert (end["job_id"], end["provider"], end["level"]) == (job_id, "mock", "INFO")


async def test_a_worker_alone_answers_by_itself(house: House, settings: Settings, tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def answer() -> str:
        try:
            return (await house.http.get(f"http://127.0.0.1:{port}/metrics")).text
        except httpx.TransportError:
            return ""

    with running(
        "worker", log=tmp_path / "log", METRICS_PORT=port, HOST="unix:/run/api.sock", **environment(settings, tmp_path)
    ):
        name = 'lookreel_memory_bytes{process="worker"}'
        text = await eventually(answer, lambda text: read(text).get(name, 0) > 0)

    assert read(text)[name] > 10_000_000
