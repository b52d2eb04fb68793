"""The GraphQL types, shown of rows: the executor reads fields off the row itself, and nothing is copied.

Where a row's value is not yet what the field shows (an id, an enumeration's value, a price), the type's own coercion
makes it. What needs another read goes through a dataloader, for all rows of a list in one go.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import cast
from uuid import UUID

import strawberry

from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookRow, ProductRow
from db.looks import SharedWith as SharedWithRow
from db.tables import ActorKind, LedgerEntryKind, LogLevel, VideoJobStatus, Visibility
from db.video_jobs import LogLine, VideoJobRow
from resolvers import looks, video_jobs
from resolvers.queue_places import QueuePlace
from schema.columns import column, url
from schema.context import RequestContext

strawberry.enum(VideoJobStatus, description="Where a video job stands.")
strawberry.enum(Visibility, description="Who may see a look besides its owner and admins.")
strawberry.enum(LogLevel, description="Severity of a log line.")
strawberry.enum(ActorKind, name="TokenTransactionActor", description="Who changes a balance.")
strawberry.enum(LedgerEntryKind, name="TokenTransactionKind", description="Why a balance changed.")

ShownLook = LookRow | LookOfJob


@strawberry.enum(description="What stands for a look in a list.")
class ThumbnailType(Enum):
    """Either the look's image or its default video."""

    IMAGE = "image"
    VIDEO = "video"


def _ids(rows: Sequence[ShownLook] | Sequence[VideoJobRow]) -> list[UUID]:
    return [row.id for row in rows]


def _cursors(lines: Sequence[LogLine], _context: RequestContext) -> list[str]:
    return [str(line.id) for line in lines]


@strawberry.type(description="A line of a job's log.")
class VideoJobLog:
    """See `db.tables.VideoJobLog`."""

    cursor: str = column(_cursors, "Where it stands in the log, for `videoJobLogs(after:)`")
    timestamp: datetime = strawberry.field(description="When it was written")
    level: LogLevel = strawberry.field(description="How serious it is")
    message: str = strawberry.field(description="What happened, for a person")

    @staticmethod
    def of(row: LogLine) -> "VideoJobLog":
        """Show a row."""
        return cast("VideoJobLog", row)


@strawberry.type(description="One change of a balance.")
class TokenTransaction:
    """See `db.tables.LedgerEntry`."""

    id: strawberry.ID = strawberry.field(description="A UUID")
    kind: LedgerEntryKind = strawberry.field(description="Why the balance changed")
    amount: int = strawberry.field(description="In tokens; negative for a charge. They add up to the balance")
    uncharged: int = strawberry.field(description="What an unlimited account used without paying, in tokens")
    balance_before: int = strawberry.field(description="The balance before, in tokens")
    balance_after: int = strawberry.field(description="The balance that it left, in tokens")
    operation: str | None = strawberry.field(description="What was paid for or refunded, as the policy names it")
    description: str | None = strawberry.field(description="What it was for")
    reference: str | None = strawberry.field(description="What it answers to outside, such as an invoice")
    actor: ActorKind = strawberry.field(description="Who did it")
    actor_email: str | None = strawberry.field(description="The admin who did it, as they were called then")
    video_job_id: strawberry.ID | None = strawberry.field(description="The job that was paid for or refunded")
    created_at: datetime = strawberry.field(description="When it changed")

    @staticmethod
    def of(row: LedgerRow) -> "TokenTransaction":
        """Show a row."""
        return cast("TokenTransaction", row)


@strawberry.type(description="A product in a look.")
class Product:
    """See `db.looks.ProductRow`."""

    id: strawberry.ID = strawberry.field(description="A UUID")
    sku: str | None = strawberry.field(description="The shop's stock keeping unit")
    name: str = strawberry.field(description="What it is called")
    designer: str | None = strawberry.field(description="Who designed it")
    price: float | None = strawberry.field(description="In the shop's currency")
    product_url: str | None = strawberry.field(description="Where it is sold")
    created_at: datetime = strawberry.field(description="When it was added")
    thumbnail_url: str | None = url("thumbnail_url", "A small picture of the product.")

    @staticmethod
    def of(row: ProductRow) -> "Product":
        """Show a row."""
        return cast("Product", row)


