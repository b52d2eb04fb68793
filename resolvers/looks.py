"""Looks, and what is in them: who may see and change which, which videos they show, and what stands for a look."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import partial
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import look_videos, looks
from db import video_jobs as video_job_rows
from db.engine.statements import Reader, Writer
from db.enums import AuditAction, Visibility
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookList, LookRow, LookView, announce
from db.video_jobs import JobRow
from resolvers import video_jobs
from resolvers.audit import Act, record_if_others
from resolvers.errors import LookNotFound, LookVideosNotMigrated, UserNotFound, VideoNotInLook
from resolvers.texts import at_most, checked_text, distinct, uuid_or, uuids_of
from resolvers.video_jobs import reading_by_parent

LONGEST_TITLE = 500
LONGEST_NOTES = 10_000
LONGEST_SEARCH = 200
MOST_SHARES = 1000
check_share_count = at_most(MOST_SHARES, f"A look can be shared with at most {MOST_SHARES} users", "sharedWithUserIds")


@dataclass(frozen=True, kw_only=True)
class ProductFields:
    """What both APIs read of a product, and its row keeps; `price` in the shop's currency."""

    name: str
    sku: str | None = None
    designer: str | None = None
    price: Decimal | None = None
    product_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewProduct(ProductFields):
    """A product of a look to be made; its image is stored already."""

    thumbnail_url: str | None = None


@dataclass(frozen=True)
class NewLook:
    """A look to be made; its image is stored already."""

    generated_image_url: str
    products: Sequence[NewProduct]
    title: str | None = None
    notes: str | None = None
    visibility: Visibility = Visibility.PRIVATE
    shared_with: Collection[UUID] = ()
    stored_bytes: int = 0


@dataclass(frozen=True)
class Thumbnail:
    """What stands for a look in a list; `url` is as stored."""

    type: Literal["image", "video"]
    url: str


async def create(writer: Writer, caller: Caller, new: NewLook, *, look_id: UUID | None = None) -> LookRow:
    """Write a look of the caller's with its products in the given order."""
    values = {
        "id": look_id or uuid7(),
        "user_id": caller.user_id,
        "title": new.title,
        "notes": new.notes,
        "generated_image_url": new.generated_image_url,
        "visibility": new.visibility,
        "stored_bytes": new.stored_bytes,
    }
    look = await looks.add(writer, values, [{"id": uuid7(), **asdict(product)} for product in new.products])
    await _share(writer, look, new.visibility, new.shared_with)
    return look


async def get(reader: Reader, caller: Caller, look_id: UUID) -> LookRow:
    """Read a look for its owner, whoever it is shared with, anyone where it is public, and admins.

    Raises LookNotFound.
    """
    look = await looks.get_visible(reader, look_id, caller.user_id, to_admin=caller.is_admin)
    if look is None:
        raise LookNotFound
    return look


async def read_many(reader: Reader, caller: Caller, look_ids: Sequence[UUID]) -> dict[UUID, LookRow]:
    """Read those of the looks that the caller may see."""
    found = await looks.get_visible_many(reader, look_ids, caller.user_id, to_admin=caller.is_admin)
    return {look.id: look for look in found}


def listed(  # noqa: PLR0913 - one parameter for each filter
    caller: Caller,
    view: LookView,
    search: str | None,
    *,
    has_videos: bool | None = None,
    visibilities: Sequence[Visibility] | None = None,
    ids: Sequence[str] | None = None,
) -> LookList:
    """Return which looks a list shows to the caller. By notes, its owner finds one in their own list, and admins.

    Raises:
        AdminRequired: for the view of all looks.
        InvalidInput: when the search cannot be one, or there are too many ids.

    """
    if view is LookView.ALL:
        caller.require_admin()
    text = checked_text(search, "search", LONGEST_SEARCH)
    visibilities = distinct(visibilities, "visibility")
    by_notes = caller.is_admin or view is LookView.MY_PRIVATE
    return LookList(view, caller.user_id, text, has_videos, visibilities, uuids_of(ids), by_notes)


async def update(writer: Writer, caller: Caller, look_id: UUID, changes: dict[str, str | None]) -> LookRow:
    """Change title and notes, whichever `changes` has; None empties one. For owner and admins.

    Raises LookNotFound, InvalidInput.
    """
    look = await lock_own(writer, caller, look_id)
    longest = {"title": LONGEST_TITLE, "notes": LONGEST_NOTES}
    checked = {name: checked_text(value, name, longest[name]) for name, value in changes.items()}
    what = ", ".join(sorted(changes))
    await record_if_others(writer, caller, Act(AuditAction.CHANGE_LOOK, look.user_id, look.id, details=what))
    return await looks.change(writer, look, **checked)


