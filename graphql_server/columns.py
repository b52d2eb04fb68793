"""Fields that are read for a whole list in one go: their one rule serves a single object, too."""

from collections.abc import Callable, Coroutine, Sequence
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any

import strawberry

from graphql_server.execution.marks import Mark
from schema.context import Info, RequestContext

Now = Callable[[Sequence[Any], RequestContext], list[Any]]
Later = Callable[[Sequence[Any], RequestContext], Coroutine[Any, Any, list[Any]]]


def column(read: Now | Later, description: str) -> Any:  # noqa: ANN401 - as `strawberry.field`, for an annotated name
    """Return a field of the annotated type whose values are what `read` returns for its objects, in their order."""
    resolver = _waiting(read) if iscoroutinefunction(read) else _immediate(read)
    return _field(resolver, description, Mark(read))


def url(attribute: str, description: str) -> Any:  # noqa: ANN401 - as above
    """Return a field for what is stored as a URL or as a path of this site; it shows a URL."""
    get = attrgetter(attribute)

    def show(urls: list[str | None], context: RequestContext) -> list[str | None]:
        return context.absolute_urls(urls)

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
