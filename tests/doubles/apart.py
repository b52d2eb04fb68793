"""Doubles of one kind behind one server, each with a script of its own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from starlette.requests import Request
from starlette.responses import Response


class Apart:
    """What lets many jobs of one worker meet a different generator each. `accepted` has the operations by name."""

    accepted: Mapping[str, Any]

    def __init__(self) -> None:
        self._others: dict[str, Self] = {}

    def apart(self, prompt: str) -> Self:
        """Return a double that alone answers for the videos of that prompt, which is part of no other text."""
        return self._others.setdefault(prompt, type(self)())

    def sorted_out(
        self, endpoint: Callable[[Self, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Let the double answer whose prompt or operation a request names."""

        async def answer(request: Request) -> Response:
            text = f"{request.url.path} {(await request.body()).decode()}" if self._others else ""
            named = (
                double
                for prompt, double in self._others.items()
                if prompt in text or any(name.removeprefix("v1_") in text for name in double.accepted)
            )
            return await endpoint(next(named, self), request)

        return answer
