"""What Google's doubles answer when a test has something to say about it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tests.doubles.serving import drop, until_gone

RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"

Trouble = Literal["", "drop", "drop mid-body", "hang", "drip"]
"""`drip`: a byte now and then, each in time for whoever waits for the next one, and no end."""


@dataclass(frozen=True)
class Answer:
    """What to answer: a body or, with None, what would be answered anyway.

    A submit is accepted by an answer of None, and by `accepts`, whatever is answered.
    """

    body: bytes | Mapping[str, Any] | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: bool = False
    trouble: Trouble = ""


def error(status: int, message: str, *, reason: str = "", details: Sequence[Mapping[str, Any]] = ()) -> Answer:
    """Answer with an error as Google's services do."""
    return Answer({"error": {"code": status, "message": message, "status": reason, "details": list(details)}}, status)


def quota_exceeded(retry_delay: str | None = None) -> Answer:
    """Answer 429; `retry_delay` is such as "12s"."""
    details = [{"@type": RETRY_INFO, "retryDelay": retry_delay}] if retry_delay else []
    return error(429, "Quota exceeded", reason="RESOURCE_EXHAUSTED", details=details)


def done(**outcome: Any) -> Answer:
    """Answer a poll with an operation that is done; `outcome` is its `response` or its `error`, or nothing."""
    return Answer({"name": "as-asked", "done": True, **outcome})


def failed(code: int, message: str) -> Answer:
    """Answer a poll with a failed operation; the code is one of google.rpc.Status."""
    return done(error={"code": code, "message": message})


def filtered(*reasons: str) -> Answer:
    """Answer a poll with an operation whose only video was filtered out."""
    return done(response={"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": list(reasons)})


async def answered(request: Request, answer: Answer, usual: Mapping[str, Any]) -> Response:
    if answer.trouble == "hang":
        await until_gone(request)
    if answer.trouble == "drop":
        await drop(request)
    body = usual if answer.body is None else answer.body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = dict(answer.headers)
    if answer.trouble == "drip":
        return StreamingResponse(_drip(), answer.status, headers, media_type="application/json")
    if answer.trouble != "drop mid-body":
        return Response(content, answer.status, headers, media_type="application/json")

    async def half() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]

    headers["Content-Length"] = str(len(content))
    return StreamingResponse(half(), answer.status, headers, media_type="application/json")


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.1)
