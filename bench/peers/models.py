"""The tables as SQLAlchemy's tutorial maps them, with relations, for the peers that read through an ORM."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Common ground."""


class Look(Base):
    """A look."""

    __tablename__ = "looks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    visibility: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    generated_image_url: Mapped[str]
    products: Mapped[list["Product"]] = relationship(order_by="Product.position")
    links: Mapped[list["LookVideo"]] = relationship(order_by="LookVideo.video_job_id.desc()")


class Product(Base):
    """A product in a look."""

    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id"))
    position: Mapped[int]
    sku: Mapped[str | None]
    name: Mapped[str]
    designer: Mapped[str | None]
    price: Mapped[Decimal | None]
    product_url: Mapped[str | None]
    created_at: Mapped[datetime]
    thumbnail_url: Mapped[str | None]


class LookVideo(Base):
    """A video's place in a look."""

    __tablename__ = "look_videos"

    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id"), primary_key=True)
    video_job_id: Mapped[UUID] = mapped_column(ForeignKey("video_jobs.id"), primary_key=True)
    is_default: Mapped[bool]
    video_job: Mapped["VideoJob"] = relationship()


class VideoJob(Base):
    """A video."""

    __tablename__ = "video_jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    progress_percentage: Mapped[int]
    created_at: Mapped[datetime]
    cloudinary_url: Mapped[str | None]
    thumbnail_url: Mapped[str | None]
