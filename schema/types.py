"""The GraphQL types. Each is built from a row; what needs another read goes through a dataloader."""

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from db import models
from db.look_videos import VideoInLook
from db.looks import LookRow, ProductRow
from db.models import LedgerEntryKind, LogLevel, VideoJobStatus, Visibility
from resolvers import looks, video_jobs
from resolvers.queue_places import QueuePlace
from schema.context import Info
from schema.execution.marks import BATCHABLE

strawberry.enum(VideoJobStatus, description="Where a video job stands.")
strawberry.enum(Visibility, description="Who may see a look besides its owner and admins.")
strawberry.enum(LogLevel, description="Severity of a log line.")
strawberry.enum(LedgerEntryKind, name="TokenTransactionKind", description="Why a balance changed.")


@strawberry.enum(description="What stands for a look in a list.")
class ThumbnailType(Enum):
    """Either the look's image or its default video."""

    IMAGE = "image"
    VIDEO = "video"


def _id(id_: UUID) -> strawberry.ID:
    return strawberry.ID(str(id_))


@strawberry.type(description="A line of a job's log.")
class VideoJobLog:
    """See `db.models.VideoJobLog`."""

    cursor: str = strawberry.field(description="Where it stands in the log, for `videoJobLogs(after:)`")
    timestamp: datetime = strawberry.field(description="When it was written")
    level: LogLevel = strawberry.field(description="How serious it is")
    message: str = strawberry.field(description="What happened, for a person")

    @classmethod
    def of(cls, row: models.VideoJobLog) -> "VideoJobLog":
        """Build from a row."""
        return cls(cursor=str(row.id), timestamp=row.timestamp, level=LogLevel(row.level), message=row.message)


@strawberry.type(description="One change of a balance.")
class TokenTransaction:
    """See `db.models.LedgerEntry`."""

    id: strawberry.ID = strawberry.field(description="A UUID")
    kind: LedgerEntryKind = strawberry.field(description="Why the balance changed")
    amount: int = strawberry.field(description="In tokens; negative for a charge")
    balance_after: int = strawberry.field(description="The balance that it left, in tokens")
    video_job_id: strawberry.ID | None = strawberry.field(description="The job that was paid for or refunded")
    created_at: datetime = strawberry.field(description="When it changed")

    @classmethod
    def of(cls, row: models.LedgerEntry) -> "TokenTransaction":
        """Build from a row."""
        return cls(
            id=_id(row.id),
            kind=LedgerEntryKind(row.kind),
            amount=row.amount,
            balance_after=row.balance_after,
            video_job_id=_id(row.video_job_id) if row.video_job_id else None,
            created_at=row.created_at,
        )


