"""Fields that are read for a whole list in one go: their one rule serves a single object, too."""

from collections.abc import Callable, Coroutine, Sequence
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any, NamedTuple

import strawberry
from strawberry.types.field import StrawberryField

_BATCH_RESOLVER = "graphql_server.batch_resolver"
_ATTRIBUTE = "graphql_server.attribute"

# Given objects, the operation's context, and the field's arguments if it has any (scalars, enums, lists of them),
# returns the values in the objects' order. It waits for nothing but dataloaders, and does no harm when it is called
# again.
Now = Callable[..., Sequence[Any]]
Later = Callable[..., Coroutine[Any, Any, Sequence[Any]]]
Show = Callable[[Sequence[Any], Any], Sequence[Any]]
Info = strawberry.Info[Any, None]


class Attribute(NamedTuple):
    """The attribute that a field shows, and what makes what is shown of many objects' values of it."""

    name: str
    shown: Show | None


def column(read: Now | Later, description: str, type_: object = None, *, deprecated: str | None = None) -> Any:  # noqa: ANN401 - as `strawberry.field`
    """Return a field whose values are what `read` returns for its objects, in their order.

    Its type is the annotation's beside the field; `type_` stands for one that is made later, and so cannot be named.
    """
    resolver = _waiting(read) if iscoroutinefunction(read) else _immediate(read)
    del resolver.__annotations__["return"]
    if type_ is not None:
        resolver.__annotations__["return"] = type_
    return strawberry.field(
        resolver=resolver, description=description, deprecation_reason=deprecated, metadata=read_by(read)
    )


def attribute(name: str, description: str, shown: Show | None = None, *, deprecated: str | None = None) -> Any:  # noqa: ANN401 - as `strawberry.field`, for an annotated name
    """Return a field that shows an attribute of another name, or what `shown` makes of many objects' values of it.

    `shown` is given the values and the context; it makes values of the same types, and null of null.
    """
    get = attrgetter(name)

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:  # noqa: ANN401 - whatever the field shows
        return get(root) if shown is None else shown([get(root)], info.context)[0]

    del resolve.__annotations__["return"]
    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecated,
        metadata={_ATTRIBUTE: Attribute(name, shown)},
    )


def attribute_of(field: StrawberryField) -> Attribute | None:
    """Return which attribute a field shows, where it shows one."""
    if field.is_basic_field and field.default_resolver is getattr:
        return Attribute(field.python_name, None)
    found: Attribute | None = field.metadata.get(_ATTRIBUTE)
    return found


def read_by(read: Now | Later) -> dict[str, Now | Later]:
    """Return the metadata of a field whose own resolver takes arguments, and hands them to `read` by name."""
    return {_BATCH_RESOLVER: read}


def batch_resolver_of(field: StrawberryField) -> Now | Later | None:
    """Return what reads a field for many objects, where there is such a rule."""
    read: Now | Later | None = field.metadata.get(_BATCH_RESOLVER)
    return read


def _immediate(read: Any) -> Callable[..., Any]:  # noqa: ANN401 - distinguished by `column`
    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:  # noqa: ANN401 - whatever the field shows
        return read([root], info.context)[0]

    return resolve


def _waiting(read: Any) -> Callable[..., Any]:  # noqa: ANN401 - as above
    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:  # noqa: ANN401 - as above
        return (await read([root], info.context))[0]

    return resolve
