"""The GraphQL types, shown of rows: the executor reads fields off the row itself, and nothing is copied.

Where a row's value is not yet what the field shows (an id, an enumeration's value, a price), the type's own coercion
makes it. What needs another read goes through a dataloader, for all rows of a list in one go.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from db.enums import ActorKind, ContentCredentials, LedgerEntryKind, LogLevel, VideoJobStatus, Visibility
from db.generation_costs import CostRow
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookRow, LookView, ProductRow
from db.looks import SharedWith as SharedWithRow
from db.video_job_deletions import DeletionRow
from db.video_jobs import LogLine, VideoJobRow
from graphql_server.columns import column
from resolvers import looks, video_jobs
from resolvers.meanings import MEANINGS
from resolvers.queue_places import QueuePlace
from schema.context import RequestContext
from schema.enum_values import describe_values
from schema.generation_costs import GenerationCost
from schema.nodes import Node
from schema.plain_fields import shows

for enumeration, name, described in (
    (VideoJobStatus, "VideoJobStatus", "Where a video job stands."),
    (Visibility, "Visibility", "Who may see a look besides its owner and admins."),
    (LogLevel, "LogLevel", "Severity of a log line."),
    (ContentCredentials, "ContentCredentials", "Whether a stored file says itself that it was generated."),
    (ActorKind, "TokenTransactionActor", "Who changes a balance."),
    (LedgerEntryKind, "TokenTransactionKind", "Why a balance changed."),
    (LookView, "LookView", "Which looks to list."),
):
    describe_values(strawberry.enum(enumeration, name=name, description=described), name)

USE_VIDEO_URL = "`videoUrl` is the same: not every storage is Cloudinary."
ShownLook = LookRow | LookOfJob


@describe_values
@strawberry.enum(description="What stands for a look in a list.")
class ThumbnailType(Enum):
    """Either the look's image or its default video."""

    IMAGE = "image"
    VIDEO = "video"


def url(attribute: str, description: str, *, deprecated: str | None = None) -> Any:  # noqa: ANN401 - as `strawberry.field`, for an annotated name
    """Return a field for what is stored as a URL or as a path of this site; it shows a URL."""
    get = attrgetter(attribute)

    def urls(rows: Sequence[Any], context: RequestContext) -> list[str | None]:
        return context.absolute_urls(list(map(get, rows)))

    return column(urls, description, deprecated=deprecated)


def _ids(rows: Sequence[ShownLook] | Sequence[VideoJobRow]) -> list[UUID]:
    return [row.id for row in rows]


def _cursors(lines: Sequence[LogLine], _context: RequestContext) -> list[str]:
    return [str(line.id) for line in lines]


def _line_ids(lines: Sequence[LogLine], _context: RequestContext) -> list[str]:
    return [f"{line.video_job_id}:{line.id}" for line in lines]


def _ids_in_look(rows: Sequence[VideoInLook] | Sequence[SharedWithRow], _context: RequestContext) -> list[str]:
    """Return ids of their own for what is in several looks, and looks different in each (decision 29)."""
    return [f"{row.look_id}:{row.id}" for row in rows]


def _plain_ids(rows: Sequence[VideoInLook] | Sequence[SharedWithRow], _context: RequestContext) -> list[UUID]:
    return [row.id for row in rows]


def _always(rows: Sequence[object], _context: RequestContext) -> list[bool]:
    return [True] * len(rows)


async def _own_jobs(rows: Sequence[VideoInLook], context: RequestContext) -> list[VideoJobRow | None]:
    return await context.loaders.job.load_all([row.id for row in rows])


@shows(LogLine, hidden={"video_job_id", "id"})
class VideoJobLog:
    """A line of a job's log."""

    id: strawberry.ID = column(_line_ids, "Its own")
    cursor: str = column(_cursors, "Where it stands in the log, for `videoJobLogs(after:)`")
    timestamp: datetime
    level: LogLevel
    message: str

    @staticmethod
    def of(row: LogLine) -> "VideoJobLog":
        """Show a row."""
        return cast("VideoJobLog", row)


@shows(LedgerRow, hidden={"user_id"})
class TokenTransaction:
    """One change of a balance."""

    id: strawberry.ID
    kind: LedgerEntryKind
    amount: int
    uncharged: int
    balance_before: int
    balance_after: int
    operation: str | None
    description: str | None
    reference: str | None
    actor: ActorKind
    actor_email: str | None
    video_job_id: strawberry.ID | None
    created_at: datetime

    @staticmethod
    def of(row: LedgerRow) -> "TokenTransaction":
        """Show a row."""
        return cast("TokenTransaction", row)


@shows(ProductRow, hidden={"look_id"})
class Product:
    """A product in a look."""

    id: strawberry.ID
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    created_at: datetime
    thumbnail_url: str | None = url("thumbnail_url", MEANINGS["Product.thumbnail_url"])


@shows(VideoInLook, hidden={"look_id"})
class LookVideo:
    """A video as whoever may see the look sees it; prompt, log and charge stay with its owner."""

    id: strawberry.ID = column(_ids_in_look, "Its own in this look: the same video has another one in another look")
    video_job_id: strawberry.ID = column(_plain_ids, MEANINGS["LookVideo.id"])
    video_job = column(_own_jobs, MEANINGS["video_job"], Annotated["VideoJob", strawberry.lazy("schema.types")] | None)
    status: VideoJobStatus
    is_default: bool
    progress_percentage: int
    ai_generated: bool = column(_always, MEANINGS["ai_generated"])
    content_credentials: ContentCredentials | None
    created_at: datetime
    video_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"])
    cloudinary_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"], deprecated=USE_VIDEO_URL)
    thumbnail_url: str | None = url("thumbnail_url", MEANINGS["thumbnail_url"])