@strawberry.type(description="A request for a video, and its way to a stored file.")
class VideoJob:
    """See `db.models.VideoJob`."""

    row: strawberry.Private[models.VideoJob]
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

    @strawberry.field(description="Where to play the video; set exactly when SUCCEEDED.", metadata=BATCHABLE)
    def cloudinary_url(self, info: Info) -> str | None:
        """Return a URL, also where the video is stored on this site."""
        return info.context.absolute_url(self.row.cloudinary_url)

    @strawberry.field(
        description="A still picture of the stored video; set exactly when SUCCEEDED.", metadata=BATCHABLE
    )
    def thumbnail_url(self, info: Info) -> str | None:
        """Return a URL, also where the picture is stored on this site."""
        return info.context.absolute_url(self.row.thumbnail_url)

    @strawberry.field(
        description="The place among all waiting jobs, 1 is next; null unless PENDING.", metadata=BATCHABLE
    )
    async def queue_position(self, info: Info) -> int | None:
        """Read through the loader."""
        place = await self._queue_place(info)
        return None if place is None else place.position

    @strawberry.field(
        description="How long it may take to begin: an estimate from recent run times; null unless PENDING.",
        metadata=BATCHABLE,
    )
    async def estimated_wait_seconds(self, info: Info) -> int | None:
        """Read through the loader."""
        place = await self._queue_place(info)
        return None if place is None else place.estimated_wait_seconds

    async def _queue_place(self, info: Info) -> QueuePlace | None:
        if self.status != VideoJobStatus.PENDING:
            return None
        return await info.context.loaders.queue_place_of_job.load(self.row.id)

    @strawberry.field(description="The job's log, oldest line first.", metadata=BATCHABLE)
    async def logs(self, info: Info) -> list[VideoJobLog]:
        """Read through the loader."""
        lines = await info.context.loaders.logs_of_job.load(self.row.id)
        return [VideoJobLog.of(line) for line in video_jobs.logs_of_version(self.row, lines)]

    @strawberry.field(
        description="What was charged when the job was created; null for jobs of old times.", metadata=BATCHABLE
    )
    async def charge(self, info: Info) -> "TokenTransaction | None":
        """Read through the loader."""
        return await self._ledger_entry(info, LedgerEntryKind.CHARGE)

    @strawberry.field(description="What came back, where something did.", metadata=BATCHABLE)
    async def refund(self, info: Info) -> "TokenTransaction | None":
        """Read through the loader."""
        return await self._ledger_entry(info, LedgerEntryKind.REFUND)

    async def _ledger_entry(self, info: Info, kind: LedgerEntryKind) -> "TokenTransaction | None":
        entries = await info.context.loaders.ledger_of_job.load(self.row.id)
        return next((TokenTransaction.of(entry) for entry in entries if entry.kind == kind), None)

    @strawberry.field(description="The looks that show this video.", metadata=BATCHABLE)
    async def associated_looks(self, info: Info) -> list["Look"]:
        """Read through the loader."""
        return [Look.of(look) for look in await info.context.loaders.looks_of_job.load(self.row.id)]

    @classmethod
    def of(cls, row: models.VideoJob) -> "VideoJob":
        """Build from a row."""
        return cls(
            row=row,
            id=_id(row.id),
            user_id=_id(row.user_id),
            prompt=row.prompt,
            model=row.model,
            resolution=row.resolution,
            aspect_ratio=row.aspect_ratio,
            duration_seconds=row.duration_seconds,
            generate_audio=row.generate_audio,
            mock_mode=row.mock_mode,
            status=VideoJobStatus(row.status),
            status_message=row.status_message,
            error_code=row.error_code,
            error_message=row.error_message,
            progress_percentage=row.progress_percentage,
            progress_is_estimated=row.progress_is_estimated,
            video_duration_seconds=row.video_duration_seconds,
            video_size_bytes=row.video_size_bytes,
            video_width=row.video_width,
            video_height=row.video_height,
            tokens_consumed=row.tokens_consumed,
            version=row.version,
            created_at=row.created_at,
            started_at=row.started_at,
            completed_at=row.completed_at,
            updated_at=row.updated_at,
        )


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
    row: strawberry.Private[ProductRow]

    @strawberry.field(description="A small picture of the product.", metadata=BATCHABLE)
    def thumbnail_url(self, info: Info) -> str | None:
        """Return a URL, also where the picture is stored on this site."""
        return info.context.absolute_url(self.row.thumbnail_url)

    @classmethod
    def of(cls, row: ProductRow) -> "Product":
        """Build from a row."""
        return cls(
            row=row,
            id=_id(row.id),
            sku=row.sku,
            name=row.name,
            designer=row.designer,
            price=None if row.price is None else float(row.price),
            product_url=row.product_url,
            created_at=row.created_at,
        )


