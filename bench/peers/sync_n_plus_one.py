"""How such backends are usually written: FastAPI, a sync SQLAlchemy session, relations loaded when they are touched."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from bench.peers import models
from bench.peers.serving import database_url, pool_size, run


class Body(BaseModel):
    """What all bodies share: names as JavaScript has them, values read off rows."""

    model_config = ConfigDict(from_attributes=True, alias_generator=to_camel, populate_by_name=True)


class ProductBody(Body):
    """A product in a look."""

    id: UUID
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    created_at: datetime
    thumbnail_url: str | None


class VideoBody(Body):
    """A video in a look."""

    id: UUID
    status: str
    is_default: bool
    progress_percentage: int
    created_at: datetime
    cloudinary_url: str | None
    thumbnail_url: str | None


class LookBody(Body):
    """A look."""

    id: UUID
    title: str | None
    visibility: str
    created_at: datetime
    updated_at: datetime
    generated_image_url: str
    products: list[ProductBody]
    videos: list[VideoBody]


class LooksBody(Body):
    """A page."""

    nodes: list[LookBody]


def create() -> FastAPI:
    """Return the application."""
    engine = create_engine(database_url("postgresql+psycopg"), pool_size=pool_size(), max_overflow=0)
    sessions, app = sessionmaker(engine), FastAPI()

    def session_of_request() -> Iterator[Session]:
        with sessions() as session:
            yield session

    @app.get("/looks")
    def looks(first: int, session: Annotated[Session, Depends(session_of_request)]) -> LooksBody:
        query = select(models.Look).where(models.Look.visibility == "public")
        rows = session.scalars(query.order_by(models.Look.created_at.desc(), models.Look.id.desc()).limit(first))
        return LooksBody(nodes=[_look(row) for row in rows.all()])

    return app


def _look(row: models.Look) -> LookBody:
    return LookBody(
        id=row.id,
        title=row.title,
        visibility=row.visibility.upper(),
        created_at=row.created_at,
        updated_at=row.updated_at,
        generated_image_url=row.generated_image_url,
        products=[ProductBody.model_validate(product) for product in row.products],
        videos=[_video(link) for link in row.links],
    )


def _video(link: models.LookVideo) -> VideoBody:
    job = link.video_job
    return VideoBody(
        id=job.id,
        status=job.status,
        is_default=link.is_default,
        progress_percentage=job.progress_percentage,
        created_at=job.created_at,
        cloudinary_url=job.cloudinary_url,
        thumbnail_url=job.thumbnail_url,
    )


if __name__ == "__main__":
    run(create)
