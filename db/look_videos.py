"""Statements on which look shows which video.

The table is made by the owner's one-time migration. Until then every read finds nothing, as deployed code expects.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, cast, column, delete, func, null, select, true, update
from sqlalchemy.dialects.postgresql import insert

from db.engine.paging import NESTED_LIMIT
from db.engine.statements import MOST, Counted, Flag, Id, Reader, Row, Statement, Writer, among, listed, texts
from db.enums import VideoJobStatus
from db.tables import Look, LookVideo, VideoJob

_TABLE = LookVideo.__tablename__


class VideoInLook(Row):
    """What a list of looks shows of a job. All else is in `VideoDetails`, which few ask for."""

    look_id: UUID
    is_default: bool
    id: UUID
    status: str
    progress_percentage: int
    cloudinary_url: str | None
    thumbnail_url: str | None
    content_credentials: str | None
    created_at: datetime


class VideoDetails(Row):
    """What else a look shows of a job, and whose it is. To read it with the rest takes a page of looks 5% longer."""

    id: UUID
    user_id: UUID
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    video_duration_seconds: float | None
    video_width: int | None
    video_height: int | None
    error_code: str | None
    error_message: str | None


class LookOfJob(Row):
    """What is shown of a look with one of the jobs that it shows."""

    video_job_id: UUID
    id: UUID
    user_id: UUID
    title: str | None
    notes: str | None
    generated_image_url: str
    visibility: str
    created_at: datetime
    updated_at: datetime


class BriefRow(Row):
    """A job with one of the looks that show it; their columns are None where no look does."""

    id: UUID
    user_id: UUID
    version: int
    status: str
    look_id: UUID | None
    look_title: str | None
    look_image_url: str | None


TABLE_EXISTS = func.to_regclass(_TABLE).is_not(None)
_TABLE_EXISTS = Statement(select(TABLE_EXISTS), Flag)
_IN_LOOKS = VideoInLook.columns_of(VideoJob, LookVideo)
_VIDEOS = Statement(
    select(*_IN_LOOKS)
    .join(VideoJob, VideoJob.id == LookVideo.video_job_id)
    .where(LookVideo.look_id == among("looks"))
    .order_by(LookVideo.look_id, VideoJob.created_at.desc(), VideoJob.id.desc())
    .limit(NESTED_LIMIT),
    VideoInLook,
)
_DETAILS = Statement(
    select(*VideoDetails.columns_of(VideoJob)).where(VideoJob.id == among("jobs")).limit(NESTED_LIMIT), VideoDetails
)
_COUNTS = Statement(
    select(LookVideo.look_id, func.count()).where(LookVideo.look_id == among("looks")).group_by(LookVideo.look_id),
    Counted,
)
_LOOKS = Statement(
    select(*LookOfJob.columns_of(Look, LookVideo))
    .join(Look, Look.id == LookVideo.look_id)
    .where(LookVideo.video_job_id == among("jobs"))
    .order_by(LookVideo.created_at, Look.id)
    .limit(NESTED_LIMIT),
    LookOfJob,
)
_BRIEF = (VideoJob.id, VideoJob.user_id, VideoJob.version, VideoJob.status)
_OF_ID = VideoJob.id == among("ids")
_BRIEF_WITH_LOOKS = Statement(
    select(*_BRIEF, Look.id, Look.title, Look.generated_image_url)
    .outerjoin(LookVideo, LookVideo.video_job_id == VideoJob.id)
    .outerjoin(Look, Look.id == LookVideo.look_id)
    .where(_OF_ID)
    # As `looks_of_jobs` sorts them.
    .order_by(LookVideo.created_at, Look.id),
    BriefRow,
)
_BRIEF_ALONE = Statement(select(*_BRIEF, cast(null(), Uuid), null(), null()).where(_OF_ID), BriefRow)
_ADD = Statement(
    insert(LookVideo).values(look_id=bindparam("look"), video_job_id=bindparam("job")).on_conflict_do_nothing()
)
_OF_LOOK = LookVideo.look_id == bindparam("look")
_IN_LOOK = and_(_OF_LOOK, LookVideo.video_job_id == bindparam("job"))
_REMOVE = Statement(delete(LookVideo).where(_IN_LOOK).returning(LookVideo.look_id), Id)
_CLEAR_DEFAULT = Statement(update(LookVideo).where(_OF_LOOK, LookVideo.is_default).values(is_default=False))
_SET_DEFAULT = Statement(
    update(LookVideo).where(_IN_LOOK).values(is_default=bindparam("is_default")).returning(LookVideo.look_id), Id
)


async def exist(reader: Reader) -> bool:
    """Whether the one-time migration has run. Asked of the database until it has, remembered afterwards."""
    if not reader.capabilities.get(_TABLE):
        reader.capabilities[_TABLE] = await reader.is_so(_TABLE_EXISTS)
    return reader.capabilities[_TABLE]


async def add(writer: Writer, look_id: UUID, video_job_id: UUID) -> None:
    """Show a video in a look; once is enough."""
    await writer.fetch(_ADD, look=look_id, job=video_job_id)


async def remove(writer: Writer, look_id: UUID, video_job_id: UUID) -> bool:
    """Take a video out of a look; return whether it was there."""
    return await writer.first(_REMOVE, look=look_id, job=video_job_id) is not None


async def clear_default(writer: Writer, look_id: UUID) -> None:
    """Leave the look without a default video."""
    await writer.fetch(_CLEAR_DEFAULT, look=look_id)


async def set_default(writer: Writer, look_id: UUID, video_job_id: UUID, *, is_default: bool) -> bool:
    """Mark a look's video; return whether the look shows it at all. The index allows one default a look."""
    return await writer.first(_SET_DEFAULT, look=look_id, job=video_job_id, is_default=is_default) is not None


