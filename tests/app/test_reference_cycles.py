"""What a request has brought is gone with its answer: nothing of it waits for the garbage collector.

That collector comes once in some hundred requests (docs/decisions/0017), and an image is megabytes.
"""

import asyncio
import gc
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from os import urandom
from types import FrameType
from typing import Any

import PIL.Image
import pytest
from graphql.execution import Executor
from starlette.requests import Request
from starlette.types import ASGIApp, Message

from app.settings import Settings
from db.engine.errors import DatabaseUnavailable
from resolvers import look_images
from schema.context import RequestContext
from tests.house import FORM, House
from tests.inspected import InspectedDatabase
from tests.schema.mutate import ERRORS, data_uri
from tests.servers import create_app

# Of these, each holds a request, or stands for one.
OURS = (BaseException, Executor, FrameType, Request, RequestContext)
JSON, FORM_DATA, EVENTS = "application/json", "multipart/form-data; boundary=x", b"text/event-stream"
CREATE = f"mutation ($input: CreateLookInput!) {{ it: createLook(input: $input) {{ look {{ id }} {ERRORS} }} }}"
JOB = (
    f"mutation ($input: CreateVideoJobInput!) {{ it: createVideoJob(input: $input) {{ videoJob {{ id }} {ERRORS} }} }}"
)
PLACE = b'{"0": ["variables.input.initialImage"]}'


def picture() -> bytes:
    file = BytesIO()
    PIL.Image.frombytes("RGB", (250, 250), urandom(187_500)).save(file, "PNG", compress_level=0)
    return file.getvalue()


PICTURE = picture()
LOOK: dict[str, Any] = {
    "generatedImageBase64": b64encode(PICTURE).decode(),
    "products": [{"name": "Coat", "thumbnailBase64": data_uri()}],
}
TYPED = FORM | {"mockMode": True}


@dataclass
class Case:
    """A request; `cut` is one whose client goes away before its last piece."""

    path: str
    body: bytes
    status: int = 200
    content_type: str = JSON
    accept: bytes = b"*/*"
    is_authenticated: bool = True
    cut: bool = False
    patches: dict[str, Any] = field(default_factory=dict)


def graphql(query: str = CREATE, status: int = 200, *, more: dict[str, Any] | None = None, **case: Any) -> Case:
    """Ask for a look, with changes to what is asked or to the request."""
    body = {"query": query, "variables": {"input": LOOK}} | (more or {})
    return Case("/graphql", json.dumps(body).encode(), status, **case)


def rest(changes: dict[str, Any], status: int, **case: Any) -> Case:
    return Case("/api/v1/looks", json.dumps(LOOK | changes).encode(), status, **case)


def part(name: str, content: bytes, file: str = "") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), file.encode(), content)


def form(fields: dict[str, Any], status: int, **case: Any) -> Case:
    parts = b"".join(part(name, str(value).encode()) for name, value in fields.items())
    body = parts + part("initialImage", PICTURE, '; filename="a.png"') + b"--x--\r\n"
    return Case("/api/v1/video-jobs", body, status, FORM_DATA, **case)


def multipart(places: bytes, status: int = 200, **changes: Any) -> Case:
    operations = json.dumps({"query": JOB, "variables": {"input": TYPED | {"initialImage": None} | changes}})
    file = part("0", PICTURE, '; filename="a.png"')
    body = part("operations", operations.encode()) + part("map", places) + file + b"--x--\r\n"
    return Case("/graphql", body, status, FORM_DATA)


def input_(**changes: Any) -> dict[str, Any]:
    return {"variables": {"input": LOOK | changes}}


def raising(error: Callable[[], Exception]) -> dict[str, Any]:
    async def create(*_: object) -> None:
        raise error()

    return {"create": create}


