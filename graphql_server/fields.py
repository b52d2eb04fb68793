"""What is made for batch execution: fields and dataloaders that are read for a whole list in one go, and a DateTime."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import strawberry
from strawberry.dataloader import DataLoader
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


Item = TypeVar("Item")
Key = TypeVar("Key")


class Loader(DataLoader[Key, Item]):
    """Loads for one object after the other, in batches, or for all objects of a list in one go."""

    def __init__(self, load: Callable[[list[Key]], Awaitable[list[Item]]]) -> None:
        super().__init__(load_fn=load)
        self._load = load
        self._whole: dict[tuple[Key, ...], asyncio.Future[list[Item]]] = {}

    def load(self, key: Key) -> Awaitable[Item]:
        """Load for one object; what was loaded for a whole list is there for each object of it, too."""
        for keys, whole in list(self._whole.items()):
            if whole.done():
                self.prime_many(dict(zip(keys, whole.result(), strict=True)))
                del self._whole[keys]
        return super().load(key)

    async def load_all(self, keys: list[Key]) -> list[Item]:
        """Return what belongs to each key; what several fields of a list need is read once."""
        if len(keys) <= 1:
            # Shielded: who asks may be given up for another's error, while others wait for the same.
            return [await asyncio.shield(self.load(key)) for key in keys]
        known = self._whole.get(tuple(keys))
        return await (self._loaded(keys) if known is None else asyncio.shield(known))

    async def _loaded(self, keys: list[Key]) -> list[Item]:
        self._whole[tuple(keys)] = future = self.loop.create_future()
        try:
            items = await self._load(keys)
        except BaseException:
            # Whoever waits for the same tries again, for one object after the other.
            del self._whole[tuple(keys)]
            future.cancel()
            raise
        future.set_result(items)
        return items


def utc_date_time(value: datetime) -> datetime:
    """Return the same time in UTC; `http_answers.as_json` encodes it, with a `Z`."""
    return value.astimezone(UTC)


def parse_date_time(value: object) -> datetime:
    """Read ISO 8601.

    Raises TypeError, ValueError: it is no such text.
    """
    if not isinstance(value, str):
        raise TypeError("A DateTime is a string in ISO 8601")
    return datetime.fromisoformat(value)
