"""Statements on looks and on what is in them. Those that take many ids serve the dataloaders: one round trip a list."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Double, Text, Uuid, bindparam, cast, delete, exists, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from db import look_videos
from db.engine.database import wake_up_after_commit
from db.engine.paging import ESCAPE, NESTED_LIMIT, Listing, Selection, containing, searchable
from db.engine.statements import Reader, Row, Statement, Writer, among, given_columns, spelled, texts
from db.enums import Visibility
from db.tables import Look, LookShare, LookVideo, Product

# What stands behind it in a look's `search_text` is its notes.
NOTES = "\x1f"
# Spelled out in the statement: a plan made for any visibility could not use the index of the public ones.
_PUBLIC = Look.visibility == spelled(Visibility.PUBLIC)


class LookView(StrEnum):
    """Which looks a list shows, as REST spells it (`contract.md`, 'Looks')."""

    MY_PRIVATE = "my_private"
    SHARED_WITH_ME = "shared_with_me"
    PUBLIC = "public"
    ALL = "all"


class LookRow(Row):
    """What is shown of a look, and whose it is."""

    id: UUID
    user_id: UUID
    title: str | None
    notes: str | None
    generated_image_url: str
    visibility: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class LookList(Selection[LookRow]):
    """Which looks to list: a view through the eyes of a user, narrowed by all that is not None.

    `by_notes` says whether a search finds what the notes alone have.
    """

    view: LookView
    user_id: UUID
    search: str | None = None
    has_videos: bool | None = None
    visibilities: Sequence[Visibility] | None = None
    ids: Sequence[UUID] | None = None
    by_notes: bool = True

    async def listing(self, reader: Reader) -> Listing[LookRow] | None:
        """See `Selection`. No look shows a video before the one-time migration."""
        narrowed_by = self._narrowed_by()
        if self.has_videos is not None and not await look_videos.exist(reader):
            if self.has_videos:
                return None
            narrowed_by -= {"has_videos"}
        return _listing_of(self.view, narrowed_by, has_videos=bool(self.has_videos))

    def values(self) -> dict[str, object]:
        """Return the statement's parameters."""
        values: dict[str, object] = {"viewer": self.user_id} if self.view in _VIEWERS else {}
        if self.search:
            text = searchable(self.search)
            values |= {"pattern": containing(text)} | ({} if self.by_notes else {"sought": text})
        return values | {name: getattr(self, name) for name in self._narrowed_by() & {"visibilities", "ids"}}

    def _narrowed_by(self) -> frozenset[str]:
        given = [name for name in ("has_videos", "visibilities", "ids") if getattr(self, name) is not None]
        searched = ["search"] if self.by_notes else ["search", "sought"]
        return frozenset([*given, *searched] if self.search else given)


class ProductRow(Row):
    """A product in a look; `price` in the shop's currency."""

    look_id: UUID
    id: UUID
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    thumbnail_url: str | None
    created_at: datetime


_LOOK = LookRow.columns_of(Look)
_PRODUCT = [cast(it, Double) if it is Product.price else it for it in ProductRow.columns_of(Product)]
_VIEWER = bindparam("viewer", type_=Uuid)


class SharedWith(Row):
    """A user whom a look is shared with. The same is said of each id, so that nobody finds out whose it is."""

    look_id: UUID
    id: UUID
    email: str | None
    name: str | None


async def add(writer: Writer, look: Mapping[str, object], products: Sequence[Mapping[str, object]]) -> LookRow:
    """Write a new look, given by its columns, with its products in their order."""
    words = _search_text(look["title"], look["notes"], ((product["name"], product["sku"]) for product in products))
    written = await writer.only(_ADD, **look, search_text=words)
    for position, product in enumerate(products):
        await writer.fetch(_ADD_PRODUCT, **product, look_id=written.id, position=position)
    return written


async def lock(writer: Writer, look_id: UUID) -> LookRow | None:
    """Read a look and keep every other writer of it waiting until the transaction ends."""
    return await writer.first(_LOCK, look=look_id)


async def get_visible(reader: Reader, look_id: UUID, user_id: UUID, *, to_admin: bool) -> LookRow | None:
    """Read a look if that user may see it."""
    return next(iter(await get_visible_many(reader, [look_id], user_id, to_admin=to_admin)), None)


async def get_visible_many(reader: Reader, look_ids: Sequence[UUID], user_id: UUID, *, to_admin: bool) -> list[LookRow]:
    """Read those of the looks that that user may see."""
    if to_admin:
        return await reader.fetch(_ANY_LOOKS, looks=look_ids)
    return await reader.fetch(_VISIBLE_LOOKS, looks=look_ids, viewer=user_id)


async def change(writer: Writer, look: LookRow, **values: object) -> LookRow:
    """Set title, notes or visibility of a locked look, and keep its search text up to date."""
    kept = {"title": look.title, "notes": look.notes, "visibility": look.visibility} | values
    products = await products_of(writer, [look.id])
    words = _search_text(kept["title"], kept["notes"], ((product.name, product.sku) for product in products))
    changed = await writer.only(_CHANGE, look=look.id, **kept, search_text=words)
    announce(writer, look)
    return changed


