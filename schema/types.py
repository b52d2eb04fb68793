"""The GraphQL types, shown of rows: the executor reads fields off the row itself, and nothing is copied.

Where a row's value is not yet what the field shows (an id, an enumeration's value, a price), the type's own coercion
makes it. What needs another read goes through a dataloader, for all rows of a list in one go.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, cast

import strawberry

from db import look_videos as video_rows
from db.enums import ActorKind, ContentCredentials, LedgerEntryKind, LogLevel, VideoJobStatus, Visibility
from db.generation_costs import CostRow, CostSum
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookRow, ProductRow
from db.looks import SharedWith as SharedWithRow
from db.video_jobs import DeletionRow, LogLine, VideoJobRow
from graphql_server.fields import attribute, column, read_by
from resolvers import generation_costs, looks, video_jobs
from resolvers.meanings import MEANINGS
from schema import fields
from schema.connections import Node
from schema.context import Info, RequestContext, Shown, nothing
from schema.enum_values import ThumbnailType
from schema.fields import ShownLook, User, constant, loaded, shows

Newest = Annotated[
    int | None, strawberry.argument(description="How many of the newest at most, 0 to 100; null for all")
]
OfStatus = Annotated[
    list[VideoJobStatus] | None, strawberry.argument(description="Only those of one of these statuses; null for all")
]
# It is further down.
OptionalVideoJob = Annotated["VideoJob", strawberry.lazy("schema.types")] | None
USE_VIDEO_URL = "`videoUrl` is the same: not every storage is Cloudinary."


def url(name: str, description: str, *, deprecated: str | None = None) -> Any:  # noqa: ANN401 - as `strawberry.field`, for an annotated name
    """Return a field for what is stored as a URL or as a path of this site; it shows a URL."""
    return attribute(name, description, _urls, deprecated=deprecated)


def _urls(stored: Sequence[str | None], context: RequestContext) -> Sequence[str | None]:
    return context.absolute_urls(stored)


def _detail(attribute: str) -> Any:  # noqa: ANN401 - as above
    """Return a field of a look's video that few ask for."""
    get = attrgetter(attribute)

    async def read(rows: Sequence[VideoInLook], context: RequestContext) -> list[Any]:
        return list(map(get, await fields.video_details(rows, context)))

    return column(read, MEANINGS[attribute])


def _cursors(lines: Sequence[LogLine], _context: RequestContext) -> list[str]:
    return [str(line.id) for line in lines]


def _line_ids(lines: Sequence[LogLine], _context: RequestContext) -> list[str]:
    return [f"{line.video_job_id}:{line.id}" for line in lines]


def _ids_in_look(rows: Sequence[VideoInLook] | Sequence[SharedWithRow], _context: RequestContext) -> list[str]:
    """Return ids of their own for what is in several looks, and looks different in each (decision 29)."""
    return [f"{row.look_id}:{row.id}" for row in rows]


async def _paid_jobs(rows: Sequence[LedgerRow], context: RequestContext) -> list[VideoJobRow | None]:
    ids = list(dict.fromkeys(row.video_job_id for row in rows if row.video_job_id is not None))
    jobs = await context.readable(video_jobs.read_many, nothing).load_all(ids)
    found = dict(zip(ids, jobs, strict=True))
    return [None if row.video_job_id is None else found[row.video_job_id] for row in rows]


@shows(LogLine, hidden={"video_job_id", "id"})
class VideoJobLog(Shown[LogLine]):
    """A line of a job's log."""

    id: strawberry.ID = column(_line_ids, "Its own")
    cursor: str = column(_cursors, "Where it stands in the log, for `videoJobLogs(after:)`")
    timestamp: datetime
    level: LogLevel
    message: str


@shows(LedgerRow, hidden={"user_id"})
class TokenTransaction(Shown[LedgerRow]):
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
    video_job = column(_paid_jobs, MEANINGS["TokenTransaction.video_job"], OptionalVideoJob)
    created_at: datetime


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


@shows(VideoInLook, VideoDetails, hidden={"look_id", "user_id"})
class LookVideo:
    """A video as whoever may see the look sees it; prompt, log and charge stay with its owner."""

    id: strawberry.ID = column(_ids_in_look, "Its own in this look: the same video has another one in another look")
    video_job_id: strawberry.ID = attribute("id", MEANINGS["LookVideo.id"])
    video_job = column(
        loaded(video_jobs.read_many, nothing, RequestContext.readable), MEANINGS["video_job"], OptionalVideoJob
    )
    status: VideoJobStatus
    is_default: bool
    progress_percentage: int
    ai_generated: bool = column(constant(value=True), MEANINGS["ai_generated"])
    content_credentials: ContentCredentials | None
    created_at: datetime
    resolution: str = _detail("resolution")
    aspect_ratio: str = _detail("aspect_ratio")
    duration_seconds: int = _detail("duration_seconds")
    video_duration_seconds: float | None = _detail("video_duration_seconds")
    video_width: int | None = _detail("video_width")
    video_height: int | None = _detail("video_height")
    error_code: str | None = column(fields.own_detail("error_code"), MEANINGS["LookVideo.error_code"])
    error_message: str | None = column(fields.own_detail("error_message"), MEANINGS["LookVideo.error_message"])
    video_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"])
    cloudinary_url: str | None = url("cloudinary_url", MEANINGS["cloudinary_url"], deprecated=USE_VIDEO_URL)
    thumbnail_url: str | None = url("thumbnail_url", MEANINGS["thumbnail_url"])