CASES = {
    "a look": graphql(),
    "a look without products": graphql(more=input_(products=[])),
    "a look with half an image": graphql(more=input_(generatedImageBase64=LOOK["generatedImageBase64"][:-999])),
    "a look of nobody": graphql(is_authenticated=False),
    "a wrong enum": graphql(more=input_(visibility=5)),
    "an unknown name": graphql(more=input_(x=5)),
    "a wrong variable of a query": graphql(
        "query ($status: VideoJobStatus) { videoJobs(status: $status) { nodes { id } } }",
        more={"variables": {"status": 5, "x": LOOK}},
    ),
    "an invalid document": graphql(CREATE.replace("look {", "nothing {")),
    "an unknown operation": graphql(more={"operationName": "x"}),
    "an error of a query": graphql("{ looks(first: 1000) { nodes { id } } }", more={"variables": LOOK}),
    "a fault of ours": graphql(patches=raising(lambda: RuntimeError("told to fail"))),
    "a database that is away": graphql(patches=raising(DatabaseUnavailable)),
    "broken JSON": Case("/graphql", json.dumps(LOOK).encode()[:-1], 400),
    "too many values": Case("/graphql", b'{"x": [' + b"{}," * 100_000, 400),
    "a client that goes away": graphql(status=400, cut=True),
    "a job": multipart(PLACE),
    "a refused job": multipart(PLACE, resolution="9p"),
    "a map that leads nowhere": multipart(b'{"0": ["x.y"]}', 400),
    "a look over REST": rest({}, 201),
    "a look without products over REST": rest({"products": []}, 400),
    "too many products over REST": rest({"products": [{}] * 101}, 400),
    "a mistake over REST": rest({"products": [{}]}, 422),
    "a long price over REST": rest({"products": [{"price": "9" * 200_000}]}, 422),
    "a look of nobody over REST": rest({}, 401, is_authenticated=False),
    "broken JSON over REST": Case("/api/v1/looks", json.dumps(LOOK).encode()[:-1], 422),
    "a little broken JSON over REST": Case("/api/v1/looks", b'{"title": "' + b"a" * 100_000, 422),
    "deep JSON over REST": Case("/api/v1/looks", b"[" * 30_000 + b'"' + b"a" * 100_000, 400),
    "too many values over REST": Case("/api/v1/looks", b'{"x": [' + b"{}," * 100_000, 400),
    "a client of REST that goes away": rest({}, 400, cut=True),
    "a fault of ours over REST": rest({}, 500, patches=raising(lambda: RuntimeError("told to fail"))),
    "a database that is away over REST": rest({}, 503, patches=raising(DatabaseUnavailable)),
    "a job over REST": form(FORM, 202),
    "a refused job over REST": form(FORM | {"resolution": "9p"}, 400),
    "a form without a field": form({}, 422),
    "a long field": form(FORM | {"prompt": "a" * 100_000}, 400),
    "a form whose client goes away": form(FORM, 400, cut=True),
}


async def answered(app: ASGIApp, case: Case, authorization: str) -> int:
    """Send a request past any client, which would have cycles of its own; return the answer's status."""
    headers = [(b"content-type", case.content_type.encode()), (b"accept", case.accept), (b"host", b"test")]
    if case.is_authenticated:
        headers.append((b"authorization", authorization.encode()))
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": case.path,
        "headers": headers,
        "query_string": b"", "root_path": "", "server": ("test", 80), "client": ("test", 1), "state": {},
    }  # fmt: skip
    pieces = [case.body[begin : begin + 65_536] for begin in range(0, len(case.body), 65_536)]
    statuses: list[int] = []

    async def receive() -> Message:
        piece = pieces.pop(0)
        if case.cut and not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    try:
        await app(scope, receive, send)
    except RuntimeError as fault:
        # A server would log it, and go on.
        assert str(fault) == "told to fail"  # noqa: PT017 - most requests raise nothing
        fault.__traceback__ = None
    return statuses[0]


@contextmanager
def everything_kept() -> Iterator[None]:
    """Keep what the collector finds, in `gc.garbage`."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
    finally:
        gc.set_debug(0)
        gc.enable()


@pytest.fixture(scope="module")
def nothing_older() -> Iterator[None]:
    """Have the collector look at nothing that is there already: to look at everything takes half a second each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "default"])
async def app(request: pytest.FixtureRequest, settings: Settings, database: InspectedDatabase) -> ASGIApp:
    return create_app(settings.model_copy(update={"graphql_fast_execution": request.param}), database)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("nothing_older")
async def test_nothing_of_a_request_waits_for_the_collector(
    house: House, app: ASGIApp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case, authorization = CASES[name], house.headers(await house.user(tokens=1_000))["Authorization"]
    for attribute, value in case.patches.items():
        monkeypatch.setattr(look_images, attribute, value)
    # What is made at the first request of a kind, and kept, is not counted.
    await answered(app, case, authorization)

    with everything_kept():
        status = await answered(app, case, authorization)
        await asyncio.sleep(0)
    found = [type(left) for left in gc.garbage if isinstance(left, OURS)]
    gc.garbage.clear()

    assert status == case.status
    assert found == []