@strawberry.type(description="A video as whoever may see the look sees it; prompt, log and charge stay with its owner.")
class LookVideo:
    """See `db.look_videos.VideoInLook`."""

    id: strawberry.ID = strawberry.field(description="The id of the video job")
    status: VideoJobStatus = strawberry.field(description="Where the video stands")
    is_default: bool = strawberry.field(description="Whether this video stands for the look; at most one does")
    progress_percentage: int = strawberry.field(description="0 to 100")
    created_at: datetime = strawberry.field(description="When it was asked for")
    cloudinary_url: str | None = url("cloudinary_url", "Where to play the video; set exactly when SUCCEEDED.")
    thumbnail_url: str | None = url("thumbnail_url", "A still picture of the video; set exactly when SUCCEEDED.")

    @staticmethod
    def of(row: VideoInLook) -> "LookVideo":
        """Show a row."""
        return cast("LookVideo", row)


@strawberry.type(description="A user, as others see them.")
class SharedWith:
    """Whom a look is shared with."""

    id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    email: str | None = strawberry.field(description="Their e-mail address")
    name: str | None = strawberry.field(description="Their name")


async def _products(rows: Sequence[ShownLook], context: RequestContext) -> list[list[ProductRow]]:
    return await context.loaders.products_of_look.load_all(_ids(rows))


async def _videos(rows: Sequence[ShownLook], context: RequestContext) -> list[list[VideoInLook]]:
    return await context.loaders.videos_of_look.load_all(_ids(rows))


async def _shared_with(rows: Sequence[ShownLook], context: RequestContext) -> list[list[SharedWithRow]]:
    return await context.loaders.shared_with_of_look.load_all(_ids(rows))


async def _thumbnail_types(rows: Sequence[ShownLook], context: RequestContext) -> list[ThumbnailType]:
    return [ThumbnailType(thumbnail.type) for thumbnail in await _thumbnails(rows, context)]


async def _thumbnail_urls(rows: Sequence[ShownLook], context: RequestContext) -> list[str | None]:
    return context.absolute_urls([thumbnail.url for thumbnail in await _thumbnails(rows, context)])


async def _thumbnails(rows: Sequence[ShownLook], context: RequestContext) -> list[looks.Thumbnail]:
    videos = await _videos(rows, context)
    return [looks.thumbnail(row, shown) for row, shown in zip(rows, videos, strict=True)]


@strawberry.type(description="An image with the products on it, and the videos made of it.")
class Look:
    """See `db.tables.Look`."""

    id: strawberry.ID = strawberry.field(description="A UUID, the same over REST")
    title: str | None = strawberry.field(description="What it is called")
    notes: str | None = strawberry.field(description="The owner's notes")
    visibility: Visibility = strawberry.field(description="Who else may see it")
    created_at: datetime = strawberry.field(description="When it was made")
    updated_at: datetime = strawberry.field(description="When it last changed")
    generated_image_url: str = url("generated_image_url", "The look's image.")
    products: list[Product] = column(_products, "The products, in the owner's order.")
    videos: list[LookVideo] = column(_videos, "The videos, newest first; empty where there are none.")
    shared_with: list[SharedWith] = column(_shared_with, "Whom the look is shared with.")
    default_thumbnail_type: ThumbnailType = column(_thumbnail_types, "What stands for the look in a list.")
    default_thumbnail_url: str = column(_thumbnail_urls, "The URL of what stands for the look in a list.")

    @staticmethod
    def of(row: ShownLook) -> "Look":
        """Show a row."""
        return cast("Look", row)


async def _queue_positions(rows: Sequence[VideoJobRow], context: RequestContext) -> list[int | None]:
    return [None if place is None else place.position for place in await _queue_places(rows, context)]


async def _estimated_waits(rows: Sequence[VideoJobRow], context: RequestContext) -> list[int | None]:
    return [None if place is None else place.estimated_wait_seconds for place in await _queue_places(rows, context)]


async def _queue_places(rows: Sequence[VideoJobRow], context: RequestContext) -> list[QueuePlace | None]:
    waiting = [row.id for row in rows if row.status == VideoJobStatus.PENDING]
    places = await context.loaders.queue_place_of_job.load_all(waiting)
    found = dict(zip(waiting, places, strict=True))
    return [found.get(row.id) for row in rows]


