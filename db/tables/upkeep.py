"""What workers have to know between each other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base


class FileRemoval(Base):
    """A stored file that is to go.

    A row is also written before a file is stored, for later, and taken back by the transaction that makes the file
    somebody's: so a crash leaves no file that nobody owns.
    """

    __tablename__ = "file_removals"

    address: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))


class SubmissionPace(Base):
    """What spaces the fleet's submits to a provider: when the next may go out, and when it is left alone.

    A row is written when there is something to say, so that a missing one means: at once.
    """

    __tablename__ = "submission_pace"

    provider: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_until: Mapped[datetime] = mapped_column(server_default=func.now())
    # Why the provider does not let us in, since it last did.
    trouble: Mapped[str | None]


class Worker(Base):
    """A worker that reads the queue, or did: it sets `seen_at` every few seconds."""

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
