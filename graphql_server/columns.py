"""Fields that are read for a whole list in one go: their one rule serves a single object, too."""

from collections.abc import Callable, Coroutine, Sequence
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any

import strawberry

from graphql_server.execution.marks import Mark, Show

# Given objects and the operation's context.
Now = Callable[[Sequence[Any], Any], list[Any]]
Later = Callable[[Sequence[Any], Any], Coroutine[Any, Any, list[Any]]]
Info = strawberry.Info[Any, None]


def column(read: Now | Later, description: str) -> Any:  # noqa: ANN401 - as `strawberry.field`, for an annotated name
    """Return a field of the annotated type whose values are what `read` returns for its objects, in their order."""
    resolver = _waiting(read) if iscoroutinefunction(read) else _immediate(read)
    return _field(resolver, description, Mark(read))


def attribute_column(attribute: str, show: Show, description: str) -> Any:  # noqa: ANN401 - as above
    """Return a field that shows something of an attribute's values, of the same type."""
    get = attrgetter(attribute)
    resolver = _immediate(lambda rows, context: show(list(map(get, rows)), context))
    return _field(resolver, description, Mark(attribute=attribute, show=show))


def _field(resolver: Callable[..., Any], description: str, mark: Mark) -> Any:  # noqa: ANN401 - as above
    # The type is the annotation's beside the field.
    del resolver.__annotations__["return"]
    return strawberry.field(resolver=resolver, description=description, metadata=mark.metadata())


def _immediate(read: Any) -> Callable[..., Any]:  # noqa: ANN401 - told apart by `column`
    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:  # noqa: ANN401 - whatever the field shows
        return read([root], info.context)[0]

    return resolve


def _waiting(read: Any) -> Callable[..., Any]:  # noqa: ANN401 - as above
    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:  # noqa: ANN401 - as above
        return (await read([root], info.context))[0]

    return resolve
