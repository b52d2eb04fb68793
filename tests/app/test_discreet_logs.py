"""Logs have no credentials and no prompts, however much is logged."""

import json
import logging
from typing import Any

import pytest
import websockets

from resolvers import video_jobs
from tests.house import House

SECRET = "a-secret-of-the-client"
NOBODYS = "00000000-0000-7000-8000-000000000000"
PROMPT = "a prompt that is nobody else's business"


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_a_websocket_leaves_no_token_and_no_prompt(
    house: House, caplog: pytest.LogCaptureFixture, level: str
) -> None:
    caplog.set_level(level)
    headers = house.headers(await house.user())
    token = headers["Authorization"].removeprefix("Bearer ")
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql?token={SECRET}"
    protocol = websockets.Subprotocol("graphql-transport-ws")
    quiet = logging.getLogger("tests.quiet")
    quiet.disabled = True
    async with websockets.connect(url, subprotocols=[protocol], additional_headers=headers, logger=quiet) as connection:
        await connection.send(json.dumps({"type": "connection_init", "payload": headers}))
        await connection.recv()
        query = f'{{ viewer {{ id }} looks(search: "{PROMPT}") {{ nodes {{ id }} }} }}'
        await connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
        assert json.loads(await connection.recv())["type"] == "next"
    with pytest.raises(websockets.InvalidStatus):
        async with websockets.connect(url.replace("/graphql", "/nowhere"), subprotocols=[protocol], logger=quiet):
            pass

    assert [secret for secret in (SECRET, token, PROMPT) if secret in caplog.text] == []
    assert "/graphql" in caplog.text
    assert "/nowhere" in caplog.text


@pytest.mark.parametrize("place", ["query", "mutation"])
async def test_a_fault_is_logged_without_the_document(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("It broke")

    caplog.set_level("DEBUG")
    monkeypatch.setattr(video_jobs, "read", broken)
    monkeypatch.setattr(video_jobs, "cancel", broken)
    document = {
        "query": f'{{ videoJob(id: "{NOBODYS}") {{ id }} }} # {PROMPT}',
        "mutation": f'mutation {{ cancelVideoJob(input: {{id: "{NOBODYS}"}}) {{ videoJob {{ id }} }} }} # {PROMPT}',
    }[place]

    body = await house.graphql(await house.user(), document)

    assert "INTERNAL_ERROR" in {error["extensions"]["code"] for error in body["errors"]}
    assert "RuntimeError: It broke" in caplog.text
    assert PROMPT not in caplog.text
