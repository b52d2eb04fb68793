"""Fields: those that show rows as they are, and those that need another read, for all objects of a list at once."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import MISSING, Field, fields
from functools import partial
from typing import Any, Optional, TypeVar
from uuid import UUID, uuid5

import strawberry

from db import look_videos as video_rows
from db.engine.paging import MOST_NESTED
from db.engine.statements import Row
from db.enums import LedgerEntryKind, VideoJobStatus
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookRow
from db.specification import Specification, declares
from db.video_jobs import LogLine, VideoJobRow
from graphql_server.fields import Loader, column
from resolvers import accounts, looks, video_jobs
from resolvers.errors import InvalidInput, VideoJobNotFound
from resolvers.limits import queue_places
from resolvers.meanings import meaning
from schema.connections import LARGEST_FIRST
from schema.context import Read, ReadFor, RequestContext, nothing

Kind = TypeVar("Kind", bound=type)


def described(kind: Kind) -> Kind:
    """Make a described field of each annotation that has none; its value, if it has one, is the field's default.

    Raises TypeError when nothing says what one means.
    """
    for name in kind.__annotations__:
        default = vars(kind).get(name, MISSING)
        if not isinstance(default, Field):
            text = meaning(kind.__name__, name)
            if text is None:
                raise TypeError(f"resolvers.meanings must say what {kind.__qualname__}.{name} means")
            setattr(kind, name, strawberry.field(default=default, description=text))
    return kind


def shows(*rows: type[Row], hidden: Collection[str] = ()) -> Callable[[Kind], Kind]:
    """Make a type of a class whose plain fields are columns of rows, all but the hidden ones; its docstring is shown.

    Raises TypeError when the type is made.
    """
    columns = set(rows[0].columns())

    def shown(kind: Kind) -> Kind:
        others = [name for name in kind.__annotations__ if name not in columns and name not in vars(kind)]
        if others:
            raise TypeError(f"{rows[0].__name__} has no columns for {others} of {kind.__qualname__}")
        return strawberry.type(described(declares(*rows, hidden=hidden)(kind)), description=kind.__doc__)

    return shown


def takes_specification(kind: Kind) -> Kind:
    """Put the fields of a specification before those of an input."""
    # What has a default may be null, which stands for it: editors underline an input that lacks a required field.
    types: dict[str, Any] = {
        field.name: field.type if field.default is MISSING else Optional[field.type]  # noqa: UP045 - of a value
        for field in fields(Specification)
    }
    kind.__annotations__ = types | kind.__annotations__
    for field in fields(Specification):
        setattr(kind, field.name, strawberry.field(default=field.default, description=field.metadata["meaning"]))
    return kind


def loaded(
    read: Read[Any] | ReadFor[Any],
    missing: Callable[[], Any],
    loader: Callable[..., Loader[UUID, Any]] = RequestContext.loader,
) -> Callable[..., Coroutine[Any, Any, list[Any]]]:
    """Return what reads a column by its rows' ids; the loader is a method of the context."""

    async def load(rows: Sequence[Any], context: RequestContext) -> list[Any]:
        return await loader(context, read, missing).load_all([row.id for row in rows])

    return load


def constant(value: Any) -> Callable[[Sequence[object], RequestContext], list[Any]]:  # noqa: ANN401 - what a field shows
    """Return what reads a column that shows the same of all its objects."""
    return lambda objects, _context: [value] * len(objects)


def _profile(attribute: str) -> Any:  # noqa: ANN401 - what reads a column
    """Return what tells who users are to those who may know it: themselves and admins. Nothing is read for others."""

    async def read(users: Sequence["User"], context: RequestContext) -> list[str | None]:
        caller = context.authenticated_caller
        readable = [user.key for user in users if caller.is_admin or user.key == caller.user_id]
        found = await context.readable(accounts.profiles, nothing).load_all(readable)
        profiles = dict(zip(readable, found, strict=True))
        return [getattr(profiles.get(user.key), attribute, None) for user in users]

    return read


@strawberry.type(description="A user, as far as the caller may know who it is.")
class User:
    """Somebody's id, and more for themselves and admins."""

    id: strawberry.ID = strawberry.field(description="A UUID of its own, always the same")
    user_id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    key: strawberry.Private[UUID]
    email: str | None = column(_profile("email"), "Their e-mail address; null but for themselves and admins")
    name: str | None = column(_profile("name"), "What they are called; null but for themselves and admins")

    @classmethod
    def of(cls, user_id: UUID) -> "User":
        """Show a user."""
        return cls(id=strawberry.ID(str(uuid5(user_id, "user"))), user_id=strawberry.ID(str(user_id)), key=user_id)


