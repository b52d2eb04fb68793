"""Looks, and what is in them: who may see and change which, and which thumbnail stands for a look."""

from collections.abc import Collection, Sequence, Sized
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import looks
from db.engine.statements import Reader, Writer
from db.enums import AuditAction, Visibility
from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookList, LookRow, LookView, ProductRow, SharedWith
from resolvers.audit import Act, record_if_others
from resolvers.errors import InvalidInput, LookNotFound, UserNotFound
from resolvers.texts import checked_text, distinct, uuid_of, uuids_of
from resolvers.video_jobs import by_parent

LONGEST_TITLE = 500
LONGEST_NOTES = 10_000
LONGEST_SEARCH = 200
MOST_SHARES = 1000


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


async def products_by_look(reader: Reader, look_ids: Sequence[UUID]) -> dict[UUID, list[ProductRow]]:
    """Read the products of looks that the caller was let read."""
    return by_parent(await looks.products_of(reader, look_ids))


async def shared_with_by_look(reader: Reader, look_ids: Sequence[UUID]) -> dict[UUID, list[SharedWith]]:
    """Read whom looks are shared with."""
    return by_parent(await looks.shares_of(reader, look_ids))


def thumbnail(look: LookRow | LookOfJob, videos: Sequence[VideoInLook]) -> Thumbnail:
    """Choose the default video where it has succeeded, else the look's image (contract.md, 'Looks')."""
    for video in videos:
        if video.is_default and video.cloudinary_url is not None:
            return Thumbnail("video", video.cloudinary_url)
    return Thumbnail("image", look.generated_image_url)


def check_share_count(user_ids: Sized) -> None:
    """Refuse a list of users before anything looks at them.

    Raises InvalidInput when there are more than a look can be shared with.
    """
    if len(user_ids) > MOST_SHARES:
        raise InvalidInput(f"A look can be shared with at most {MOST_SHARES} users", field="sharedWithUserIds")


def user_ids(texts: Sequence[str], field: str) -> list[UUID]:
    """Read user ids, each once.

    Raises:
        UserNotFound: when one is no UUID.
        InvalidInput: when there are more than a look can be shared with.

    """
    check_share_count(texts)
    try:
        return list(dict.fromkeys(uuid_of(text) for text in texts))
    except ValueError:
        raise UserNotFound(field) from None


async def _share(writer: Writer, look: LookRow, visibility: Visibility, shared_with: Collection[UUID]) -> None:
    """Share with nobody unless the visibility is `shared`.

    An id without an account is kept like any other: whether somebody has an account is not for everybody to find out.
    """
    await looks.share(writer, look.id, shared_with if visibility is Visibility.SHARED else ())
