"""An Omni that speaks Google's Interactions API and its Files API, and fails as it is told to."""

import asyncio
import base64
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.doubles.answers import Answer, answered, quota_exceeded
from tests.doubles.apart import Apart
from tests.doubles.serving import serving_app
from tests.doubles.small_video import small_video

MODELS = ("gemini-omni-1.2-flash",)
FILES = "https://generativelanguage.googleapis.com/v1beta/files"
_CHUNK_BYTES = 256 * 1024


CREATE_FAILURES = ("429", "500", "503", "drop", "drop after acceptance", "bad JSON")
FAILURES_BY_KIND = {
    "create": CREATE_FAILURES,
    "poll": ("400", "429", "500", "503", "drop", "bad JSON"),
    "file": ("503", "drop"),
    "download": ("503", "drop", "no video"),
}
"""What `failure_rate` does to requests. Of creates, the last two are accepted."""


def refusal(status: int, code: str, message: str, **more: Any) -> Answer:
    """Answer with an error as the Interactions API does."""
    return Answer({"error": {"code": code, "message": message}}, status, **more)


def ended(status: str, *steps: Mapping[str, Any], **members: Any) -> Answer:
    """Answer a poll with an interaction that has come to its end."""
    return Answer({"id": "as-asked", "object": "interaction", "status": status, "steps": list(steps), **members})


