"""Statements on looks and on what is in them. Those that take many ids serve the dataloaders: one round trip a list."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select

from db.models import Look, LookShare, LookVideo, Product, User, VideoJob, Visibility
from db.pages import Page, Position, newest_first
from db.session import Session


class VideoInLook(NamedTuple):
    """A job beside its place in a look."""

    look_id: UUID
    is_default: bool
    video_job: VideoJob


class JobOfLook(NamedTuple):
    """A look beside one of the jobs that it shows."""

    video_job_id: UUID
    look: Look


class SharedWith(NamedTuple):
    """A user whom a look is shared with."""

    look_id: UUID
    user: User


async def add(session: Session, look: Look, products: Collection[Product]) -> None:
    """Write a new look with its products; the columns that the database fills in are read back."""
    session.add(look)
    await session.flush()
    session.add_all(products)
    await session.refresh(look)


async def get_owned(session: Session, look_id: UUID, user_id: UUID) -> Look | None:
    """Read a look of that user and keep it from being deleted until the transaction ends."""
    query = select(Look).where(Look.id == look_id, Look.user_id == user_id)
    return await session.scalar(query.with_for_update(read=True, key_share=True))


async def get_visible(session: Session, look_id: UUID, user_id: UUID, *, to_admin: bool) -> Look | None:
    """Read a look if that user may see it."""
    query = select(Look).where(Look.id == look_id)
    return await session.scalar(query if to_admin else query.where(_visible_to(user_id)))


async def page_of_owner(session: Session, user_id: UUID, *, first: int, after: Position | None) -> Page[Look]:
    """Read a page of a user's own looks, newest first."""
    query = select(Look).where(Look.user_id == user_id)
    return await newest_first(session, query, (Look.created_at, Look.id), first=first, after=after)


async def products_of(session: Session, look_ids: Sequence[UUID]) -> Sequence[Product]:
    """Read the products of many looks, each look's in its owner's order."""
    query = select(Product).where(Product.look_id.in_(look_ids)).order_by(Product.look_id, Product.position)
    return (await session.scalars(query)).all()


async def videos_of(session: Session, look_ids: Sequence[UUID]) -> list[VideoInLook]:
    """Read the videos of many looks, newest first."""
    query = (
        select(LookVideo.look_id, LookVideo.is_default, VideoJob)
        .join(VideoJob, VideoJob.id == LookVideo.video_job_id)
        .where(LookVideo.look_id.in_(look_ids))
        .order_by(VideoJob.created_at.desc(), VideoJob.id.desc())
    )
    return [VideoInLook(*row) for row in await session.execute(query)]


async def shares_of(session: Session, look_ids: Sequence[UUID]) -> list[SharedWith]:
    """Read whom many looks are shared with, in the order of sharing."""
    query = (
        select(LookShare.look_id, User)
        .join(User, User.id == LookShare.user_id)
        .where(LookShare.look_id.in_(look_ids))
        .order_by(LookShare.created_at, LookShare.user_id)
    )
    return [SharedWith(*row) for row in await session.execute(query)]


async def of_video_jobs(session: Session, video_job_ids: Sequence[UUID]) -> list[JobOfLook]:
    """Read the looks that show each of many jobs."""
    query = (
        select(LookVideo.video_job_id, Look)
        .join(Look, Look.id == LookVideo.look_id)
        .where(LookVideo.video_job_id.in_(video_job_ids))
        .order_by(LookVideo.created_at, Look.id)
    )
    return [JobOfLook(*row) for row in await session.execute(query)]


def _visible_to(user_id: UUID) -> ColumnElement[bool]:
    shared = exists().where(LookShare.look_id == Look.id, LookShare.user_id == user_id)
    return or_(
        Look.user_id == user_id,
        Look.visibility == Visibility.PUBLIC,
        (Look.visibility == Visibility.SHARED) & shared,
    )