async def remove(writer: Writer, look: LookRow) -> None:
    """Delete a look; its products, shares and links go with it, its video jobs stay."""
    await writer.fetch(_REMOVE, look=look.id)
    announce(writer, look)


def announce(writer: Writer, look: LookRow) -> None:
    """Wake those who follow a look, as for a job of its owner's."""
    wake_up_after_commit(writer, look.id, 0, look.user_id)


async def share(writer: Writer, look_id: UUID, user_ids: Collection[UUID]) -> None:
    """Put a new list of users in the place of the old one."""
    await writer.fetch(_UNSHARE, look=look_id)
    if user_ids:
        await writer.fetch(_SHARE, look=look_id, users=list(user_ids))


async def products_of(reader: Reader, look_ids: Sequence[UUID]) -> list[ProductRow]:
    """Read the products of many looks, each look's in its owner's order."""
    return await reader.fetch(_PRODUCTS, looks=look_ids)


async def shares_of(reader: Reader, look_ids: Sequence[UUID]) -> list[SharedWith]:
    """Read whom many looks are shared with, in the order of sharing."""
    return await reader.fetch(_SHARES, looks=look_ids)


@lru_cache
def _listing_of(view: LookView, narrowed_by: frozenset[str], *, has_videos: bool) -> Listing[LookRow]:
    conditions = {
        "search": Look.search_text.like(bindparam("pattern"), escape=ESCAPE),
        # Beside the pattern, which has the index; a second pattern would make the planner expect hardly any rows.
        "sought": func.strpos(_BUT_NOTES, bindparam("sought", type_=Text)) > 0,
        "has_videos": _HAS_VIDEOS if has_videos else ~_HAS_VIDEOS,
        "visibilities": Look.visibility == texts("visibilities"),
        "ids": Look.id == among("ids"),
    }
    narrowing = (condition for name, condition in conditions.items() if name in narrowed_by)
    is_slow = not narrowed_by.isdisjoint({"search", "has_videos", "visibilities"})
    looks = select(*_LOOK).where(*_SHOWN[view], *narrowing)
    return Listing(looks, (Look.created_at, Look.id), LookRow, is_slow=is_slow)


_SHARES_WITH_VIEWER = exists().where(LookShare.look_id == Look.id, LookShare.user_id == _VIEWER)
_IS_SHARED = (Look.visibility == Visibility.SHARED) & _SHARES_WITH_VIEWER
_SHOWN: dict[LookView, tuple[Any, ...]] = {
    LookView.MY_PRIVATE: (Look.user_id == _VIEWER,),
    LookView.SHARED_WITH_ME: (_IS_SHARED,),
    LookView.PUBLIC: (_PUBLIC,),
    LookView.ALL: (),
}
# What they show depends on who looks.
_VIEWERS = {LookView.MY_PRIVATE, LookView.SHARED_WITH_ME}
_IS_VISIBLE = (Look.user_id == _VIEWER) | _PUBLIC | _IS_SHARED
_BUT_NOTES = func.split_part(Look.search_text, NOTES, 1)
_HAS_VIDEOS = exists().where(LookVideo.look_id == Look.id)
_ANY_LOOKS = Statement(select(*_LOOK).where(Look.id == among("looks")), LookRow)
_VISIBLE_LOOKS = Statement(select(*_LOOK).where(Look.id == among("looks"), _IS_VISIBLE), LookRow)
_IS_LOOK = Look.id == bindparam("look")
_LOCK = Statement(select(*_LOOK).where(_IS_LOOK).with_for_update(), LookRow)
_ADD = Statement(insert(Look).values(given_columns(Look)).returning(*_LOOK), LookRow)
_ADD_PRODUCT = Statement(insert(Product).values(given_columns(Product)))
_CHANGE = Statement(
    update(Look)
    .where(_IS_LOOK)
    .values({name: bindparam(name) for name in ("title", "notes", "visibility", "search_text")})
    .values(updated_at=func.now())
    .returning(*_LOOK),
    LookRow,
)
_REMOVE = Statement(delete(Look).where(_IS_LOOK))
_UNSHARE = Statement(delete(LookShare).where(LookShare.look_id == bindparam("look")))
_SHARE = Statement(
    insert(LookShare).from_select(
        ["look_id", "user_id"],
        select(bindparam("look", type_=Uuid), func.unnest(bindparam("users", type_=ARRAY(Uuid)))),
    )
)
_PRODUCTS = Statement(
    select(*_PRODUCT)
    .where(Product.look_id == among("looks"))
    .order_by(Product.look_id, Product.position)
    .limit(NESTED_LIMIT),
    ProductRow,
)
_SHARES = Statement(
    select(
        LookShare.look_id,
        LookShare.user_id.label("id"),
        *(cast(null(), Text).label(name) for name in ("email", "name")),
    )
    .where(LookShare.look_id == among("looks"))
    .order_by(LookShare.created_at, LookShare.user_id)
    .limit(NESTED_LIMIT),
    SharedWith,
)


def _search_text(title: object, notes: object, products: Iterable[tuple[object, object]]) -> str:
    words = searchable(" ".join(str(word) for word in (title, *chain.from_iterable(products)) if word))
    return f"{words}{NOTES}{searchable(str(notes))}" if notes else words
