"""Statements on what generators have used: written with a job's video, read by job, and added up by user or day."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Double, SQLColumnExpression, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from db.engine.statements import MOST, Reader, Row, Statement, Writer, among, given_columns
from db.tables import GenerationCost


@dataclass(frozen=True)
class Cost:
    """What a video has used: seconds of video, tokens by kind, and an estimate in money where there is one."""

    provider: str
    seconds: float
    currency: str
    tokens: Mapping[str, int] = field(default_factory=dict)
    estimate: Decimal | None = None


class CostRow(Row):
    """The same of one job; tokens as JSON."""

    video_job_id: UUID
    provider: str
    seconds: float
    tokens: str
    total_tokens: int
    estimate: float | None
    currency: str


class CostSum(Row):
    """What videos of one user or day (UTC) have used, in one currency; `unestimated` is how many have no price."""

    group: str
    videos: int
    seconds: float
    total_tokens: int
    estimate: float
    unestimated: int
    currency: str


_T = GenerationCost
_TOKENS = cast(_T.tokens, Text)
_ADD = Statement(insert(_T).values(given_columns(_T) | {"tokens": cast(bindparam("tokens", type_=Text), JSONB)}))
_OF_JOBS = Statement(
    select(
        _T.video_job_id, _T.provider, _T.seconds, _TOKENS, _T.total_tokens, cast(_T.estimate, Double), _T.currency
    ).where(_T.video_job_id == among("jobs")),
    CostRow,
)


def _sums(group: SQLColumnExpression[str], order: SQLColumnExpression[object]) -> Statement[CostSum]:
    estimate = cast(func.coalesce(func.sum(_T.estimate), 0), Double)
    since, until = (bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until"))
    return Statement(
        select(
            group,
            func.count(),
            func.sum(_T.seconds),
            cast(func.sum(_T.total_tokens), BigInteger),
            estimate,
            func.count().filter(_T.estimate.is_(None)),
            _T.currency,
        )
        .where(_T.created_at >= since, _T.created_at < until)
        .group_by(group, _T.currency)
        .order_by(order, group, _T.currency)
        .limit(MOST),
        CostSum,
        is_slow=True,
    )


_DAY = func.to_char(func.timezone("UTC", _T.created_at), "YYYY-MM-DD", type_=Text)
_BY_USER = _sums(cast(_T.user_id, Text), func.sum(_T.seconds).desc())
_BY_DAY = _sums(_DAY, _DAY.desc())


async def add(writer: Writer, video_job_id: UUID, user_id: UUID, model: str, cost: Cost) -> None:
    """Write what a job's video has used."""
    tokens = {"tokens": json.dumps(dict(cost.tokens)), "total_tokens": sum(cost.tokens.values())}
    await writer.fetch(_ADD, video_job_id=video_job_id, user_id=user_id, model=model, **vars(cost) | tokens)


async def of_jobs(reader: Reader, video_job_ids: Sequence[UUID]) -> list[CostRow]:
    """Read what the videos of jobs have used."""
    return await reader.fetch(_OF_JOBS, jobs=video_job_ids)


async def by_user(reader: Reader, since: datetime, until: datetime, *, limit: int) -> list[CostSum]:
    """Add up by user, who has used the most first."""
    return await reader.fetch(_BY_USER, since=since, until=until, most=limit)


async def by_day(reader: Reader, since: datetime, until: datetime, *, limit: int) -> list[CostSum]:
    """Add up by day (UTC), the newest first."""
    return await reader.fetch(_BY_DAY, since=since, until=until, most=limit)
