"""Strawberry as its documentation shows it: FastAPI's router, ORM objects behind the types, `selectinload`."""

from datetime import datetime
from typing import Any

import strawberry
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload
from strawberry.fastapi import GraphQLRouter

from bench.peers import models
from bench.peers.serving import database_url, pool_size, run


@strawberry.type
class Product:
    """A product in a look."""

    id: strawberry.ID
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    created_at: datetime
    thumbnail_url: str | None


@strawberry.type
class Video:
    """A video in a look."""

    id: strawberry.ID
    status: str
    is_default: bool
    progress_percentage: int
    created_at: datetime
    cloudinary_url: str | None
    thumbnail_url: str | None

    @classmethod
    def of(cls, link: models.LookVideo) -> "Video":
        """Build from a row."""
        job = link.video_job
        return cls(
            id=strawberry.ID(str(job.id)),
            status=job.status,
            is_default=link.is_default,
            progress_percentage=job.progress_percentage,
            created_at=job.created_at,
            cloudinary_url=job.cloudinary_url,
            thumbnail_url=job.thumbnail_url,
        )


@strawberry.type
class Look:
    """A look; its fields are read off the row."""

    id: strawberry.ID
    title: str | None
    visibility: str
    created_at: datetime
    updated_at: datetime
    generated_image_url: str
    products: list[Product]

    @strawberry.field
    def videos(self) -> list[Video]:
        """Build from rows; `self` is a row, too."""
        row: Any = self
        return [Video.of(link) for link in row.links]


@strawberry.type
class Looks:
    """A page."""

    nodes: list[Look]


def create() -> FastAPI:
    """Return the application."""
    sessions = async_sessionmaker(
        create_async_engine(database_url("postgresql+asyncpg"), pool_size=pool_size(), max_overflow=0)
    )
    schema = strawberry.Schema(_query_type(sessions))
    app = FastAPI()
    app.include_router(GraphQLRouter(schema), prefix="/graphql")
    return app


def _query_type(sessions: async_sessionmaker[AsyncSession]) -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        async def looks(self, first: int) -> Looks:
            async with sessions() as session:
                found: Any = (await session.scalars(_page(first))).all()
            return Looks(nodes=list(found))

    return Query


def _page(first: int) -> Any:  # noqa: ANN401 - a statement whose type tells nothing
    query = select(models.Look).where(models.Look.visibility == "public")
    query = query.order_by(models.Look.created_at.desc(), models.Look.id.desc()).limit(first)
    return query.options(
        selectinload(models.Look.products), selectinload(models.Look.links).selectinload(models.LookVideo.video_job)
    )


if __name__ == "__main__":
    run(create)
