"""What JavaScript's libraries make of the server: the audits of graphql-http, and the clients of browsers.

Their packages are installed once, into pytest's cache: without Node, npm or a registry these tests are skipped.
"""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.house import House
from tests.rest_compat.test_video_job_events import STEPS, step
from tests.servers import serving

SCRIPTS = Path(__file__).parent.parent / "js"
INSTALL_SECONDS = 90
RUN_SECONDS = 60


@pytest.fixture(scope="session")
def scripts(pytestconfig: pytest.Config) -> Path:
    """A folder with the scripts and the packages that they import."""
    return with_packages(pytestconfig, SCRIPTS)


def with_packages(config: pytest.Config, source: Path) -> Path:
    """Return a folder with the scripts of another one and the packages that they import."""
    manifest = source / "package.json"
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("JavaScript's clients need Node and npm")
    assert config.cache is not None
    folder = config.cache.mkdir(f"npm-{hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]}")
    for file in filter(Path.is_file, source.iterdir()):
        shutil.copy(file, folder)
    done = folder / "installed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of these tests may be at it
        if not done.exists():
            install(folder)
            done.touch()
    return folder


def install(folder: Path) -> None:
    command = ["npm", "install", "--package-lock=false", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        npm = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took too long")
    if npm.returncode:
        pytest.skip(f"npm could not install the clients: {npm.stderr[-300:]}")


async def started(script: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "node", script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def run(script: Path, *arguments: str) -> Any:
    """Run a script while the server of this process answers; return what it printed."""
    return await printed(await started(script, *arguments))


async def printed(node: asyncio.subprocess.Process) -> Any:
    try:
        async with asyncio.timeout(RUN_SECONDS):
            out, err = await node.communicate()
    except TimeoutError:
        node.kill()
        out, err = await node.communicate()
    assert node.returncode == 0, (out + err).decode()
    return json.loads(out)


async def test_all_audits_of_graphql_over_http_pass(house: House, scripts: Path) -> None:
    audits = await run(scripts / "graphql_http_audits.mjs", f"{house.base_url}/graphql")

    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == 61


async def test_browsers_clients_follow_jobs_and_come_back_where_they_were(
    house: House,
    scripts: Path,
    working: None,  # noqa: ARG001 - runs a worker
) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    tokens = [
        house.headers(whose, timedelta(seconds=seconds))["Authorization"].removeprefix("Bearer ")
        for whose, seconds in ((caller, 3600), (other, 8), (other, -1))
    ]

    saw = await run(scripts / "graphql_clients.mjs", f"{house.base_url}/graphql", *tokens)

    assert list(saw) == ["ws", "sse"]
    for client in saw.values():
        versions = [event["version"] for event in client["before"] + client["after"]]
        assert versions == sorted(set(versions))
        assert len(client["before"]) == 2
        assert client["after"][-1]["status"] == "SUCCEEDED"
        assert client["whole"] == client["after"][-1:]
        assert client["read"]["data"] == {"videoJob": {"status": "SUCCEEDED"}}
        assert [error["message"] for error in client["invalid"]["errors"]] == [
            "Cannot query field 'nothing' on type 'Query'."
        ]
    for told in ("refusal", "expired"):
        assert {name: client[told] for name, client in saw.items()} == {"ws": 4403, "sse": 401}
    assert {name: client["expiry"] for name, client in saw.items()} == {"ws": [4401], "sse": ["UNAUTHENTICATED"]}


async def test_fetch_event_source_misses_nothing_across_a_restart_and_takes_no_heartbeat_for_an_event(
    house: House, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    caller = await house.user()
    job_id = await house.create(caller)
    token = house.headers(caller)["Authorization"].removeprefix("Bearer ")
    path = f"/api/v1/video-jobs/{job_id}/events"

    async with serving(house.settings, house.database) as url:
        node = await started(scripts / "fetch_event_source.mjs", f"{url}{path}", token)
        assert node.stderr is not None
        async with asyncio.timeout(RUN_SECONDS):
            assert await node.stderr.readline() == b"following\n"
            async with house.http.stream("GET", f"{url}{path}", headers=house.headers(caller)) as beside:
                pings = (line async for line in beside.aiter_lines() if line == ": ping")
                assert [await anext(pings) for _ in range(3)] == [": ping"] * 3
    for log, values in STEPS[:2]:
        await step(house, job_id, log, values)
    async with serving(house.settings, house.database, int(url.rpartition(":")[2])):
        for log, values in STEPS[2:]:
            await step(house, job_id, log, values)
        saw = await printed(node)

    read = await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
    messages = saw["messages"]
    assert saw["connections"] == 2
    assert {message["event"] for message in messages} <= {"status", "progress", "log"}
    assert [message["data"] for message in messages if message["event"] == "log"] == read.json()["logs"]
    versions = [int(message["id"].partition("-")[0]) for message in messages if message["event"] != "log"]
    assert versions == sorted(set(versions))
    assert (versions[0], versions[-1]) == (1, len(STEPS) + 1)
    assert [message["retry"] for message in messages if "retry" in message][:1] == [2000]