async def of_looks(reader: Reader, look_ids: Sequence[UUID]) -> list[VideoInLook]:
    """Read the videos of many looks, by look, the newest of each first."""
    return await reader.fetch(_VIDEOS, looks=look_ids) if await exist(reader) else []


async def details(reader: Reader, video_job_ids: Sequence[UUID]) -> list[VideoDetails]:
    """Read what else looks show of many jobs, in no order."""
    return await reader.fetch(_DETAILS, jobs=list(dict.fromkeys(video_job_ids)))


async def first_of_looks(
    reader: Reader, look_ids: Sequence[UUID], first: int, statuses: Sequence[VideoJobStatus] | None
) -> list[VideoInLook]:
    """Read the newest `first` videos of each of many looks, by look, of these statuses if any are given."""
    if not await exist(reader):
        return []
    # Each look once, or its videos would come twice.
    looks = list(dict.fromkeys(look_ids))
    if statuses is None:
        return await reader.fetch(_first(any_status=True), looks=looks, most=first)
    return await reader.fetch(_first(any_status=False), looks=looks, most=first, statuses=list(statuses))


async def counts_of_looks(reader: Reader, look_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the videos of many looks; those without one are missing."""
    return await reader.numbers(_COUNTS, looks=look_ids) if await exist(reader) else {}


@cache
def _first(*, any_status: bool) -> Statement[VideoInLook]:
    asked = func.unnest(listed("looks", Uuid())).table_valued(column("id", Uuid)).render_derived("asked")
    newest = (
        select(*_IN_LOOKS)
        .join(VideoJob, VideoJob.id == LookVideo.video_job_id)
        .where(LookVideo.look_id == asked.c.id)
        .order_by(VideoJob.created_at.desc(), VideoJob.id.desc())
        .limit(MOST)
    )
    if not any_status:
        newest = newest.where(VideoJob.status == texts("statuses"))
    found = newest.lateral()
    query = select(*found.c).select_from(asked).join(found, true())
    order = found.c.look_id, found.c.created_at.desc(), found.c.id.desc()
    return Statement(query.order_by(*order).limit(NESTED_LIMIT), VideoInLook)


async def looks_of_jobs(reader: Reader, video_job_ids: Sequence[UUID]) -> list[LookOfJob]:
    """Read the looks that show each of many jobs."""
    return await reader.fetch(_LOOKS, jobs=video_job_ids) if await exist(reader) else []


async def brief(reader: Reader, job_id: UUID) -> list[BriefRow]:
    """Read what tells whether a client still has the newest of a job, whoever owns it, with each look that shows it.

    Nothing is asked as often, so it is one statement; there is nothing where there is no such job.
    """
    return await reader.rows_of(_BRIEF_WITH_LOOKS if await exist(reader) else _BRIEF_ALONE, job_id)
