"""What admins read of everybody: jobs, accounts, and the queue."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from auth.caller import AccountStatus, Caller, Role, email_of
from db import accounts, fleet, pauses, submission_pace, video_job_lists
from db.accounts import UserFilter
from db.engine.statements import Reader
from db.enums import VideoJobStatus
from db.fleet import JobsOfKind, WorkerRow
from db.pauses import PauseRow
from db.video_job_lists import MOST_CODES, ErrorCount, MadeBy, VideoJobFilter
from resolvers.errors import InvalidInput
from resolvers.models import MOCK, Catalogue
from resolvers.texts import NOBODYS, checked_text, id_or_nothing, uuid_of
from resolvers.video_job_lists import Narrowing

LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class AdminNarrowing(Narrowing):
    """What everybody's jobs are narrowed by besides, as callers write it."""

    user_id: str | None = None
    error_codes: Sequence[str] | None = None
    model: str | None = None
    provider: str | None = None

    def checked(self) -> VideoJobFilter:
        """See `Narrowing.checked`."""
        return replace(
            super().checked(),
            user_id=id_or_nothing(self.user_id),
            error_codes=_codes(self.error_codes),
            model=_name(self.model, "model"),
        )


@dataclass(frozen=True)
class ProviderQueue:
    """The jobs of a provider that wait and run, and those of the last day that have ended within the last hour.

    `blocked_until` and `trouble`: it is left alone, and why.
    """

    provider: str
    waiting: int
    running: int
    ended_last_hour: int
    oldest_waiting_since: datetime | None
    blocked_until: datetime | None
    trouble: str | None


@dataclass(frozen=True)
class QueueState:
    """All that waits and runs, who works on it, and which creations are refused meanwhile."""

    providers: Sequence[ProviderQueue]
    workers: Sequence[WorkerRow]
    pauses: Sequence[PauseRow]


def jobs(caller: Caller, narrowing: AdminNarrowing, catalogue: Catalogue) -> VideoJobFilter:
    """Return which of everybody's jobs are wanted. Those that were not sent are their future provider's, as in `queue`.

    Raises AdminRequired, InvalidInput.
    """
    caller.require_admin()
    wanted, provider = narrowing.checked(), _name(narrowing.provider, "provider")
    if provider is None:
        return wanted
    its_models = [model.id for model in catalogue.models.values() if model.provider == provider]
    return replace(wanted, made_by=MadeBy(provider, provider == MOCK, its_models))


async def failures(reader: Reader, wanted: VideoJobFilter) -> list[ErrorCount]:
    """Count the failures among jobs by code, as they are without a filter of codes, the most frequent first."""
    return await video_job_lists.count_by_error(reader, replace(wanted, error_codes=None))


def users(
    caller: Caller, search: str | None, *, tier: str | None, status: AccountStatus | None, role: Role | None
) -> UserFilter:
    """Return which accounts are wanted; the search is an id, or a part of an e-mail address.

    Raises AdminRequired, InvalidInput.
    """
    caller.require_admin()
    text = checked_text(search, "search", LONGEST_NAME)
    user_id, email = _id_or_email(text) if text else (None, None)
    return UserFilter(user_id=user_id, email=email, tier=_name(tier, "tier"), status=status, role=role)


async def job_counts(reader: Reader, caller: Caller, user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the jobs of accounts, up to `db.accounts.MOST_JOBS_COUNTED` each; raises AdminRequired."""
    caller.require_admin()
    return await accounts.job_counts(reader, user_ids)


async def queue(reader: Reader, caller: Caller, catalogue: Catalogue) -> QueueState:
    """Read what waits and runs, by provider; raises AdminRequired."""
    caller.require_admin()
    paces = {pace.provider: pace for pace in await submission_pace.paces(reader)}
    of_provider: dict[str, list[JobsOfKind]] = {name: [] for name in (*catalogue.providers, MOCK)}
    for kind in await fleet.jobs_by_kind(reader):
        of_provider.setdefault(_provider(kind, catalogue), []).append(kind)
    found = []
    for name, kinds in of_provider.items():
        pace = paces.get(name)
        is_blocked = pace is not None and pace.blocked_until > datetime.now(UTC)
        counts = Counter[str]()
        for kind in kinds:
            counts[kind.status] += kind.count
        found.append(
            ProviderQueue(
                provider=name,
                waiting=counts.pop(VideoJobStatus.PENDING, 0),
                running=counts.pop(VideoJobStatus.RUNNING, 0),
                ended_last_hour=counts.total(),
                oldest_waiting_since=min(
                    (of.oldest for of in kinds if of.status == VideoJobStatus.PENDING), default=None
                ),
                blocked_until=pace.blocked_until if pace is not None and is_blocked else None,
                trouble=None if pace is None else pace.trouble,
            )
        )
    return QueueState(found, await fleet.workers(reader), await pauses.current(reader))


def _provider(kind: JobsOfKind, catalogue: Catalogue) -> str:
    """Return who a kind of jobs was sent to, or will be."""
    if kind.provider is not None:
        return kind.provider
    return MOCK if kind.mock_mode else catalogue.provider_of(kind.model).name


def _id_or_email(text: str) -> tuple[UUID | None, str | None]:
    try:
        return uuid_of(text), None
    except ValueError:
        email = email_of(text)
    return (NOBODYS, None) if email is None else (None, email)


def _codes(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    if texts is None:
        return None
    if len(texts) > MOST_CODES:
        raise InvalidInput(f"At most {MOST_CODES} codes can be asked for at once", field="errorCode")
    return tuple(filter(None, (checked_text(text, "errorCode", LONGEST_NAME) for text in texts)))


def _name(text: str | None, field: str) -> str | None:
    """Return a name; a blank one is a form's field that nobody has filled in, and would stand for all there are."""
    name = checked_text(text, field, LONGEST_NAME)
    if name is None and text is not None:
        raise InvalidInput(f"{field} must not be blank; null stands for any", field=field)
    return name
