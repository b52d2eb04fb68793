"""How a JSON body becomes values; how many there may be has been counted on its way here (`app.http.body_limit`)."""

import json
from typing import cast

from fastapi import Request
from pydantic_core import from_json

# Beyond this, a body is long texts with little around them. The standard library takes thirty times as long for those
# as Pydantic's reader, and keeps everybody else waiting.
LARGE = 128 * 1024


class JsonRequest(Request):
    """Reads large JSON fast, and does not hold it beside its values."""

    async def body(self) -> bytes:
        """Return the body, put together as it comes: to join a large one in the end would keep others waiting."""
        if not hasattr(self, "_body"):
            whole = bytearray()
            async for piece in self.stream():
                whole += piece
            self._body = cast("bytes", whole)
        return self._body

    async def json(self) -> object:
        """Return the body's value.

        Raises:
            json.JSONDecodeError: it is no JSON
            ValueError: it is not UTF-8, or a number in it has too many digits

        """
        body = await self.body()
        if len(body) <= LARGE:
            return json.loads(body.decode())
        try:
            return from_json(body, allow_inf_nan=False, cache_strings="none")
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from None
        finally:
            cast("bytearray", body).clear()
