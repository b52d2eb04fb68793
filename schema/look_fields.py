"""The fields of looks that need another read, or the caller: each for all looks of a list in one go."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from db.enums import VideoJobStatus
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from resolvers import looks
from resolvers.errors import InvalidInput, VideoJobNotFound
from schema.connections import LARGEST_FIRST
from schema.context import RequestContext
from schema.enum_values import describe_values
from schema.users import User

ShownLook = LookRow | LookOfJob


@describe_values
@strawberry.enum(description="What stands for a look in a list.")
class ThumbnailType(Enum):
    """Either the look's image or its default video."""

    IMAGE = "image"
    VIDEO = "video"


async def videos(
    rows: Sequence[ShownLook],
    context: RequestContext,
    first: int | None = None,
    status: Sequence[VideoJobStatus] | None = None,
) -> list[list[VideoInLook]]:
    """Read the looks' videos: all, or the newest `first` of each, of these statuses.

    Raises:
        InvalidInput: `first` is out of range

    """
    if first is not None and not 0 <= first <= LARGEST_FIRST:
        raise InvalidInput(f"'first' must be 0 to {LARGEST_FIRST}", field="first")
    ids = [row.id for row in rows]
    if first is None and status is None:
        return await context.loaders.videos_of_look.load_all(ids)
    statuses = None if status is None else tuple(dict.fromkeys(status))
    return await context.loaders.first_videos_of_look(first, statuses).load_all(ids)


async def products(rows: Sequence[ShownLook], context: RequestContext) -> list[list[ProductRow]]:
    """Read the looks' products."""
    return await context.loaders.products_of_look.load_all([row.id for row in rows])


async def shared_with(rows: Sequence[ShownLook], context: RequestContext) -> list[list[SharedWith]]:
    """Read whom the looks are shared with."""
    return await context.loaders.shared_with_of_look.load_all([row.id for row in rows])


async def thumbnail_types(rows: Sequence[ShownLook], context: RequestContext) -> list[ThumbnailType]:
    """Tell what stands for the looks."""
    return [ThumbnailType(thumbnail.type) for thumbnail in await _thumbnails(rows, context)]


async def thumbnail_urls(rows: Sequence[ShownLook], context: RequestContext) -> Sequence[str | None]:
    """Tell the URLs of what stands for the looks."""
    return context.absolute_urls([thumbnail.url for thumbnail in await _thumbnails(rows, context)])


async def _thumbnails(rows: Sequence[ShownLook], context: RequestContext) -> list[looks.Thumbnail]:
    shown = await videos(rows, context)
    return [looks.thumbnail(row, found) for row, found in zip(rows, shown, strict=True)]


async def video_counts(rows: Sequence[ShownLook], context: RequestContext) -> list[int]:
    """Count the looks' videos."""
    return await context.loaders.video_count_of_look.load_all([row.id for row in rows])


def owners(rows: Sequence[ShownLook], _context: RequestContext) -> list[User]:
    """Return whose the looks are."""
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

    Raises:
        VideoJobNotFound: one has been deleted since the looks were read

    """
    found = await context.loaders.details_of_video.load_all([row.id for row in rows])
    details = [video for video in found if video is not None]
    if len(details) < len(found):
        raise VideoJobNotFound
    return details


async def error_codes(rows: Sequence[VideoInLook], context: RequestContext) -> list[str | None]:
    """Return why videos failed for those whose jobs they are."""
    return [video.error_code if _is_own(video, context) else None for video in await video_details(rows, context)]


async def error_messages(rows: Sequence[VideoInLook], context: RequestContext) -> list[str | None]:
    """Return the same for a person."""
    return [video.error_message if _is_own(video, context) else None for video in await video_details(rows, context)]


def _is_own(video: VideoDetails, context: RequestContext) -> bool:
    caller = context.authenticated_caller
    return caller.is_admin or video.user_id == caller.user_id