def queue_place(attribute: str) -> Any:  # noqa: ANN401 - as above
    """Return what reads an attribute of the places of those that wait."""

    async def read(rows: Sequence[VideoJobRow], context: RequestContext) -> list[int | None]:
        waiting = [row.id for row in rows if row.status == VideoJobStatus.PENDING]
        places = partial(queue_places, catalogue=context.services.catalogue)
        found = await context.loader(places, nothing, queue_places).load_all(waiting)
        place_of = dict(zip(waiting, found, strict=True))
        return [getattr(place_of.get(row.id), attribute, None) for row in rows]

    return read


async def logs(rows: Sequence[VideoJobRow], context: RequestContext) -> list[Sequence[LogLine]]:
    """Read the logs."""
    logs: list[list[LogLine]] = await context.loader(video_jobs.logs_by_job, list).load_all([row.id for row in rows])
    return [video_jobs.logs_of_version(row, lines) for row, lines in zip(rows, logs, strict=True)]


def ledger_entry(kind: LedgerEntryKind) -> Any:  # noqa: ANN401 - as above
    """Return what reads the entries of a kind."""

    async def read(rows: Sequence[VideoJobRow], context: RequestContext) -> list[LedgerRow | None]:
        ledgers: list[list[LedgerRow]] = await context.loader(video_jobs.ledger_by_job, list).load_all(
            [row.id for row in rows]
        )
        return [next((entry for entry in entries if entry.kind == kind), None) for entries in ledgers]

    return read


ShownLook = LookRow | LookOfJob


async def videos(
    rows: Sequence[ShownLook],
    context: RequestContext,
    first: int | None = None,
    status: Sequence[VideoJobStatus] | None = None,
) -> list[list[VideoInLook]]:
    """Read the looks' videos: all, or the newest `first` of each, of these statuses.

    Raises InvalidInput: `first` is out of range.
    """
    if first is not None and not 0 <= first <= LARGEST_FIRST:
        raise InvalidInput(f"'first' must be 0 to {LARGEST_FIRST}", field="first")
    ids = [row.id for row in rows]
    if first is None and status is None:
        return await context.loader(looks.videos_by_look, list).load_all(ids)
    most = MOST_NESTED if first is None else first
    statuses = None if status is None else tuple(dict.fromkeys(status))
    read = video_jobs.reading_by_parent(partial(video_rows.first_of_looks, first=most, statuses=statuses))
    return await context.loader(read, list, (most, statuses)).load_all(ids)


async def thumbnail_types(rows: Sequence[ShownLook], context: RequestContext) -> list[str]:
    """Tell what stands for the looks."""
    return [thumbnail.type for thumbnail in await _thumbnails(rows, context)]


async def thumbnail_urls(rows: Sequence[ShownLook], context: RequestContext) -> Sequence[str | None]:
    """Tell the URLs of what stands for the looks."""
    return context.absolute_urls([thumbnail.url for thumbnail in await _thumbnails(rows, context)])


async def _thumbnails(rows: Sequence[ShownLook], context: RequestContext) -> list[looks.Thumbnail]:
    shown = await videos(rows, context)
    return [looks.thumbnail(row, found) for row, found in zip(rows, shown, strict=True)]


def owners(rows: Sequence[ShownLook | VideoJobRow], _context: RequestContext) -> list[User]:
    """Return whose they are."""
    return [User.of(row.user_id) for row in rows]


def may_edit(rows: Sequence[ShownLook], context: RequestContext) -> list[bool]:
    """Tell which of the looks the caller may change."""
    caller = context.authenticated_caller
    return [looks.may_edit(caller, row) for row in rows]


def notes(rows: Sequence[ShownLook], context: RequestContext) -> list[str | None]:
    """Return the notes for those whose they are."""
    caller = context.authenticated_caller
    return [row.notes if looks.may_edit(caller, row) else None for row in rows]


async def video_details(rows: Sequence[VideoInLook], context: RequestContext) -> list[VideoDetails]:
    """Read what else is shown of the looks' videos.

    Raises VideoJobNotFound: one has been deleted since the looks were read.
    """
    found = await context.loader(looks.details_by_video, nothing).load_all([row.id for row in rows])
    details = [video for video in found if video is not None]
    if len(details) < len(found):
        raise VideoJobNotFound
    return details


def own_detail(attribute: str) -> Any:  # noqa: ANN401 - as above
    """Return what reads such an attribute for those whose jobs the videos are."""

    async def read(rows: Sequence[VideoInLook], context: RequestContext) -> list[str | None]:
        details = await video_details(rows, context)
        return [getattr(video, attribute) if _is_own(video, context) else None for video in details]

    return read


def _is_own(video: VideoDetails, context: RequestContext) -> bool:
    caller = context.authenticated_caller
    return caller.is_admin or video.user_id == caller.user_id
