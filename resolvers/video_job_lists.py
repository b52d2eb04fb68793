"""Lists of video jobs: the caller's own, by what they are filtered by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from auth.caller import Caller
from db import video_job_lists as rows
from db.engine.paging import OffsetPage
from db.engine.statements import Reader
from db.enums import VideoJobStatus
from db.video_job_lists import VideoJobFilter
from db.video_jobs import VideoJobRow
from resolvers.errors import InvalidInput
from resolvers.looks import LONGEST_SEARCH
from resolvers.texts import checked_text, distinct, id_or_nothing, in_utc, uuids_of


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """What a list is narrowed by, as callers write it; all that is not None has to hold."""

    statuses: Sequence[VideoJobStatus] | None = None
    look_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: str | None = None
    ids: Sequence[str] | None = None

    def checked(self) -> VideoJobFilter:
        """Return the filter, of everybody's jobs; raises InvalidInput."""
        return VideoJobFilter(
            statuses=distinct(self.statuses, "status"),
            look_id=id_or_nothing(self.look_id),
            created_after=in_utc(self.created_after, "createdAfter"),
            created_before=in_utc(self.created_before, "createdBefore"),
            search=checked_text(self.search, "search", LONGEST_SEARCH),
            ids=uuids_of(self.ids),
        )


def own(caller: Caller, narrowing: Narrowing) -> VideoJobFilter:
    """Return which of the caller's own jobs are wanted; raises InvalidInput."""
    return replace(narrowing.checked(), user_id=caller.user_id)


async def count_by_status(reader: Reader, wanted: VideoJobFilter) -> dict[VideoJobStatus, int]:
    """Count a list by status, as it is without its filter of statuses."""
    counts = await rows.count_by_status(reader, replace(wanted, statuses=None))
    return {status: counts.get(status, 0) for status in VideoJobStatus}


async def offset_page(
    reader: Reader, caller: Caller, status: str | None, *, skip: int, limit: int
) -> OffsetPage[VideoJobRow]:
    """Read a page of the caller's own jobs with their total, newest first, of one status where one is given.

    Raises InvalidInput when there is no such status.
    """
    try:
        statuses = None if status is None else [VideoJobStatus(status.strip().upper())]
    except ValueError:
        message = f"status_filter must be one of {', '.join(VideoJobStatus)}"
        raise InvalidInput(message, field="status_filter") from None
    return await own(caller, Narrowing(statuses=statuses)).offset_page(reader, skip=skip, limit=limit)
