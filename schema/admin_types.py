"""What admins see of everybody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid5

import strawberry

from auth.caller import AccountStatus, Role
from db import video_job_lists
from db.accounts import MOST_JOBS_COUNTED, UserRow
from db.audit import AuditRow
from db.engine.paging import MOST_COUNTED
from db.enums import AuditAction, AuditActor, PauseScope, VideoJobStatus
from db.pauses import PauseRow
from db.specification import values_of
from db.video_job_lists import Durations, ErrorCount
from graphql_server.fields import attribute, column
from resolvers import admin_lists
from resolvers.admin_lists import AdminNarrowing, QueueState
from resolvers.tokens import Wallet
from schema.context import RequestContext, Shown
from schema.fields import User, shows
from schema.tokens import TokenAccount
from schema.video_job_connection import VideoJobConnection


@strawberry.input(description="Which of everybody's video jobs; all that is given has to hold.")
class AdminVideoJobFilter:
    """What admins list and change jobs by."""

    user_id: strawberry.ID | None = strawberry.field(default=None, description="Of this user")
    statuses: list[VideoJobStatus] | None = strawberry.field(
        name="status", default=None, description="Of one of these statuses"
    )
    error_codes: list[str] | None = strawberry.field(
        name="errorCode", default=None, description="Failed for one of these reasons"
    )
    model: str | None = strawberry.field(default=None, description="Of this model")
    provider: str | None = strawberry.field(
        default=None, description="Made by this provider, or still to be sent to it"
    )
    created_after: datetime | None = strawberry.field(default=None, description="Made then or later")
    created_before: datetime | None = strawberry.field(default=None, description="Made before")
    look_id: strawberry.ID | None = strawberry.field(default=None, description="Shown by this look")
    search: str | None = strawberry.field(default=None, description="With this in the prompt, in any case")
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Of these ids, at most 100")

    def narrowing(self) -> AdminNarrowing:
        """Return the filter as the rules take it."""
        return AdminNarrowing(**values_of(self, AdminNarrowing))


@strawberry.type(description="How many video jobs failed for a reason.")
class VideoJobFailureCount:
    """See `db.video_job_lists.ErrorCount`."""

    error_code: str = strawberry.field(description="Stable, for programs")
    count: int = strawberry.field(description="How many")


@strawberry.type(description="How long video jobs took from their start to their success, in seconds.")
class VideoJobDurations:
    """See `db.video_job_lists.Durations`."""

    count: int = strawberry.field(default=0, description="How many have succeeded")
    average: float | None = strawberry.field(default=None, description="The mean; null where none has")
    median: float | None = strawberry.field(default=None, description="What half of them took at most")
    percentile_95: float | None = strawberry.field(default=None, description="What 95 of 100 took at most")
    longest: float | None = strawberry.field(default=None, description="What none exceeded")


async def _failures(
    connections: Sequence["AdminVideoJobConnection"], context: RequestContext
) -> list[list[ErrorCount]]:
    return [await admin_lists.failures(context.reader, shown.wanted) for shown in connections]


async def _durations(
    connections: Sequence["AdminVideoJobConnection"], context: RequestContext
) -> list[Durations | VideoJobDurations]:
    return [
        await video_job_lists.durations(context.reader, shown.wanted) or VideoJobDurations() for shown in connections
    ]


@strawberry.type(description="A page of everybody's video jobs.")
class AdminVideoJobConnection(VideoJobConnection):
    """Relay's connection, with what operators look at."""

    failures_by_code: list[VideoJobFailureCount] = column(
        _failures,
        "How many of them failed for which reason, the most frequent first, under the same filter but `errorCode`; "
        f"counted up to {MOST_COUNTED:,} in all, when it is asked for",
    )
    durations: VideoJobDurations = column(_durations, "How long those took that have succeeded")


async def _job_counts(users: Sequence[UserRow], context: RequestContext) -> list[int]:
    return await context.readable(admin_lists.job_counts, int).load_all([user.id for user in users])


def _account_ids(users: Sequence[UserRow], _context: RequestContext) -> list[str]:
    return [str(uuid5(user.id, "account")) for user in users]


def _wallets(users: Sequence[UserRow], context: RequestContext) -> list[Wallet]:
    return [Wallet(user, context.services.catalogue.policy.tier(user.tier)) for user in users]