@shows(SharedWithRow, hidden={"look_id"})
class SharedWith:
    """A user whom a look is shared with, as others see them."""

    id: strawberry.ID = column(_ids_in_look, "Its own in this look: the same user has another one in another look")
    user_id: strawberry.ID = attribute("id", MEANINGS["SharedWith.id"])
    email: str | None
    name: str | None


@shows(LookRow, LookOfJob, hidden={"video_job_id", "user_id"})
class Look(Node, Shown[ShownLook]):
    """An image with the products on it, and the videos made of it."""

    id: strawberry.ID
    title: str | None
    notes: str | None = column(fields.notes, "The owner's notes; null but for the owner and admins")
    owner: User = column(fields.owners, "Whose it is")
    viewer_can_edit: bool = column(fields.may_edit, "Whether the caller may change it: its owner and admins")
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    generated_image_url: str = url("generated_image_url", MEANINGS["generated_image_url"])
    products: list[Product] = column(loaded(looks.products_by_look, list), MEANINGS["products"])
    video_count: int = column(loaded(video_rows.counts_of_looks, int), "How many videos it shows, in whatever state")
    shared_with: list[SharedWith] = column(loaded(looks.shared_with_by_look, list), MEANINGS["shared_with"])
    default_thumbnail_type: ThumbnailType = column(fields.thumbnail_types, MEANINGS["default_thumbnail_type"])
    default_thumbnail_url: str = column(fields.thumbnail_urls, MEANINGS["default_thumbnail_url"])

    @strawberry.field(description=MEANINGS["videos"], metadata=read_by(fields.videos))
    async def videos(
        root: strawberry.Parent[ShownLook],  # noqa: N805 - the row itself
        info: Info,
        first: Newest = None,
        status: OfStatus = None,
    ) -> list[LookVideo]:
        """Show the videos of one look."""
        [found] = await fields.videos([root], info.context, first, status)
        return cast("list[LookVideo]", found)


@strawberry.type(description="How many tokens of a kind a generator has counted.")
class TokenCount:
    """A member of `CostRow.tokens`."""

    kind: str = strawberry.field(description="Such as `input_text` or `output_video`")
    tokens: float = strawberry.field(description="How many")


def _token_counts(rows: Sequence[CostRow], _context: RequestContext) -> list[list[TokenCount]]:
    return [[TokenCount(kind=kind, tokens=count) for kind, count in json.loads(row.tokens).items()] for row in rows]


@shows(CostRow, hidden={"video_job_id", "tokens"})
class GenerationCost:
    """What a video has used at its generator, and what that costs us by the policy of that time."""

    provider: str
    seconds: float
    total_tokens: float
    estimate: float | None
    currency: str
    tokens: list[TokenCount] = column(_token_counts, "By kind; none where the generator reports none")


@shows(CostSum)
class GenerationCostSum(Shown[CostSum]):
    """What the videos of one user, or of one day, have used."""

    group: str
    videos: int
    seconds: float
    total_tokens: float
    estimate: float
    unestimated: int
    currency: str


@shows(DeletionRow)
class VideoJobDeletion(Shown[DeletionRow]):
    """A video job that is no more."""

    video_job_id: strawberry.ID
    deleted_at: datetime


@shows(VideoJobRow)
class VideoJob(Node, Shown[VideoJobRow]):
    """A request for a video, and its way to a stored file."""

    id: strawberry.ID
    user_id: strawberry.ID
    user: User = column(fields.owners, "Whose it is")
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
    ai_generated: bool = column(constant(value=True), MEANINGS["ai_generated"])
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
    queue_position: int | None = column(fields.queue_place("position"), MEANINGS["queue_position"])
    estimated_wait_seconds: int | None = column(
        fields.queue_place("estimated_wait_seconds"), MEANINGS["estimated_wait_seconds"]
    )
    logs: list[VideoJobLog] = column(fields.logs, MEANINGS["logs"])
    charge: TokenTransaction | None = column(
        fields.ledger_entry(LedgerEntryKind.CHARGE),
        "What was charged when the job was created; null for jobs of old times.",
    )
    refund: TokenTransaction | None = column(
        fields.ledger_entry(LedgerEntryKind.REFUND), "What came back, where something did."
    )
    cost: GenerationCost | None = column(
        loaded(generation_costs.by_job, nothing, RequestContext.readable),
        "What it has really cost; for admins, and null where it cost nothing.",
    )
    associated_looks: list[Look] = column(loaded(video_jobs.looks_by_job, list), MEANINGS["associated_looks"])
