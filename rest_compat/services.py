"""What the REST edge is given by the application, how a route gets at it and at a body, and how long it may take.

Whatever hangs, a client is answered, and what was not committed is rolled back.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

from auth.caller import Caller
from auth.signed_paths import PlainPaths
from db.engine.errors import RETRY_SECONDS
from db.engine.statements import Reader, Writer
from resolvers.errors import InvalidInput, Refusal
from resolvers.services import EdgeServices


class RequestTimedOut(Exception):
    """The request took longer than REST_TIMEOUT_SECONDS and was broken off."""

    code = "REQUEST_TIMED_OUT"
    message = "The request took too long and was broken off. Please try again."
    retry_seconds = RETRY_SECONDS


@asynccontextmanager
async def limited(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Break off what takes longer than that; the timer can be set anew meanwhile; raises RequestTimedOut."""
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield timer
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise RequestTimedOut from error


def allow(request: Request, seconds: float | None) -> None:
    """Give a request so much time from now on, or any: what it waits for has a limit of its own."""
    timer: asyncio.Timeout = request.state.timer
    if not timer.expired():
        timer.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


ShowUrl = Callable[[str], str]
"""From what is stored to the URL that a client is shown."""


def shown_url(addresses: PlainPaths, base_url: str, stored: str) -> str:
    """Put a path of this site below the base URL, with the prefix that a proxy adds; anything else is a URL."""
    if not stored.startswith("/"):
        return stored
    path, mark, query = stored.partition("?")
    shown = _root(base_url) + addresses.signed(path)
    return shown + ("&" if "?" in shown else "?") + query if mark else shown


# A few, since clients choose them by their `Host`.
@lru_cache(maxsize=16)
def _root(base_url: str) -> str:
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


@dataclass(frozen=True)
class RestServices(EdgeServices):
    """What else the REST API is given.

    `still_active` raises `AccountNotActive` where an account that was admitted may not act any more.
    `migrate_look_videos` makes the table of the one-time migration and returns whether it was this call that did.
    `timeout_seconds` is how long a request may take once it has been read.
    """

    still_active: Callable[[Caller], Awaitable[Caller]]
    migrate_look_videos: Callable[[], Awaitable[bool]]
    timeout_seconds: float = 15.0


def services_of(request: Request) -> RestServices:
    """Return what the application put on the router's app."""
    return cast("RestServices", request.app.state.rest_services)


# Describes the scheme in the OpenAPI document, so that Swagger can authorize; `resolvers.authentication` decides.
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")


# Beyond this, a body is long texts with little around them. The standard library takes thirty times as long for those
# as Pydantic's reader, and keeps everybody else waiting.
LARGE = 128 * 1024
LONGEST_NAME_SHOWN = 100
# What clients send as the body of a call that has none.
NOTHING = {b"", b"{}", b"null"}

_UTF_8 = {b"utf-8", b"utf8", b"us-ascii"}


def is_utf_8(parameters: Mapping[bytes, bytes]) -> bool:
    """Whether a media type's parameters say that it is in UTF-8, or nothing."""
    return parameters.get(b"charset", b"utf-8").lower() in _UTF_8


