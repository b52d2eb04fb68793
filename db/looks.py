"""Statements on looks and on what is in them. Those that take many ids serve the dataloaders: one round trip a list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.models import Look, LookShare, Product, User, Visibility
from db.pages import Listing, OffsetPage, Page, Position, newest_first, skipping
from db.session import Session

_ORDER = (Look.created_at, Look.id)
# Spelled out in the statement: a plan made for any visibility could not use the index of the public ones.
_PUBLIC = Look.visibility == bindparam("public", Visibility.PUBLIC, literal_execute=True)


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


class LookRow(NamedTuple):
    """What lists show of a look. A tuple instead of an entity, which costs several times as much to make."""

    id: UUID
    user_id: UUID
    title: str | None
    notes: str | None
    generated_image_url: str
    visibility: str
    created_at: datetime
    updated_at: datetime


class ProductRow(NamedTuple):
    """A product in a look, as a tuple for the same reason."""

    look_id: UUID
    id: UUID
    sku: str | None
    name: str
    designer: str | None
    price: Decimal | None
    product_url: str | None
    thumbnail_url: str | None
    created_at: datetime


_LOOK = tuple(getattr(Look, name) for name in LookRow._fields)
_PRODUCT = tuple(getattr(Product, name) for name in ProductRow._fields)


class SharedWith(NamedTuple):
    """A user whom a look is shared with."""

    look_id: UUID
    user: User


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


async def get_visible(session: Session, look_id: UUID, user_id: UUID, *, to_admin: bool) -> Look | None:
    """Read a look if that user may see it."""
    query = select(Look).where(Look.id == look_id)
    return await session.scalar(query if to_admin else query.where(_visible_to(user_id)))


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


async def page(session: Session, listed: LookList, *, first: int, after: Position | None) -> Page[LookRow]:
    """Read a page of a list, newest first."""
    return await newest_first(session, Listing(_query(listed), _ORDER, LookRow._make), first=first, after=after)


async def offset_page(session: Session, listed: LookList, *, skip: int, limit: int) -> OffsetPage[LookRow]:
    """Read a page of a list with its total, newest first."""
    return await skipping(session, Listing(_query(listed), _ORDER, LookRow._make), skip=skip, limit=limit)


async def share(session: Session, look_id: UUID, user_ids: Collection[UUID]) -> None:
    """Put a new list of users in the place of the old one."""
    await session.execute(delete(LookShare).where(LookShare.look_id == look_id))
    if user_ids:
        rows = [{"look_id": look_id, "user_id": user_id} for user_id in user_ids]
        await session.execute(insert(LookShare).values(rows))


async def products_of(session: Session, look_ids: Sequence[UUID]) -> list[ProductRow]:
    """Read the products of many looks, each look's in its owner's order."""
    query = select(*_PRODUCT).where(Product.look_id.in_(look_ids)).order_by(Product.look_id, Product.position)
    return [ProductRow._make(row) for row in await session.execute(query)]


async def shares_of(session: Session, look_ids: Sequence[UUID]) -> list[SharedWith]:
    """Read whom many looks are shared with, in the order of sharing."""
    query = (
        select(LookShare.look_id, User)
        .join(User, User.id == LookShare.user_id)
        .where(LookShare.look_id.in_(look_ids))
        .order_by(LookShare.created_at, LookShare.user_id)
    )
    return [SharedWith(*row) for row in await session.execute(query)]


def _query(listed: LookList) -> Select[Any]:
    query = select(*_LOOK)
    if listed.view is LookView.MY_PRIVATE:
        query = query.where(Look.user_id == listed.user_id)
    elif listed.view is LookView.SHARED_WITH_ME:
        query = query.where(_shared_with(listed.user_id))
    elif listed.view is LookView.PUBLIC:
        query = query.where(_PUBLIC)
    if listed.search:
        query = query.where(Look.search_text.contains(listed.search.lower(), autoescape=True))
    return query


def _shared_with(user_id: UUID) -> ColumnElement[bool]:
    shared = exists().where(LookShare.look_id == Look.id, LookShare.user_id == user_id)
    return and_(Look.visibility == Visibility.SHARED, shared)


def _visible_to(user_id: UUID) -> ColumnElement[bool]:
    return or_(Look.user_id == user_id, _PUBLIC, _shared_with(user_id))


def _search_text(look: Look, products: Collection[Product] | Collection[ProductRow]) -> str:
    words = [look.title, look.notes, *(word for product in products for word in (product.name, product.sku))]
    return " ".join(word for word in words if word).lower()