def output(*contents: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return a step of what the model has put out."""
    return {"type": "model_output", "content": list(contents), **members}


def said(text: str) -> dict[str, Any]:
    """Return a text in a video's place."""
    return output({"type": "text", "text": text})


@dataclass(frozen=True)
class Create:
    """A create that arrived. `id` is None where it was not accepted."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    path: str
    id: str | None

    @property
    def text(self) -> str:
        """The prompt, with the words for the images."""
        return str(self.content[-1]["text"])

    @property
    def images(self) -> list[tuple[bytes, str]]:
        """The images in the order sent, with their types."""
        return [(base64.b64decode(block["data"]), block["mime_type"]) for block in self.content[:-1]]

    @property
    def content(self) -> list[dict[str, Any]]:
        """The blocks of the input, which the SDK wraps into a step."""
        (step,) = self.body["input"]
        assert step["type"] == "user_input"
        content: list[dict[str, Any]] = step["content"]
        return content


@dataclass
class _Interaction:
    create: Create
    started: float = field(default_factory=time.monotonic)
    polls: int = 0
    cancelled: bool = False


class OmniDouble(Apart):
    """The state behind the app; everything is there to be set and read by tests.

    An interaction is done after both `polls_until_done` polls and `seconds_until_done`; its file is being written for
    the first `polls_until_active` questions about it. `failure_rate` is the share of requests that fail by chance, each
    kind counted in `failures`.
    """

    def __init__(self, *, failure_rate: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.url = ""
        self.video = small_video()
        self.creates: list[Create] = []
        self.accepted: dict[str, Create] = {}
        self.polls: list[str] = []
        self.cancels: list[str] = []
        self.downloads: list[tuple[str, Mapping[str, str]]] = []
        self.polls_until_done = 0
        self.seconds_until_done = 0.0
        self.polls_until_active = 0
        self.redirects = False
        self.failure_rate = failure_rate
        self.failures: Counter[str] = Counter()
        self._chance = Random(seed)  # noqa: S311 - repeatable, not secret
        self.under_way = self.most_under_way = 0
        self._interactions: dict[str, _Interaction] = {}
        self._scripts: dict[str, deque[Answer]] = {
            kind: deque() for kind in ("create", "poll", "cancel", "file", "download", "object", "model")
        }
        self.app = Starlette(routes=self._routes())

    @property
    def submits(self) -> list[Create]:
        """The same as `creates`, by the name that it has with every generator."""
        return self.creates

    def script(self, kind: str, *answers: Answer) -> None:
        """Answer the next requests of a kind so: create, poll, cancel, file, download, model, or a bucket's object."""
        self._scripts[kind].extend(answers)

    def accepted_by_prompt(self) -> Counter[str]:
        """Return how many interactions were started for each prompt."""
        return Counter(create.text for create in self.accepted.values())

    def _routes(self) -> list[Route]:
        return [
            Route("/token", self._token, methods=["POST"]),
            Route("/elsewhere/{name}", self._elsewhere),
            Route("/download/storage/v1/b/{bucket}/o/{name:path}", self._object),
            Route("/{version}/files/{name}:download", self.sorted_out(OmniDouble._download)),
            Route("/{version}/files/{name}", self.sorted_out(OmniDouble._file)),
            Route("/{version}/models/{model}", self._model),
            Route("/{version}/{place:path}interactions/{id}/cancel", self._cancel, methods=["POST"]),
            Route("/{version}/{place:path}interactions/{id}", self.sorted_out(OmniDouble._poll)),
            Route("/{version}/{place:path}interactions", self.sorted_out(OmniDouble._create), methods=["POST"]),
        ]

    async def _token(self, request: Request) -> Response:
        await request.body()
        return JSONResponse({"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        answer = self._next("create") or _unauthenticated(request) or Answer()
        id_ = None
        if answer.accepts or (answer.body is None and answer.trouble != "drop"):
            id_ = f"v1_{uuid4().hex}"
        create = Create(body, dict(request.headers), request.url.path, id_)
        self.creates.append(create)
        if id_:
            self.accepted[id_] = create
            self._interactions[id_] = _Interaction(create)
        return await answered(request, answer, self._shown(id_ or "", "in_progress"))

    async def _poll(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        self.polls.append(id_)
        answer = self._next("poll") or _unauthenticated(request)
        if answer is None and id_ not in self._interactions:
            answer = refusal(400, "invalid_request", "Invalid interaction name")
        if answer is not None:
            return await answered(request, answer, {})
        interaction = self._interactions[id_]
        interaction.polls += 1
        if interaction.cancelled:
            return JSONResponse(self._shown(id_, "cancelled"))
        elapsed = time.monotonic() - interaction.started
        if interaction.polls <= self.polls_until_done or elapsed < self.seconds_until_done:
            return JSONResponse(self._shown(id_, "in_progress"))
        return self._done(id_, interaction)

    def _done(self, id_: str, interaction: _Interaction) -> Response:
        video = {"type": "video", "mime_type": "video/mp4"}
        if interaction.create.body["response_format"].get("delivery") == "uri":
            video["uri"] = f"{FILES}/{id_.removeprefix('v1_')}:download?alt=media"
        else:
            video["data"] = base64.b64encode(self.video).decode()
        tokens = [{"modality": "video", "tokens": 46_336}]
        usage = {"total_output_tokens": 46_336, "output_tokens_by_modality": tokens}
        return JSONResponse(self._shown(id_, "completed") | {"steps": [output(video)], "usage": usage})

    def _shown(self, id_: str, status: str) -> dict[str, Any]:
        times = {"created": "2026-11-28T10:00:00Z", "updated": "2026-11-28T10:00:01Z"}
        return {"id": id_, "status": status, "model": MODELS[0], "object": "interaction", **times}

    async def _cancel(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        self.cancels.append(id_)
        if scripted := self._next("cancel"):
            return await answered(request, scripted, {})
        if id_ not in self._interactions:
            return await answered(request, refusal(404, "not_found", "Not found"), {})
        self._interactions[id_].cancelled = True
        return JSONResponse(self._shown(id_, "cancelled"))

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if answer := self._next("file") or _unauthenticated(request):
            return await answered(request, answer, {})
        self.polls_until_active -= 1
        state = "PROCESSING" if self.polls_until_active >= 0 else "ACTIVE"
        return JSONResponse({"name": f"files/{name}", "state": state, "mimeType": "video/mp4"})

    async def _download(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.downloads.append((name, dict(request.headers)))
        if answer := self._next("download") or _unauthenticated(request):
            return await answered(request, answer, {})
        return RedirectResponse(f"/elsewhere/{name}", 302) if self.redirects else self._streamed()

    async def _object(self, request: Request) -> Response:
        """Answer a download from a bucket, of which this double has none, as it is told to."""
        return await answered(request, self._scripts["object"].popleft(), {})

    async def _elsewhere(self, request: Request) -> Response:
        """Serve a signed address, as it were: whoever shows a key here shows it to the wrong one."""
        if "x-goog-api-key" in request.headers:
            return JSONResponse({}, 400)
        return self._streamed()

    def _streamed(self) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            for start in range(0, len(self.video), _CHUNK_BYTES):
                yield self.video[start : start + _CHUNK_BYTES]
                await asyncio.sleep(0)
            self.under_way -= 1

        return StreamingResponse(chunks(), headers={"Content-Length": str(len(self.video))}, media_type="video/mp4")

    async def _model(self, request: Request) -> Response:
        model = request.path_params["model"]
        if answer := self._next("model") or _unauthenticated(request):
            return await answered(request, answer, {})
        if model not in MODELS:
            return await answered(request, Answer({"error": {"code": 404, "message": f"{model} not found"}}, 404), {})
        return JSONResponse({"name": f"models/{model}", "version": "1.2", "displayName": "Gemini Omni Flash"})

    def _next(self, kind: str) -> Answer | None:
        script = self._scripts[kind]
        return script.popleft() if script else self._by_chance(FAILURES_BY_KIND.get(kind, ()))

    def _by_chance(self, kinds: Sequence[str]) -> Answer | None:
        if not kinds or self._chance.random() >= self.failure_rate:
            return None
        kind = self._chance.choice(kinds)
        self.failures[kind] += 1
        return _FAILURES[kind]


_FAILURES: Mapping[str, Answer] = {
    "400": refusal(400, "invalid_request", "Please ask again"),
    "429": quota_exceeded("0.2s"),
    "500": refusal(500, "api_error", "Internal error"),
    "503": refusal(503, "service_unavailable", "Later"),
    "drop": Answer(trouble="drop"),
    "drop after acceptance": Answer(trouble="drop", accepts=True),
    "bad JSON": Answer(b'{"id": "v1_', accepts=True),
    "no video": Answer(b"<html>Please sign in</html>"),
}


def _unauthenticated(request: Request) -> Answer | None:
    """Let in whoever shows one key or token, and shows it in a header alone."""
    shown = [
        request.headers.get("x-goog-api-key"),
        request.headers.get("authorization"),
        request.query_params.get("key"),
    ]
    if len(list(filter(None, shown))) == 1 and not shown[2]:
        return None
    return refusal(401, "authentication", json.dumps("Show one credential, in a header"))


@asynccontextmanager
async def serving_omni() -> AsyncIterator[OmniDouble]:
    """Serve a new double, whose `url` is its base URL."""
    omni = OmniDouble()
    async with serving_app(omni.app) as omni.url:
        yield omni
