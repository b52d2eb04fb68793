"""Which look shows which video, and which of them stands for the look."""

from collections.abc import Sequence
from uuid import UUID

from auth.caller import Caller
from db import look_videos
from db import video_jobs as video_job_rows
from db.engine.statements import Reader, Writer
from db.enums import AuditAction
from db.look_videos import VideoDetails
from db.looks import LookRow, announce
from db.video_jobs import JobRow
from resolvers import looks, video_jobs
from resolvers.audit import Act, record_if_others
from resolvers.errors import LookNotFound, LookVideosNotMigrated, VideoNotInLook
from resolvers.video_jobs import reading_by_parent


async def set_default(
    writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID, *, is_default: bool
) -> LookRow:
    """Make a video the look's default in the place of the former one, or make it none.

    Raises:
        VideoJobNotFound, LookNotFound: where job or look is not the caller's.
        VideoNotInLook: where the look does not show the video.

    """
    _, look = await _lock_both(writer, caller, video_job_id, look_id)
    if is_default:
        await look_videos.clear_default(writer, look.id)
    if not await look_videos.set_default(writer, look.id, video_job_id, is_default=is_default):
        raise VideoNotInLook
    await _changed(writer, caller, look, video_job_id, "default set" if is_default else "default unset")
    return look


async def link(writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID) -> LookRow:
    """Show a video of the caller's in a look of the caller's; once is enough.

    A look shows its owner's videos only, also where an admin links them: a job's owner sees the looks that show it.

    Raises VideoJobNotFound, LookNotFound, LookVideosNotMigrated.
    """
    job, look = await _lock_both(writer, caller, video_job_id, look_id)
    if job.user_id != look.user_id:
        raise LookNotFound
    await look_videos.add(writer, look.id, video_job_id)
    await _changed(writer, caller, look, video_job_id, "linked")
    return look


async def unlink(writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID) -> LookRow:
    """Take a video out of a look; the video job stays; raises VideoJobNotFound, LookNotFound, VideoNotInLook."""
    _, look = await _lock_both(writer, caller, video_job_id, look_id)
    if not await look_videos.remove(writer, look.id, video_job_id):
        raise VideoNotInLook
    await _changed(writer, caller, look, video_job_id, "unlinked")
    return look


videos_by_look = reading_by_parent(look_videos.of_looks)


async def details_by_video(reader: Reader, video_job_ids: Sequence[UUID]) -> dict[UUID, VideoDetails]:
    """Read what else is shown of videos of looks that the caller may read."""
    return {video.id: video for video in await look_videos.details(reader, video_job_ids)}


async def _changed(writer: Writer, caller: Caller, look: LookRow, video_job_id: UUID, what: str) -> None:
    announce(writer, look)
    act = Act(AuditAction.CHANGE_LOOK_VIDEOS, look.user_id, look.id, details=f"{what}: video job {video_job_id}")
    await record_if_others(writer, caller, act)


async def _lock_both(writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID) -> tuple[JobRow, LookRow]:
    await video_job_rows.keep(writer, video_job_id)
    job = await video_jobs.get(writer, caller, video_job_id)
    look = await looks.lock_own(writer, caller, look_id)
    if not await look_videos.exist(writer):
        raise LookVideosNotMigrated
    return job, look