@strawberry.type(description="An account, as admins see it.")
class AdminUser:
    """See `db.accounts.UserRow`."""

    id: strawberry.ID = column(_account_ids, "A UUID of its own, always the same")
    user_id: strawberry.ID = attribute("id", "The user's id, a UUID")
    email: str | None = strawberry.field(description="Their e-mail address")
    name: str | None = strawberry.field(description="What they are called")
    status: AccountStatus = strawberry.field(description="Whether it may act; its tokens may say less")
    role: Role = strawberry.field(description="What it may do; its tokens may say more")
    created_at: datetime = strawberry.field(description="When they were first seen; UTC")
    tokens: TokenAccount = column(_wallets, "What there is to spend")
    video_job_count: int = column(_job_counts, f"How many video jobs they have; counted up to {MOST_JOBS_COUNTED:,}")


@strawberry.type(description="The video jobs in progress of a provider.")
class AdminProviderQueue:
    """See `resolvers.admin_lists.ProviderQueue`."""

    provider: str = strawberry.field(description="Who makes the videos: `veo`, `omni` or `mock`")
    waiting: int = strawberry.field(description="How many wait for a worker")
    running: int = strawberry.field(description="How many are with a worker")
    ended_last_hour: int = strawberry.field(
        description="How many jobs of the last 24 hours have ended within the last one"
    )
    oldest_waiting_since: datetime | None = strawberry.field(description="When the oldest waiting one was made; UTC")
    blocked_until: datetime | None = strawberry.field(description="Until when it is sent nothing; null: it is; UTC")
    trouble: str | None = strawberry.field(description="Why it refuses us, since it last accepted a job")


@strawberry.type(description="A worker that holds video jobs; one without a job is not known to the database.")
class AdminWorker:
    """See `db.fleet.WorkerRow`."""

    id: strawberry.ID = strawberry.field(description="Its own, from its start to its end")
    running: int = strawberry.field(description="How many jobs it holds")
    last_heartbeat_at: datetime = strawberry.field(description="When it was last heard of; UTC")


@strawberry.type(description="Creations that are refused at present, by an operator's will.")
class AdminPause(Shown[PauseRow]):
    """See `db.pauses.PauseRow`."""

    scope: PauseScope = strawberry.field(description="Which creations")
    reason: str = strawberry.field(description="Why, for a person")


def _all_providers(name: str, description: str) -> Any:  # noqa: ANN401 - as `column`
    """Return a field for a number that there is of each provider."""

    def added(states: Sequence[QueueState], _context: RequestContext) -> list[int]:
        return [sum(getattr(queue, name) for queue in state.providers) for state in states]

    return column(added, description)


def _oldest(states: Sequence[QueueState], _context: RequestContext) -> list[datetime | None]:
    since = [[queue.oldest_waiting_since for queue in state.providers] for state in states]
    return [min(filter(None, times), default=None) for times in since]


@strawberry.type(description="What waits and runs in the whole fleet.")
class AdminQueue(Shown[QueueState]):
    """See `resolvers.admin_lists.QueueState`."""

    waiting: int = _all_providers("waiting", "How many video jobs wait for a worker")
    running: int = _all_providers("running", "How many are with a worker")
    ended_last_hour: int = _all_providers(
        "ended_last_hour", "How many jobs of the last 24 hours have ended within the last one"
    )
    oldest_waiting_since: datetime | None = column(_oldest, "When the oldest waiting one was made; UTC")
    providers: list[AdminProviderQueue] = strawberry.field(description="The same by provider")
    workers: list[AdminWorker] = strawberry.field(description="Who holds jobs, at most 200")
    pauses: list[AdminPause] = strawberry.field(description="Which creations are refused")


@strawberry.type(description="How many tokens all have used on a day, less what was given back.")
class AdminSpendingDay:
    """See `resolvers.limits.spent_by_day`."""

    day: str = strawberry.field(description="In UTC, such as `2026-11-28`")
    tokens: float = strawberry.field(description="How many, charged or of unlimited accounts")


@strawberry.type(description="How many tokens all have used lately.")
class AdminSpending:
    """The answer of `adminSpending`."""

    ceiling: float | None = strawberry.field(
        description="How many all together may use in a day before creations are refused; null: no ceiling"
    )
    days: list[AdminSpendingDay] = strawberry.field(description="Each day, the oldest first, today last")


def _users(rows: Sequence[AuditRow], _context: RequestContext) -> list[User | None]:
    return [None if row.user_id is None else User.of(row.user_id) for row in rows]


@shows(AuditRow)
class AuditEntry:
    """An act of an admin or an operator on what is not their own."""

    id: strawberry.ID
    action: AuditAction
    actor: AuditActor
    actor_id: strawberry.ID | None
    actor_email: str | None
    user_id: strawberry.ID | None
    user: User | None = column(_users, "Whom it was done to; null where it concerned nobody alone")
    object_id: strawberry.ID | None
    reason: str | None
    details: str | None
    created_at: datetime