class RefusedBody(HTTPException):
    """A body is refused while FastAPI reads it, which lets nothing but its own errors through."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, refusal.message)
        self.refusal = refusal


class JsonRequest(Request):
    """Reads large JSON fast, and does not hold it beside its values."""

    media_type: ClassVar[str] = "application/json"

    async def body(self) -> bytes:
        """Return the body, put together as it comes: to join a large one in the end would keep others waiting.

        Raises HTTPException: 415 for what is not of the media type that is taken.
        """
        if not hasattr(self, "_body"):
            whole = bytearray()
            async for piece in self.stream():
                whole += piece
            if whole and not self.is_of_media_type():
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"This request is sent as {self.media_type}")
            self._body = cast("bytes", whole)
        return self._body

    def is_of_media_type(self) -> bool:
        """Whether the body is said to be what this request is sent as. Such as `application/problem+json` is JSON."""
        media_type, parameters = parse_options_header(self.headers.get("Content-Type"))
        if self.media_type.endswith("json") and not is_utf_8(parameters):
            return False
        main, _, subtype = media_type.decode("latin-1").partition("/")
        expected, _, ending = self.media_type.partition("/")
        return main == expected and (subtype == ending or subtype.endswith(f"+{ending}"))

    async def json(self) -> object:
        """Return the body's value.

        Raises:
            json.JSONDecodeError: it is no JSON
            ValueError: it is not UTF-8, or a number in it has too many digits

        """
        body = await self.body()
        try:
            value = _value(body)
            # Counted on its way here (`app.http.body_limit`); the reader keeps the last of several values.
            values = self.scope.get("json_values")
            name = values and values.repeated_name(value, body)
        finally:
            cast("bytearray", body).clear()
        if name is not None:
            raise RefusedBody(InvalidInput(f"'{name}' is given more than once in one object", field=name))
        return value


async def no_parameters(request: Request) -> None:
    """Refuse what the address says of a request that takes nothing from there, as `check_parameters` does."""
    check_parameters(request, ())


async def no_key(request: Request) -> None:
    """Refuse an idempotency key for a call that would be carried out again all the same; raises InvalidInput."""
    if "Idempotency-Key" in request.headers:
        raise InvalidInput(
            "This call takes no idempotency key: repeated, it is carried out again", field="idempotencyKey"
        )


async def no_body(request: Request) -> None:
    """Refuse a body that says something to a call that takes nothing from there; raises InvalidInput."""
    body = b"".join([piece async for piece in request.stream()])
    if body.strip() not in NOTHING:
        raise InvalidInput("This call takes nothing from its body: leave it empty")


def check_parameters(request: Request, known: Container[str]) -> None:
    """Look for parameters of the address that nothing would be made of.

    Raises InvalidInput: there is one.
    """
    for name in request.query_params:
        if name not in known:
            shown = name[:LONGEST_NAME_SHOWN]
            raise InvalidInput(f"The parameter '{shown}' of the address is not known here", field=shown)


def _value(body: bytes) -> object:
    if len(body) <= LARGE:
        return json.loads(body.decode())
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise json.JSONDecodeError(str(error), "", 0) from None


class AdmittedRoute(APIRoute):
    """Admits the caller before anything of the body is read: credentials are the first check (contract.md)."""

    request_class: ClassVar[type[JsonRequest]] = JsonRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that raises `auth.errors.AccessDenied` before FastAPI's own begins."""
        handle = super().get_route_handler()

        async def admit_and_handle(request: Request) -> Response:
            services = services_of(request)
            async with limited(services.timeout_seconds) as request.state.timer:
                request.state.caller = await services.authenticate(request.headers.get("authorization"))
                # The body takes as long as the client's line does; `_call` goes on behind it.
                allow(request, None)
                return await handle(self.request_class(request.scope, request.receive))

        return admit_and_handle


@dataclass(frozen=True)
class AdmittedCall:
    """A request of a caller whom the route has admitted."""

    request: Request
    services: RestServices
    caller: Caller

    @property
    def show(self) -> ShowUrl:
        """What shows the client, who may see it, where a stored file is."""
        return partial(shown_url, self.services.addresses, str(self.request.base_url))

    @property
    def reader(self) -> Reader:
        """What reads without a transaction."""
        return self.services.database.reader

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Open the call's transaction."""
        return self.services.database.transaction()


# What a route depends on is a coroutine throughout: FastAPI takes a plain function to a thread of its own.
async def _call(
    request: Request, _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> AdmittedCall:
    """Return the call. The request has been read by now, and its time begins."""
    services = services_of(request)
    allow(request, services.timeout_seconds)
    return AdmittedCall(request, services, request.state.caller)


Call = Annotated[AdmittedCall, Depends(_call)]


async def _turn(call: Call) -> AsyncIterator[None]:
    async with call.services.turns.of(("executing", call.caller.user_id)):
        yield


# For what may be long: it waits for what else of that kind the caller has asked for, GraphQL's queries included.
IN_TURN = Depends(_turn, scope="function")

# Read as text: a malformed id is answered like one that does not exist.
VideoJobId = Annotated[str, Path(description="The video job's id, a UUID")]
LookId = Annotated[str, Path(description="The look's id, a UUID")]


def router_at(
    prefix: str,
    tag: str,
    route_class: type[APIRoute] = AdmittedRoute,
    responses: dict[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """Return a router whose routes are complete as they are, and need nothing of an application that has them."""
    return APIRouter(
        route_class=route_class,
        prefix=prefix,
        tags=[tag],
        responses=responses,
        generate_unique_id_function=_operation_id,
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