async def _logs(rows: Sequence[VideoJobRow], context: RequestContext) -> list[Sequence[LogLine]]:
    logs = await context.loaders.logs_of_job.load_all(_ids(rows))
    return [video_jobs.logs_of_version(row, lines) for row, lines in zip(rows, logs, strict=True)]


async def _charges(rows: Sequence[VideoJobRow], context: RequestContext) -> list[LedgerRow | None]:
    return await _ledger_entries(rows, context, LedgerEntryKind.CHARGE)


async def _refunds(rows: Sequence[VideoJobRow], context: RequestContext) -> list[LedgerRow | None]:
    return await _ledger_entries(rows, context, LedgerEntryKind.REFUND)


async def _ledger_entries(
    rows: Sequence[VideoJobRow], context: RequestContext, kind: LedgerEntryKind
) -> list[LedgerRow | None]:
    ledgers = await context.loaders.ledger_of_job.load_all(_ids(rows))
    return [next((entry for entry in entries if entry.kind == kind), None) for entries in ledgers]


async def _associated_looks(rows: Sequence[VideoJobRow], context: RequestContext) -> list[list[LookOfJob]]:
    return await context.loaders.looks_of_job.load_all(_ids(rows))


@strawberry.type(description="A request for a video, and its way to a stored file.")
class VideoJob:
    """See `db.tables.VideoJob`."""

    id: strawberry.ID = strawberry.field(description="A UUID, the same over REST")
    user_id: strawberry.ID = strawberry.field(description="Whose job it is")
    prompt: str | None = strawberry.field(description="What to show, as it was asked for")
    model: str = strawberry.field(description="The model's id as it was asked for")
    resolution: str = strawberry.field(description="`720p` or `1080p`")
    aspect_ratio: str = strawberry.field(description="`16:9` or `9:16`")
    duration_seconds: int = strawberry.field(description="4 or 8")
    generate_audio: bool = strawberry.field(description="Whether sound was asked for")
    mock_mode: bool = strawberry.field(description="Whether the video is a rendered sample instead of Veo's work")
    status: VideoJobStatus = strawberry.field(description="Where the job stands")
    status_message: str = strawberry.field(description="What is going on, for a person")
    error_code: str | None = strawberry.field(description="Stable, for programs; set exactly when FAILED")
    error_message: str | None = strawberry.field(description="For a person; set exactly when FAILED")
    progress_percentage: int = strawberry.field(description="0 to 100; 100 exactly when the video is stored")
    progress_is_estimated: bool = strawberry.field(
        description="Whether the percentage is reckoned from recent run times, since the generator tells none"
    )
    video_duration_seconds: float | None = strawberry.field(description="The stored video's length")
    video_size_bytes: float | None = strawberry.field(description="The stored video's size; a Float, for large ones")
    video_width: int | None = strawberry.field(description="The stored video's width in pixels")
    video_height: int | None = strawberry.field(description="The stored video's height in pixels")
    tokens_consumed: int = strawberry.field(description="What was charged for it, in tokens")
    version: int = strawberry.field(description="Counted up at each change; orders the events of a job")
    created_at: datetime = strawberry.field(description="When it was asked for")
    started_at: datetime | None = strawberry.field(description="When a worker first took it")
    completed_at: datetime | None = strawberry.field(description="When it ended, however it did")
    updated_at: datetime = strawberry.field(description="When it last changed")
    cloudinary_url: str | None = url("cloudinary_url", "Where to play the video; set exactly when SUCCEEDED.")
    thumbnail_url: str | None = url("thumbnail_url", "A still picture of the stored video; set exactly when SUCCEEDED.")
    queue_position: int | None = column(
        _queue_positions, "The place among all waiting jobs, 1 is next; null unless PENDING."
    )
    estimated_wait_seconds: int | None = column(
        _estimated_waits, "How long it may take to begin: an estimate from recent run times; null unless PENDING."
    )
    logs: list[VideoJobLog] = column(_logs, "The job's log, oldest line first.")
    charge: TokenTransaction | None = column(
        _charges, "What was charged when the job was created; null for jobs of old times."
    )
    refund: TokenTransaction | None = column(_refunds, "What came back, where something did.")
    associated_looks: list[Look] = column(_associated_looks, "The looks that show this video.")

    @staticmethod
    def of(row: VideoJobRow) -> "VideoJob":
        """Show a row."""
        return cast("VideoJob", row)