@strawberry.type(description="A video as whoever may see the look sees it; prompt, log and charge stay with its owner.")
class LookVideo:
    """See `db.look_videos.VideoInLook`."""

    row: strawberry.Private[VideoInLook]
    id: strawberry.ID = strawberry.field(description="The id of the video job")
    status: VideoJobStatus = strawberry.field(description="Where the video stands")
    is_default: bool = strawberry.field(description="Whether this video stands for the look; at most one does")
    progress_percentage: int = strawberry.field(description="0 to 100")
    created_at: datetime = strawberry.field(description="When it was asked for")

    @strawberry.field(description="Where to play the video; set exactly when SUCCEEDED.", metadata=BATCHABLE)
    def cloudinary_url(self, info: Info) -> str | None:
        """Return a URL, also where the video is stored on this site."""
        return info.context.absolute_url(self.row.cloudinary_url)

    @strawberry.field(description="A still picture of the video; set exactly when SUCCEEDED.", metadata=BATCHABLE)
    def thumbnail_url(self, info: Info) -> str | None:
        """Return a URL, also where the picture is stored on this site."""
        return info.context.absolute_url(self.row.thumbnail_url)

    @classmethod
    def of(cls, row: VideoInLook) -> "LookVideo":
        """Build from a row."""
        return cls(
            row=row,
            id=_id(row.id),
            status=VideoJobStatus(row.status),
            is_default=row.is_default,
            progress_percentage=row.progress_percentage,
            created_at=row.created_at,
        )


@strawberry.type(description="A user, as others see them.")
class SharedWith:
    """Whom a look is shared with."""

    id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    email: str | None = strawberry.field(description="Their e-mail address")
    name: str | None = strawberry.field(description="Their name")

    @classmethod
    def of(cls, row: models.User) -> "SharedWith":
        """Build from a row."""
        return cls(id=_id(row.id), email=row.email, name=row.name)


@strawberry.type(description="An image with the products on it, and the videos made of it.")
class Look:
    """See `db.models.Look`."""

    row: strawberry.Private[models.Look | LookRow]
    id: strawberry.ID = strawberry.field(description="A UUID, the same over REST")
    title: str | None = strawberry.field(description="What it is called")
    notes: str | None = strawberry.field(description="The owner's notes")
    visibility: Visibility = strawberry.field(description="Who else may see it")
    created_at: datetime = strawberry.field(description="When it was made")
    updated_at: datetime = strawberry.field(description="When it last changed")

    @strawberry.field(description="The look's image.", metadata=BATCHABLE)
    def generated_image_url(self, info: Info) -> str:
        """Return a URL, also where the image is stored on this site."""
        return str(info.context.absolute_url(self.row.generated_image_url))

    @strawberry.field(description="The products, in the owner's order.", metadata=BATCHABLE)
    async def products(self, info: Info) -> list[Product]:
        """Read through the loader."""
        return [Product.of(product) for product in await info.context.loaders.products_of_look.load(self.row.id)]

    @strawberry.field(description="The videos, newest first; empty where there are none.", metadata=BATCHABLE)
    async def videos(self, info: Info) -> list[LookVideo]:
        """Read through the loader."""
        return [LookVideo.of(video) for video in await info.context.loaders.videos_of_look.load(self.row.id)]

    @strawberry.field(description="Whom the look is shared with.", metadata=BATCHABLE)
    async def shared_with(self, info: Info) -> list[SharedWith]:
        """Read through the loader."""
        return [SharedWith.of(user) for user in await info.context.loaders.shared_with_of_look.load(self.row.id)]

    @strawberry.field(description="What stands for the look in a list.", metadata=BATCHABLE)
    async def default_thumbnail_type(self, info: Info) -> ThumbnailType:
        """Choose by the look's videos."""
        return ThumbnailType((await self._thumbnail(info)).type)

    @strawberry.field(description="The URL of what stands for the look in a list.", metadata=BATCHABLE)
    async def default_thumbnail_url(self, info: Info) -> str:
        """Choose by the look's videos."""
        return str(info.context.absolute_url((await self._thumbnail(info)).url))

    async def _thumbnail(self, info: Info) -> looks.Thumbnail:
        return looks.thumbnail(self.row, await info.context.loaders.videos_of_look.load(self.row.id))

    @classmethod
    def of(cls, row: models.Look | LookRow) -> "Look":
        """Build from a row."""
        return cls(
            row=row,
            id=_id(row.id),
            title=row.title,
            notes=row.notes,
            visibility=Visibility(row.visibility),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
