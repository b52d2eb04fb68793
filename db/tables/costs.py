"""What generators have used."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base


class GenerationCost(Base):
    """What the video of a job has used at its generator, and what that costs by the policy of that time.

    The row stays when the job is deleted: it was paid for.
    """

    __tablename__ = "generation_costs"
    __table_args__ = (Index("ix_generation_costs_of_user", "user_id", "created_at"),)

    video_job_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    provider: Mapped[str]
    model: Mapped[str]
    # Of video, as delivered.
    seconds: Mapped[float] = mapped_column(Double)
    # By kind, such as `output_video`; empty where the generator reports none.
    tokens: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))
    total_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    # In the policy's currency; null where no rule is about it.
    estimate: Mapped[Decimal | None] = mapped_column(Numeric(14, 6))
    currency: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
