"""The committed examples follow a job across a restart of the server, and miss nothing."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.caller import Caller
from db.tables import VideoJobImage
from tests.house import FORM, House
from tests.origins import origin
from tests.rest_compat.test_video_job_events import STEPS, step
from tests.schema.test_js_clients import with_packages
from tests.servers import serving

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = ("fetch", "graphql-ws", "graphql-sse", "urql", "apollo")
WAIT_SECONDS = 60
BEFORE = 2
"""How many steps happen while the server is away."""


def compiled(folder: Path) -> Path:
    """Let Relay compile what the examples ask for, by the committed schema; return the folder."""
    shutil.copy(EXAMPLES.parent / "schema" / "schema.graphql", folder)
    relay = subprocess.run(
        [folder / "node_modules/.bin/relay-compiler"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert relay.returncode == 0, relay.stdout + relay.stderr
    return folder


class Example:
    """One that runs; `seen` are the states that it has printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []

    async def see(self, version: int) -> None:
        """Wait until it has printed that version, or has ended."""
        while not self.seen or self.seen[-1]["version"] < version:
            self.seen.append(await self.line())

    async def line(self) -> dict[str, Any]:
        """Wait for its next line."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = await self.process.stdout.readline()
        assert line, (await self.process.stderr.read()).decode()
        told: dict[str, Any] = json.loads(line)
        return told

    async def said(self) -> list[Any]:
        """Wait for its end; return what it has printed besides."""
        rest, errors = await self.process.communicate()
        assert (self.process.returncode, rest) == (0, b""), errors.decode()
        return [json.loads(line) for line in errors.splitlines()]


@asynccontextmanager
async def running(*command: object) -> AsyncIterator[Example]:
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=PIPE, stderr=PIPE)
    try:
        yield Example(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_every_example_follows_a_job_across_a_restart_and_misses_nothing(
    house: House, pytestconfig: pytest.Config
) -> None:
    folder = with_packages(pytestconfig, EXAMPLES)
    caller = await house.user()
    look = str((await house.look(caller)).id)
    job = await house.create(caller, lookId=look)
    token = house.headers(caller)["Authorization"].removeprefix("Bearer ")
    async with AsyncExitStack() as stack, asyncio.timeout(WAIT_SECONDS):
        async with serving(house.settings, house.database) as url:
            commands = [("node", folder / f"{name}.mjs", url, token, job, look) for name in SCRIPTS]
            commands.append((sys.executable, EXAMPLES / "follow.py", url, token, job, look))
            examples = [await stack.enter_async_context(running(*command)) for command in commands]
            await asyncio.gather(*(example.see(1) for example in examples))
        for log, values in STEPS[:BEFORE]:
            await step(house, job, log, values)
        async with serving(house.settings, house.database, int(url.rpartition(":")[2])):
            await asyncio.gather(*(example.see(1 + BEFORE) for example in examples))
            for log, values in STEPS[BEFORE:]:
                await step(house, job, log, values)
            await asyncio.gather(*(example.see(1 + len(STEPS)) for example in examples))
            said = [await example.said() for example in examples]

    for example in examples:
        versions = [state["version"] for state in example.seen]
        assert versions == sorted(set(versions))
        assert (versions[0], versions[1], versions[-1]) == (1, 1 + BEFORE, 1 + len(STEPS))
        assert example.seen[-1] == {
            "id": job,
            "version": 1 + len(STEPS),
            "status": "CANCELLED",
            "progressPercentage": 40,
        }
    assert [lines for name, lines in zip([*SCRIPTS, "gql"], said, strict=True) if name != "apollo"] == [[]] * 5
    # What the subscription brought is what the look's page shows; a refusal is read without configuration.
    *pages, refusal, created = said[SCRIPTS.index("apollo")]
    assert [page["page"] for page in pages][-1] == "CANCELLED"
    assert refusal["refusal"] == [
        {
            "__typename": "InvalidInput",
            "code": "INVALID_INPUT",
            "message": "Resolution must be '720p' or '1080p'",
            "field": "resolution",
        }
    ]
    assert created == {"created": "PENDING"}
    assert (await house.charges(caller), await house.count(table=VideoJobImage)) == (2, 1)


async def test_every_example_ends_with_a_job_that_is_deleted(house: House, pytestconfig: pytest.Config) -> None:
    folder = with_packages(pytestconfig, EXAMPLES)
    caller = await house.user()
    job = await house.create(caller)
    token = house.headers(caller)["Authorization"].removeprefix("Bearer ")
    commands = [("node", folder / f"{name}.mjs", house.base_url, token, job) for name in SCRIPTS]
    commands.append((sys.executable, EXAMPLES / "follow.py", house.base_url, token, job))
    async with AsyncExitStack() as stack, asyncio.timeout(WAIT_SECONDS):
        examples = [await stack.enter_async_context(running(*command)) for command in commands]
        await asyncio.gather(*(example.see(1) for example in examples))
        deleted = await house.http.delete(f"/api/v1/video-jobs/{job}", headers=house.headers(caller))
        ends = [await example.process.communicate() for example in examples]

    assert deleted.status_code == 204
    assert [example.process.returncode for example in examples] == [1] * len(examples)
    reasons = ["404", *["Video job not found"] * (len(examples) - 1)]
    assert [(reason in errors.decode()) for reason, (_, errors) in zip(reasons, ends, strict=True)] == [True] * len(
        ends
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="the client needs Node")
async def test_the_client_uploads_refreshes_its_token_and_follows_across_a_restart(
    house: House, tmp_path: Path
) -> None:
    caller = await house.user()

    def mint(asked_before: int) -> str:
        lifetime = timedelta(seconds=3600 if asked_before else -1)
        return house.headers(caller, lifetime)["Authorization"].removeprefix("Bearer ")

    async with AsyncExitStack() as stack, asyncio.timeout(WAIT_SECONDS):
        site = stack.enter_context(origin(tmp_path, mint))
        async with serving(house.settings, house.database) as url:
            command = ("node", EXAMPLES / "client.mjs", url, f"{site.url}/tokens/client")
            client = await stack.enter_async_context(running(*command))
            refusal, created, first = [await client.line() for _ in range(3)]
            assert await house.count() == 1
        for log, values in STEPS[:BEFORE]:
            await step(house, created["id"], log, values)
        async with serving(house.settings, house.database, int(url.rpartition(":")[2])):
            second = await client.line()
            for log, values in STEPS[BEFORE:]:
                await step(house, created["id"], log, values)
            rest, errors = await client.process.communicate()

    assert (client.process.returncode, errors) == (0, b"")
    message = "Resolution must be '720p' or '1080p'"
    assert refusal == {"status": 400, "code": "INVALID_INPUT", "field": "resolution", "message": message}
    assert first == {"status": "PENDING", "progressPercentage": 0}
    assert second == {"status": "RUNNING", "progressPercentage": 20}
    assert [json.loads(line) for line in rest.splitlines()][-2:] == [
        {"status": "CANCELLED", "progressPercentage": 40},
        {"end": "CANCELLED"},
    ]
    assert await house.charges(caller) == 1
    assert await house.count(VideoJobImage.video_job_id == created["id"], table=VideoJobImage) == 1


def test_the_client_has_a_type_for_each_field_of_a_new_video() -> None:
    types = (EXAMPLES.parent / "clients/js/index.d.ts").read_text()
    declared = re.findall(r"^  (\w+)\??:", types.partition("interface NewVideo {")[2].partition("\n}")[0], re.MULTILINE)
    api = json.loads((EXAMPLES.parent / "rest_compat/openapi.json").read_text())
    form = api["components"]["schemas"]["Body_create_video_job"]["properties"]

    assert set(declared) == {*form, "idempotencyKey"}


async def done(house: House, caller: Caller, script: str) -> object:
    """Run a script that has the client as `studio`; return what it prints."""
    token = house.headers(caller)["Authorization"].removeprefix("Bearer ")
    client = (EXAMPLES.parent / "clients/js/index.js").as_uri()
    head = f"""
        import {{ lookreel }} from {json.dumps(client)};
        const studio = lookreel({{ baseUrl: {json.dumps(house.base_url)}, token: () => {json.dumps(token)} }});
    """
    async with asyncio.timeout(WAIT_SECONDS), running("node", "--input-type=module", "--eval", head + script) as node:
        out, errors = await node.process.communicate()
    assert (node.process.returncode, errors) == (0, b"")
    return json.loads(out)


@pytest.mark.skipif(shutil.which("node") is None, reason="the client needs Node")
async def test_what_a_callback_throws_ends_the_client(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    # Node ends by itself only once the connection has been given up: the job goes on.
    script = f"""
        let called = 0;
        const follow = studio.video("{job_id}").follow(() => {{ called += 1; undefined.missing; }});
        const error = await follow.catch((error) => error);
        console.log(JSON.stringify({{ name: error.name, called }}));
    """

    assert await done(house, caller, script) == {"name": "TypeError", "called": 1}


@pytest.mark.skipif(shutil.which("node") is None, reason="the client needs Node")
async def test_the_client_tells_what_does_not_pass_within_seconds(house: House) -> None:
    caller = await house.user()
    script = f"""
        const video = {json.dumps(FORM | {"mockMode": False})};
        const error = await studio.createVideo(video).catch((error) => error);
        console.log(JSON.stringify({{ ...error, message: error.message, requestId: error.requestId.length }}));
    """

    assert await done(house, caller, script) == {
        "name": "Refused",
        "status": 503,
        "code": "GENERATION_UNAVAILABLE",
        "message": "Real video generation is not configured on this server. Send mockMode=true for a mock video.",
        "field": "mockMode",
        "requestId": 32,
    }
    assert (await house.count(), await house.charges(caller)) == (0, 0)


@pytest.mark.skipif(shutil.which("node") is None, reason="the client needs Node")
async def test_the_client_comes_back_from_a_connection_that_is_silent(house: House) -> None:
    script = r"""
        const asked = [];
        const stream = (text) => new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(text)) });
        globalThis.fetch = async (url, { headers }) => {
          asked.push(headers["Last-Event-ID"] ?? null);
          const status = asked.length === 1 ? "RUNNING" : "SUCCEEDED";
          return new Response(stream(`event: status\nid: ${asked.length}-1\ndata: {"status": "${status}"}\n\n`));
        };
        const quick = { baseUrl: "http://api", token: () => "t", retryMilliseconds: 1, silenceMilliseconds: 50 };
        const { status } = await lookreel(quick).video("1").follow();
        console.log(JSON.stringify({ status, asked }));
    """

    assert await done(house, await house.user(), script) == {"status": "SUCCEEDED", "asked": [None, "1-1"]}


@pytest.mark.skipif(shutil.which("node") is None, reason="it needs Node")
async def test_a_socket_that_answers_no_ping_is_given_up(house: House) -> None:
    script = """
        import { resuming } from %s;
        const due = new Set();
        globalThis.setTimeout = (action) => { due.add(action); return action; };
        globalThis.clearTimeout = (action) => due.delete(action);
        const heard = {};
        let ended = 0;
        resuming({ on: (event, listener) => (heard[event] = listener), terminate: () => (ended += 1), subscribe() {} });
        const told = [];
        for (const event of ["pong", "closed", null]) {
          heard.ping(true);
          heard.ping(false);
          if (event) heard[event](true);
          due.forEach((action) => { due.delete(action); action(); });
          told.push(ended);
        }
        console.log(JSON.stringify(told));
    """

    told = await done(house, await house.user(), script % json.dumps((EXAMPLES / "resuming.mjs").as_uri()))
    assert told == [0, 0, 1]
