"""Statements on looks and on what is in them. Those that take many ids serve the dataloaders: one round trip a list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from db.models import Look, LookShare, Product, User, Visibility
from db.pages import ESCAPE, Listing, OffsetPage, Page, Position, containing, newest_first, skipping
from db.session import Session
from db.statements import Id, Reader, Row, Statement, among, as_text, first_row

# Spelled out in the statement: a plan made for any visibility could not use the index of the public ones.
_PUBLIC = Look.visibility == literal_column(f"'{Visibility.PUBLIC}'")


class LookView(StrEnum):
    """Which looks a list shows, as REST spells it (`contract.md`, 'Looks')."""

    MY_PRIVATE = "my_private"
    SHARED_WITH_ME = "shared_with_me"
    PUBLIC = "public"
    ALL = "all"


class LookList(NamedTuple):
    """Which looks to list: a view through the eyes of a user, narrowed by a search where there is one."""

    view: LookView
    user_id: UUID
    search: str | None = None


class LookRow(Row):
    """What is shown of a look."""

    id: str
    title: str | None
    notes: str | None
    generated_image_url: str
    visibility: str
    created_at: datetime
    updated_at: datetime


class ProductRow(Row):
    """A product in a look; `price` in the shop's currency."""

    look_id: str
    id: str
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    thumbnail_url: str | None
    created_at: datetime


_LOOK = (as_text(Look.id), *(getattr(Look, name) for name in LookRow.columns()[1:]))
_PRODUCT = (
    as_text(Product.look_id),
    as_text(Product.id),
    Product.sku,
    Product.name,
    Product.designer,
    cast(Product.price, Double),
    Product.product_url,
    Product.thumbnail_url,
    Product.created_at,
)
_VIEWER = bindparam("viewer", type_=Uuid)


class SharedWith(Row):
    """A user whom a look is shared with."""

    look_id: str
    id: str
    email: str | None
    name: str | None


async def add(session: Session, look: Look, products: Collection[Product]) -> None:
    """Write a new look with its products; the columns that the database fills in are read back."""
    look.search_text = _search_text(look, products)
    session.add(look)
    await session.flush()
    session.add_all(products)
    await session.flush()
    await session.refresh(look)


async def get_owned(session: Session, look_id: UUID, user_id: UUID) -> Look | None:
    """Read a look of that user and keep it from being deleted until the transaction ends."""
    query = select(Look).where(Look.id == look_id, Look.user_id == user_id)
    return await session.scalar(query.with_for_update(read=True, key_share=True))


async def lock(session: Session, look_id: UUID) -> Look | None:
    """Read a look and keep every other writer of it waiting until the transaction ends."""
    return await session.get(Look, look_id, with_for_update=True, populate_existing=True)


async def get_visible(reader: Reader, look_id: UUID, user_id: UUID, *, to_admin: bool) -> LookRow | None:
    """Read a look if that user may see it."""
    if to_admin:
        return await first_row(reader, _ANY_LOOK, look=look_id)
    return await first_row(reader, _VISIBLE_LOOK, look=look_id, viewer=user_id)


async def change(session: Session, look: Look, **values: object) -> Look:
    """Set columns of a locked look and keep its search text up to date."""
    for name, value in values.items():
        setattr(look, name, value)
    look.search_text = _search_text(look, await products_of(session, [look.id]))
    look.updated_at = (await session.execute(select(func.now()))).scalar_one()
    await session.flush()
    return look


async def remove(session: Session, look: Look) -> None:
    """Delete a look; its products, shares and links go with it, its video jobs stay."""
    await session.execute(delete(Look).where(Look.id == look.id))


async def page(reader: Reader, listed: LookList, *, first: int, after: Position | None) -> Page[LookRow]:
    """Read a page of a list, newest first."""
    return await newest_first(reader, _listing(listed), _values(listed), first=first, after=after)


async def offset_page(reader: Reader, listed: LookList, *, skip: int, limit: int) -> OffsetPage[LookRow]:
    """Read a page of a list with its total, newest first."""
    return await skipping(reader, _listing(listed), _values(listed), skip=skip, limit=limit)


async def share(session: Session, look_id: UUID, user_ids: Collection[UUID]) -> None:
    """Put a new list of users in the place of the old one."""
    await session.execute(delete(LookShare).where(LookShare.look_id == look_id))
    if user_ids:
        rows = [{"look_id": look_id, "user_id": user_id} for user_id in user_ids]
        await session.execute(insert(LookShare).values(rows))


async def products_of(reader: Reader, look_ids: Sequence[Id]) -> list[ProductRow]:
    """Read the products of many looks, each look's in its owner's order."""
    return await reader.fetch(_PRODUCTS, looks=look_ids)


async def shares_of(reader: Reader, look_ids: Sequence[Id]) -> list[SharedWith]:
    """Read whom many looks are shared with, in the order of sharing."""
    return await reader.fetch(_SHARES, looks=look_ids)


def _listing(listed: LookList) -> Listing[LookRow]:
    return _listing_of(listed.view, searching=bool(listed.search))


def _values(listed: LookList) -> dict[str, object]:
    values: dict[str, object] = {"viewer": listed.user_id} if listed.view in _VIEWERS else {}
    return values | {"pattern": containing(listed.search.lower())} if listed.search else values


@lru_cache
def _listing_of(view: LookView, *, searching: bool) -> Listing[LookRow]:
    query: Select[*tuple[Any, ...]] = select(*_LOOK).where(*_SHOWN[view])
    if searching:
        query = query.where(Look.search_text.like(bindparam("pattern"), escape=ESCAPE))
    return Listing(query, (Look.created_at, Look.id), LookRow)


def _shared_with_viewer() -> ColumnElement[bool]:
    shared = exists().where(LookShare.look_id == Look.id, LookShare.user_id == _VIEWER)
    return and_(Look.visibility == Visibility.SHARED, shared)


_SHOWN: dict[LookView, tuple[ColumnElement[bool], ...]] = {
    LookView.MY_PRIVATE: (Look.user_id == _VIEWER,),
    LookView.SHARED_WITH_ME: (_shared_with_viewer(),),
    LookView.PUBLIC: (_PUBLIC,),
    LookView.ALL: (),
}
# What they show depends on who looks.
_VIEWERS = {LookView.MY_PRIVATE, LookView.SHARED_WITH_ME}
_ANY_LOOK = Statement(select(*_LOOK).where(Look.id == bindparam("look")), LookRow)
_VISIBLE_LOOK = Statement(
    select(*_LOOK).where(Look.id == bindparam("look"), or_(Look.user_id == _VIEWER, _PUBLIC, _shared_with_viewer())),
    LookRow,
)
_PRODUCTS = Statement(
    select(*_PRODUCT).where(Product.look_id == among("looks")).order_by(Product.look_id, Product.position), ProductRow
)
_SHARES = Statement(
    select(as_text(LookShare.look_id), as_text(User.id), User.email, User.name)
    .join(User, User.id == LookShare.user_id)
    .where(LookShare.look_id == among("looks"))
    .order_by(LookShare.created_at, LookShare.user_id),
    SharedWith,
)


def _search_text(look: Look, products: Collection[Product] | Collection[ProductRow]) -> str:
    words = [look.title, look.notes, *(word for product in products for word in (product.name, product.sku))]
    return " ".join(word for word in words if word).lower()
