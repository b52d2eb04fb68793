"""Looks, their products, and whom they are shared with."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Numeric, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.enums import Visibility
from db.tables.base import Base, index, one_of


class Look(Base):
    """An image with the products on it."""

    __tablename__ = "looks"
    __table_args__ = (
        one_of("visibility", Visibility),
        index("ix_looks_newest_first", "user_id", newest_first=True),
        index("ix_looks_all_newest_first", newest_first=True),
        index("ix_looks_public_newest_first", newest_first=True, where="visibility = 'public'"),
        # What a user's looks come to is read from the index alone, at each creation.
        index("ix_looks_quota", "user_id", "stored_bytes"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str | None]
    notes: Mapped[str | None]
    generated_image_url: Mapped[str]
    visibility: Mapped[str] = mapped_column(server_default=text("'private'"))
    # What its images take in the storage, the products' included; 0 where an earlier release has stored them.
    stored_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    # Title, product names, skus and, behind a mark, notes in lower case: what a search looks at, by trigrams if it can.
    search_text: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Product(Base):
    """A thing worn in a look, in the order the owner gave."""

    __tablename__ = "products"
    __table_args__ = (index("ix_products_in_order", "look_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    sku: Mapped[str | None]
    name: Mapped[str]
    designer: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    product_url: Mapped[str | None]
    thumbnail_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LookShare(Base):
    """Lets one more user see a look whose visibility is `shared`, once there is a user of that id."""

    __tablename__ = "look_shares"

    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
