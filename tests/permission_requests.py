"""Requests of both APIs as a caller sends them, and what came of each."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from tests.house import multipart
from tests.permission_worlds import World
from tests.permissions import DELETIONS_FOLLOWED, OWNERS_JOBS_FOLLOWED, Case, Outcome

SILENCE_SECONDS = 0.5
DONE = "done"
# Where a query answers null.
NULL = {"Query.videoJob": Outcome.NO_JOB, "Query.look": Outcome.NO_LOOK, "Query.node": Outcome.NO_JOB}
# How a refusal looks over REST; contract.md says nothing about the words behind a 403.
REFUSALS = {
    Outcome.NO_JOB: (404, "Video job not found"),
    Outcome.NO_LOOK: (404, "Look not found"),
    Outcome.INVALID_LOOK: (400, "Invalid look_id"),
    Outcome.UNAUTHENTICATED: (401, "Could not validate credentials"),
    Outcome.ADMIN_REQUIRED: (403, None),
    Outcome.NOT_ACTIVE: (403, None),
}


@dataclass(frozen=True)
class Answer:
    """What came of a request: `DONE`, or an outcome's value; and all that the caller was shown."""

    outcome: str
    shown: str


def operation(name: str) -> str:
    """Return the operation that a row of the table is about; behind a comma stands a variant of it."""
    return name.partition(",")[0]


async def ask_rest(world: World, name: str, case: Case) -> Answer:
    method, path = operation(name).split(" ")
    path = path.format(
        video_job_id=world.filled(case.job_in_path), look_id=world.ids["look"], user_id=world.ids["owner"]
    )
    form = case.form and {key: world.filled(value) for key, value in case.form.items()}
    answer = await world.house.http.request(
        method,
        path + world.filled(case.ask),
        headers=world.headers(),
        json=case.json and json.loads(world.filled(json.dumps(case.json))),
        files=multipart(form) if form else None,
    )
    if answer.status_code >= 400:
        return Answer(_code_over_rest(answer), answer.text)
    is_json = answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    listed = method == "GET" and is_json and answer.json().get("total") == 0
    return Answer(Outcome.EMPTY if listed else DONE, answer.text + answer.headers.get("Location", ""))


def _code_over_rest(answer: httpx.Response) -> str:
    body = answer.json()
    code = Outcome(body["code"])
    status, detail = REFUSALS[code]
    assert (answer.status_code, body["detail"]) == (status, detail or body["detail"])
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    return code


async def ask_graphql(world: World, name: str, case: Case) -> Answer:
    kind, field = operation(name).split(".")
    document = world.filled(f"{kind.lower()} {{ {field} {case.ask} }}")
    if kind == "Subscription":
        is_owners = case.rule is OWNERS_JOBS_FOLLOWED and world.caller != world.owner
        expects_silence = is_owners or case.rule is DELETIONS_FOLLOWED
        return await _follow(world, document, SILENCE_SECONDS if expects_silence else 10)
    answer = await world.house.http.post("/graphql", json={"query": document}, headers=world.headers())
    body = answer.json()
    if "errors" in body:
        code = body["errors"][0]["extensions"]["code"]
        assert answer.status_code == (403 if code == Outcome.NOT_ACTIVE else 200)
        assert body.get("data") in (None, {field: None})
        return Answer(code, answer.text)
    return Answer(_outcome_in_data(name, body["data"][field]), answer.text)


def _outcome_in_data(name: str, value: dict[str, Any] | list[Any] | None) -> str:
    """Read what a root field was resolved to: null, a list, a page, or a payload with typed errors."""
    if value is None:
        return Outcome.NO_LOOK if "look" in name else NULL[operation(name)]
    if isinstance(value, list):
        return DONE if any(value) else Outcome.EMPTY
    if value.get("nodes") == []:
        return Outcome.EMPTY
    refusals = value.get("errors", [])
    if not refusals:
        return DONE
    if name.startswith("Mutation"):
        assert [result for key, result in value.items() if key != "errors"] == [None]
    code: str = refusals[0]["code"]
    return code


async def _said_within(socket: ClientConnection, seconds: float) -> str:
    try:
        return str(await asyncio.wait_for(socket.recv(), seconds))
    except TimeoutError:
        return ""


async def _follow(world: World, document: str, seconds: float) -> Answer:
    """Subscribe by the protocol graphql-transport-ws; return the first message."""
    url = f"{world.house.base_url.replace('http', 'ws', 1)}/graphql"
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": document}}
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": world.headers()}))
        try:
            assert json.loads(await socket.recv())["type"] == "connection_ack"
        except ConnectionClosedError as closed:
            forbidden = closed.rcvd is not None and closed.rcvd.code == 4403
            return Answer(Outcome.CLOSED if forbidden else "closed otherwise", str(closed))
        await socket.send(json.dumps(subscribe))
        # Whoever gets nothing is told so by silence.
        if not (shown := await _said_within(socket, seconds)):
            return Answer(Outcome.EMPTY, shown)
    message = json.loads(shown)
    assert message["type"] == "next"
    if "errors" in message["payload"]:
        assert message["payload"]["data"] is None
        return Answer(message["payload"]["errors"][0]["extensions"]["code"], shown)
    return Answer(DONE, shown)