async def set_visibility(
    writer: Writer, caller: Caller, look_id: UUID, visibility: Visibility, shared_with: Collection[UUID]
) -> LookRow:
    """Decide who may see a look; the list of users replaces the old one, and only `shared` keeps one.

    Raises LookNotFound.
    """
    look = await lock_own(writer, caller, look_id)
    await _share(writer, look, visibility, shared_with)
    act = Act(AuditAction.SET_LOOK_VISIBILITY, look.user_id, look.id, details=visibility)
    await record_if_others(writer, caller, act)
    return await looks.change(writer, look, visibility=visibility)


async def lock_own(writer: Writer, caller: Caller, look_id: UUID) -> LookRow:
    """Read a look that the caller may change, kept from other writers until the transaction ends.

    Raises LookNotFound: also where it can be seen but not changed.
    """
    look = await looks.lock(writer, look_id)
    if look is None or not may_edit(caller, look):
        raise LookNotFound
    return look


def may_edit(caller: Caller, look: LookRow | LookOfJob) -> bool:
    """Whether the caller may change a look, and read what is its owner's alone."""
    return caller.is_admin or look.user_id == caller.user_id


products_by_look = reading_by_parent(looks.products_of)
shared_with_by_look = reading_by_parent(looks.shares_of)
videos_by_look = reading_by_parent(look_videos.of_looks)


def thumbnail(look: LookRow | LookOfJob, videos: Sequence[VideoInLook]) -> Thumbnail:
    """Choose the default video where it has succeeded, else the look's image (contract.md, 'Looks')."""
    for video in videos:
        if video.is_default and video.cloudinary_url is not None:
            return Thumbnail("video", video.cloudinary_url)
    return Thumbnail("image", look.generated_image_url)


def user_ids(texts: Sequence[str]) -> list[UUID]:
    """Read the ids of users whom a look is to be shared with, each once.

    Raises:
        UserNotFound: when one is no UUID.
        InvalidInput: when there are more than a look can be shared with.

    """
    check_share_count(texts)
    return list(dict.fromkeys(uuid_or(text, partial(UserNotFound, "sharedWithUserIds")) for text in texts))


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
    await _videos_changed(writer, caller, look, video_job_id, "default set" if is_default else "default unset")
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
    await _videos_changed(writer, caller, look, video_job_id, "linked")
    return look


async def unlink(writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID) -> LookRow:
    """Take a video out of a look; the video job stays; raises VideoJobNotFound, LookNotFound, VideoNotInLook."""
    _, look = await _lock_both(writer, caller, video_job_id, look_id)
    if not await look_videos.remove(writer, look.id, video_job_id):
        raise VideoNotInLook
    await _videos_changed(writer, caller, look, video_job_id, "unlinked")
    return look


async def details_by_video(reader: Reader, video_job_ids: Sequence[UUID]) -> dict[UUID, VideoDetails]:
    """Read what else is shown of videos of looks that the caller may read."""
    return {video.id: video for video in await look_videos.details(reader, video_job_ids)}


async def _share(writer: Writer, look: LookRow, visibility: Visibility, shared_with: Collection[UUID]) -> None:
    """Share with nobody unless the visibility is `shared`.

    An id without an account is kept like any other: whether somebody has an account is not for everybody to find out.
    """
    await looks.share(writer, look.id, shared_with if visibility is Visibility.SHARED else ())


async def _videos_changed(writer: Writer, caller: Caller, look: LookRow, video_job_id: UUID, what: str) -> None:
    announce(writer, look)
    act = Act(AuditAction.CHANGE_LOOK_VIDEOS, look.user_id, look.id, details=f"{what}: video job {video_job_id}")
    await record_if_others(writer, caller, act)


async def _lock_both(writer: Writer, caller: Caller, video_job_id: UUID, look_id: UUID) -> tuple[JobRow, LookRow]:
    await video_job_rows.keep(writer, video_job_id)
    job = await video_jobs.get(writer, caller, video_job_id)
    look = await lock_own(writer, caller, look_id)
    if not await look_videos.exist(writer):
        raise LookVideosNotMigrated
    return job, look
