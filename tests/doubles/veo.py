"""A Veo that speaks the wire of Google's platform, its token endpoint and its bucket, and fails as it is told to."""

import base64
import json
import time
from asyncio import Event
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.doubles.answers import Answer, answered, error, quota_exceeded
from tests.doubles.apart import Apart
from tests.doubles.serving import serving_app
from tests.doubles.small_video import small_video

MODELS = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001", "gemini-omni-1.2-flash")

SUBMIT_FAILURES = ("429", "500", "503", "drop", "drop after acceptance", "bad JSON")
"""What `failure_rate` does to submits. The last two are accepted."""

POLL_FAILURES = ("503", "drop", "bad JSON")

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Submit:
    """A submit that arrived. `operation_name` is None where it was not accepted."""

    model: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    path: str
    operation_name: str | None

    @property
    def prompt(self) -> str | None:
        """What tells jobs apart, in tests with many."""
        prompt: str | None = self.body["instances"][0].get("prompt")
        return prompt


@dataclass
class _Operation:
    storage_uri: str | None
    started: float = field(default_factory=time.monotonic)
    polls: int = 0


class VeoDouble(Apart):
    """The state behind the app; everything is there to be set and read by tests.

    An operation is done after both `polls_until_done` polls and `seconds_until_done`. `failure_rate` is the share of
    submits and polls that fail by chance, each kind counted in `failures`.
    """

    def __init__(self, *, failure_rate: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.url = ""
        self.submits: list[Submit] = []
        self.accepted: dict[str, Submit] = {}
        self.polls: list[str] = []
        self.tokens = 0
        self.failure_rate = failure_rate
        self.failures: Counter[str] = Counter()
        self.polls_until_done = 0
        self.seconds_until_done = 0.0
        self.filter_reasons: Sequence[str] = ()
        self.to_bucket = False
        self.bucket: dict[str, bytes] = {}
        self.announce_length = True
        self.large_answers_under_way = self.most_large_answers_under_way = 0
        self.large_bytes = 8 * 1024**2
        self._held = ""
        self._gate = Event()
        self.give(small_video())
        self.app = Starlette(routes=self._routes())
        self._operations: dict[str, _Operation] = {}
        self._scripts: dict[str, deque[Answer]] = {"submit": deque(), "poll": deque(), "token": deque(), "get": deque()}
        self._chance = Random(seed)  # noqa: S311

    def give(self, video: bytes, *, size: int = 0) -> None:
        """Make this the result of all operations, filled up to a size with a box that players skip."""
        missing = max(0, size - len(video))
        self.video = video + (missing.to_bytes(4, "big") + b"free").ljust(missing, b"\0") if missing > 8 else video
        self._encoded = base64.b64encode(self.video)

    def hold(self, operation_name: str) -> None:
        """Stop in the middle of this operation's result, where it is a large one, until `release`."""
        self._held = operation_name
        self._gate.clear()

    def release(self) -> None:
        """Go on with what is held."""
        self._gate.set()

    def script_submit(self, *answers: Answer) -> None:
        """Answer the next submits so."""
        self._scripts["submit"].extend(answers)

    def script_poll(self, *answers: Answer) -> None:
        """Answer the next polls so, whichever operations they ask about."""
        self._scripts["poll"].extend(answers)

    def script_token(self, *answers: Answer) -> None:
        """Answer the next requests for access tokens so."""
        self._scripts["token"].extend(answers)

    def script_download(self, *answers: Answer) -> None:
        """Answer the next downloads from the bucket so."""
        self._scripts["get"].extend(answers)

    def accepted_by_prompt(self) -> Counter[str | None]:
        """Return how many operations were started for each prompt."""
        return Counter(submit.prompt for submit in self.accepted.values())

    def _routes(self) -> list[Route]:
        return [
            Route("/token", self._token, methods=["POST"]),
            Route("/storage/v1/b/{bucket}/o/{name:path}", self._object),
            Route("/download/storage/v1/b/{bucket}/o/{name:path}", self._object),
            Route(
                "/{version}/{path:path}publishers/google/models/{model}:predictLongRunning",
                self.sorted_out(VeoDouble._submit),
                methods=["POST"],
            ),
            Route(
                "/{version}/{path:path}publishers/google/models/{model}:fetchPredictOperation",
                self.sorted_out(VeoDouble._poll),
                methods=["POST"],
            ),
            Route("/{version}/{path:path}publishers/google/models/{model}", self._model),
        ]

    async def _token(self, request: Request) -> Response:
        await request.body()
        if scripted := self._next("token"):
            return await answered(request, scripted, {})
        self.tokens += 1
        return JSONResponse({"access_token": f"token-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"})

    async def _submit(self, request: Request) -> Response:
        body, model = await request.json(), request.path_params["model"]
        answer = self._next("submit") or self._by_chance(SUBMIT_FAILURES) or _refused(request) or Answer()
        name = None
        if answer.accepts or (answer.body is None and answer.trouble != "drop"):
            place = request.path_params["path"] or "projects/express/locations/global/"
            name = f"{place}publishers/google/models/{model}/operations/{uuid4()}"
        submit = Submit(model, body, dict(request.headers), request.url.path, name)
        self.submits.append(submit)
        if name:
            self.accepted[name] = submit
            self._operations[name] = _Operation(body["parameters"].get("storageUri"))
        return await answered(request, answer, {"name": name})

    async def _poll(self, request: Request) -> Response:
        name = (await request.json())["operationName"]
        self.polls.append(name)
        answer = self._next("poll") or self._by_chance(POLL_FAILURES) or _refused(request)
        if answer is None and name not in self._operations:
            answer = error(404, f"Operation {name} not found", reason="NOT_FOUND")
        if answer is not None and (answer.body is not None or answer.trouble in ("drop", "hang", "drip")):
            return await answered(request, answer, {})
        operation = self._operations[name]
        operation.polls += 1
        if not self._is_done(operation):
            return JSONResponse({"name": name})
        return self._result(name, operation, cut=bool(answer and answer.trouble))

    def _is_done(self, operation: _Operation) -> bool:
        seconds = time.monotonic() - operation.started
        return operation.polls > self.polls_until_done and seconds >= self.seconds_until_done

    def _result(self, name: str, operation: _Operation, *, cut: bool) -> Response:
        video: dict[str, str] = {"mimeType": "video/mp4"}
        if operation.storage_uri or self.to_bucket:
            video["gcsUri"] = f"{operation.storage_uri or 'gs://double/'}sample_0.mp4"
            self.bucket[video["gcsUri"]] = self.video
        else:
            video["bytesBase64Encoded"] = "@"
        response: dict[str, Any] = {"videos": [video]}
        if self.filter_reasons:
            response |= {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": list(self.filter_reasons)}
        head, mark, tail = json.dumps({"name": name, "done": True, "response": response}).encode().partition(b'"@"')
        parts = [head, b'"', self._encoded, b'"', tail] if mark else [head]
        length = sum(map(len, parts))
        headers = {"Content-Length": str(length)} if self.announce_length else {}
        return StreamingResponse(
            self._body(name, parts, length // 2 if cut else length), headers=headers, media_type="application/json"
        )

    async def _body(self, name: str, parts: Sequence[bytes], end: int) -> AsyncIterator[bytes]:
        """Stop at `end` bytes; count, and perhaps hold, what gets past the size that is large."""
        sent = 0
        counted = False
        try:
            for part in parts:
                for start in range(0, len(part), _CHUNK_BYTES):
                    chunk = part[start : start + _CHUNK_BYTES][: end - sent]
                    yield chunk
                    sent += len(chunk)
                    if sent > self.large_bytes and not counted:
                        counted = True
                        self.large_answers_under_way += 1
                        self.most_large_answers_under_way = max(
                            self.most_large_answers_under_way, self.large_answers_under_way
                        )
                        if name == self._held:
                            await self._gate.wait()
        finally:
            self.large_answers_under_way -= counted

    async def _model(self, request: Request) -> Response:
        model = request.path_params["model"]
        if answer := _refused(request) or (None if model in MODELS else error(404, f"Model {model} not found")):
            return await answered(request, answer, {})
        return JSONResponse(
            {
                "name": f"publishers/google/models/{model}",
                "versionId": "001",
                "launchStage": "GA",
                "openSourceCategory": "PROPRIETARY",
            }
        )

    async def _object(self, request: Request) -> Response:
        if scripted := self._next("get"):
            return await answered(request, scripted, {})
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        data = self.bucket.get(f"gs://{bucket}/{name}")
        if data is None:
            return await answered(request, error(404, f"No such object: {bucket}/{name}"), {})
        if request.query_params.get("alt") == "media":
            return Response(data, media_type="video/mp4")
        return JSONResponse({"kind": "storage#object", "bucket": bucket, "name": name, "size": str(len(data))})

    def _next(self, kind: str) -> Answer | None:
        script = self._scripts[kind]
        return script.popleft() if script else None

    def _by_chance(self, kinds: Sequence[str]) -> Answer | None:
        if self._chance.random() >= self.failure_rate:
            return None
        kind = self._chance.choice(kinds)
        self.failures[kind] += 1
        return _FAILURES[kind]


_FAILURES: Mapping[str, Answer] = {
    "429": quota_exceeded("0.2s"),
    "500": error(500, "Internal error", reason="INTERNAL"),
    "503": error(503, "The service is currently unavailable", reason="UNAVAILABLE"),
    "drop": Answer(trouble="drop"),
    "drop after acceptance": Answer(trouble="drop", accepts=True),
    "bad JSON": Answer(b'{"name": "projects/', accepts=True),
}


def _refused(request: Request) -> Answer | None:
    """Let in whoever shows any key or token; whether they are good ones is scripted."""
    if request.headers.get("x-goog-api-key") or request.headers.get("authorization", "").startswith("Bearer "):
        return None
    return error(401, "Request is missing required authentication credential", reason="UNAUTHENTICATED")


@asynccontextmanager
async def serving_veo(*, failure_rate: float = 0.0, seed: int = 0) -> AsyncIterator[VeoDouble]:
    """Serve a new double, whose `url` is its base URL."""
    veo = VeoDouble(failure_rate=failure_rate, seed=seed)
    async with serving_app(veo.app) as veo.url:
        yield veo
