"""How a JSON body becomes values; how many there may be has been counted on its way here (`app.http.body_limit`)."""

import json
from collections.abc import Container, Mapping
from http import HTTPStatus
from typing import ClassVar, cast

from fastapi import Request
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

from resolvers.errors import InvalidInput, Refusal

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