@shows(SharedWithRow, hidden={"look_id"})
class SharedWith:
    """A user whom a look is shared with, as others see them."""

    id: strawberry.ID = column(_ids_in_look, "Its own in this look: the same user has another one in another look")
    user_id: strawberry.ID = column(_plain_ids, MEANINGS["SharedWith.id"])
    email: str | None
    name: str | None


async def _products(rows: Sequence[ShownLook], context: RequestContext) -> list[list[ProductRow]]:
    return await context.loaders.products_of_look.load_all(_ids(rows))


async def _videos(rows: Sequence[ShownLook], context: RequestContext) -> list[list[VideoInLook]]:
    return await context.loaders.videos_of_look.load_all(_ids(rows))


async def _video_counts(rows: Sequence[ShownLook], context: RequestContext) -> list[int]:
    return [len(found) for found in await _videos(rows, context)]


async def _shared_with(rows: Sequence[ShownLook], context: RequestContext) -> list[list[SharedWithRow]]:
    return await context.loaders.shared_with_of_look.load_all(_ids(rows))


async def _thumbnail_types(rows: Sequence[ShownLook], context: RequestContext) -> list[ThumbnailType]:
    return [ThumbnailType(thumbnail.type) for thumbnail in await _thumbnails(rows, context)]


async def _thumbnail_urls(rows: Sequence[ShownLook], context: RequestContext) -> list[str | None]:
    return context.absolute_urls([thumbnail.url for thumbnail in await _thumbnails(rows, context)])


async def _thumbnails(rows: Sequence[ShownLook], context: RequestContext) -> list[looks.Thumbnail]:
    videos = await _videos(rows, context)
    return [looks.thumbnail(row, shown) for row, shown in zip(rows, videos, strict=True)]


@shows(LookRow, LookOfJob, hidden={"video_job_id"})
class Look(Node):
    """An image with the products on it, and the videos made of it."""

    id: strawberry.ID
    title: str | None
    notes: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    generated_image_url: str = url("generated_image_url", MEANINGS["generated_image_url"])
    products: list[Product] = column(_products, MEANINGS["products"])
    videos: list[LookVideo] = column(_videos, MEANINGS["videos"])
    video_count: int = column(_video_counts, "How many videos it shows, in whatever state")
    shared_with: list[SharedWith] = column(_shared_with, MEANINGS["shared_with"])
    default_thumbnail_type: ThumbnailType = column(_thumbnail_types, MEANINGS["default_thumbnail_type"])
    default_thumbnail_url: str = column(_thumbnail_urls, MEANINGS["default_thumbnail_url"])

    @staticmethod
    def of(row: ShownLook) -> "Look":
        """Show a row."""
        return cast("Look", row)


@shows(DeletionRow)
class VideoJobDeletion:
    """A video job that is no more."""

    video_job_id: strawberry.ID
    deleted_at: datetime

    @staticmethod
    def of(row: DeletionRow) -> "VideoJobDeletion":
        """Show a row."""
        return cast("VideoJobDeletion", row)


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


async def _costs(rows: Sequence[VideoJobRow], context: RequestContext) -> list[CostRow | None]:
    return await context.loaders.cost_of_job.load_all(_ids(rows))


async def _associated_looks(rows: Sequence[VideoJobRow], context: RequestContext) -> list[list[LookOfJob]]:
    return await context.loaders.looks_of_job.load_all(_ids(rows))


@shows(VideoJobRow)
class VideoJob(Node):
    """A request for a video, and its way to a stored file."""

    id: strawberry.ID
    user_id: strawberry.ID
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    status: VideoJobStatus
    status_message: str
    error_code: str | None
    error_message: str | None
    progress_percentage: int
    progress_is_estimated: bool
    video_duration_seconds: float | None
    video_size_bytes: float | None
    video_width: int | None
    video_height: int | None
    ai_generated: bool = column(_always, MEANINGS["ai_generated"])
    content_credentials: ContentCredentials | None
    tokens_consumed: int
    version: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    video_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"])
    cloudinary_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"], deprecated=USE_VIDEO_URL)
    thumbnail_url: str | None = url("thumbnail_url", MEANINGS["thumbnail_url"])
    queue_position: int | None = column(_queue_positions, MEANINGS["queue_position"])
    estimated_wait_seconds: int | None = column(_estimated_waits, MEANINGS["estimated_wait_seconds"])
    logs: list[VideoJobLog] = column(_logs, MEANINGS["logs"])
    charge: TokenTransaction | None = column(
        _charges, "What was charged when the job was created; null for jobs of old times."
    )
    refund: TokenTransaction | None = column(_refunds, "What came back, where something did.")
    cost: GenerationCost | None = column(_costs, "What it has really cost; for admins, and null where it cost nothing.")
    associated_looks: list[Look] = column(_associated_looks, MEANINGS["associated_looks"])

    @staticmethod
    def of(row: VideoJobRow) -> "VideoJob":
        """Show a row."""
        return cast("VideoJob", row)
