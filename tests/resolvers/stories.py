"""What users, an admin and workers do at once and are told; `Story.check` compares it with the database."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy import select

from auth.caller import Caller, Role
from db.engine.statements import Writer
from db.enums import ACTIVE_STATUSES, ActorKind, LedgerEntryKind, Submission, VideoJobStatus
from db.looks import LookRow
from db.tables import LedgerEntry, User, VideoJob
from db.video_jobs import JobRow
from resolvers import generation, looks, submission, tokens, video_job_creation, video_jobs
from resolvers.errors import Refusal, VideoJobNotFound
from resolvers.generation import VideoJobChanged
from resolvers.policy import ACTIVE_JOB_LIMIT, BUILT_IN, VIDEO_COST
from resolvers.services import Services
from resolvers.tokens import Change, Order, Whose, consume
from resolvers.video_job_retries import asked_again
from tests.house import CATALOGUE, House
from tests.resolvers.ledger_sums import check_balance, check_use
from tests.resolvers.stages import VIDEO
from tests.wires import Answer, GraphQLWire, RestWire, Wire
from tests.worker.scripted import ScriptedStorage


@dataclass(frozen=True)
class Step:
    """Something that one user, or a worker at one of this user's jobs, does; numbers choose among what there is."""

    action: str
    user: int
    job: int
    key: str | None
    in_look: bool


@dataclass
class Story:
    """What has happened so far, as those who did it were told."""

    house: House
    callers: list[Caller]
    looks: list[LookRow]
    admin: Caller
    jobs: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    started: set[UUID] = field(default_factory=set)
    failed_with_refund: set[UUID] = field(default_factory=set)
    used: list[UUID] = field(default_factory=list)
    credited: list[UUID] = field(default_factory=list)
    replayed: set[UUID] = field(default_factory=set)

    @classmethod
    async def begun(cls, house: House, balances: list[int]) -> "Story":
        callers = [await house.user(balance) for balance in balances]
        looks = [await house.look(caller) for caller in callers]
        story = cls(house, callers, looks, await house.user(role=Role.ADMIN))
        for user in range(len(callers)):
            await story.do(Step("create_over_rest", user, 0, None, in_look=True))
            await story.do(Step("take", user, 0, None, in_look=False))
        return story

    async def do(self, step: Step) -> None:
        """Do a step; what the rules refuse, or another one was faster at, is as good as done."""
        with suppress(Refusal, VideoJobChanged):
            await ACTIONS[step.action](self, step)

    def caller(self, step: Step) -> Caller:
        return self.callers[step.user]

    def job_id(self, step: Step) -> UUID:
        """Choose one of the user's newest jobs, whatever has become of it."""
        jobs = self.jobs[self.caller(step).user_id]
        if not jobs:
            raise VideoJobNotFound
        return jobs[-1 - step.job % len(jobs)]

    async def job(self, session: Writer, step: Step) -> JobRow:
        return await video_jobs.get(session, self.caller(step), self.job_id(step))

    async def create(self, step: Step, wire: Wire) -> None:
        look = str(self.looks[step.user].id) if step.in_look else None
        answer = await wire.create(self.caller(step), lookId=look, idempotencyKey=step.key)
        self._note(step, answer)

    async def create_over_rest(self, step: Step) -> None:
        await self.create(step, RestWire(self.house))

    async def create_over_graphql(self, step: Step) -> None:
        await self.create(step, GraphQLWire(self.house))

    async def retry(self, step: Step) -> None:
        asking = asked_again(
            Services(self.house.database, ScriptedStorage(), CATALOGUE),
            self.caller(step),
            self.job_id(step),
            idempotency_key=step.key,
        )
        async with asking as asked, self.house.database.transaction() as session:
            created = await video_job_creation.create(session, self.caller(step), asked, CATALOGUE)
        if not created.replayed:
            self.jobs[self.caller(step).user_id].append(UUID(str(created.job.id)))

    async def cancel(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            await video_jobs.cancel(session, self.caller(step), self.job_id(step))

    async def cancel_over_rest(self, step: Step) -> None:
        await self._send("POST", f"{self.job_id(step)}/cancel", step)

    async def delete(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            await video_jobs.delete(session, self.caller(step), self.job_id(step))

    async def delete_over_rest(self, step: Step) -> None:
        await self._send("DELETE", str(self.job_id(step)), step)

    def whose(self, step: Step) -> Whose:
        caller = self.caller(step)
        return Whose(email=caller.email) if step.in_look else Whose(str(caller.user_id))

    async def grant(self, step: Step) -> None:
        await self._credit(step, tokens.grant_to, Order(VIDEO_COST, idempotency_key=step.key))

    async def grant_for_a_payment(self, step: Step) -> None:
        # One provider's webhook for each of the user's two payments, repeated as it likes.
        payment = f"{self.caller(step).user_id} {step.job % 2}"
        await self._credit(step, tokens.grant_to, Order(VIDEO_COST, reference=payment))

    async def adjust(self, step: Step) -> None:
        await self._credit(step, tokens.adjust, Order((-30, 7, -120)[step.job % 3], idempotency_key=step.key))

    async def _credit(self, step: Step, work: Callable[..., Awaitable[Change]], order: Order) -> None:
        async with self.house.database.transaction() as session:
            change = await work(session, self.admin, self.whose(step), order, BUILT_IN)
        if change.replayed:  # perhaps before whoever has written it is back from the commit
            assert order.idempotency_key or order.reference
            self.replayed.add(change.entry.id)
        else:
            self.credited.append(change.entry.id)

    async def set_tier(self, step: Step) -> None:
        tier = ("free", "basic", "ultimate")[step.job % 3]
        async with self.house.database.transaction() as session:
            await tokens.set_tier(session, self.admin, self.whose(step), tier, BUILT_IN)

    async def reset(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            await tokens.set_tier(session, self.admin, self.whose(step), None, BUILT_IN)

    async def consume(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            used = await consume(session, self.caller(step), BUILT_IN, "multi_modal_light", idempotency_key=step.key)
        if not used.replayed:
            self.used.append(UUID(str(used.entry.id)))

    async def consume_over_rest(self, step: Step) -> None:
        headers = self.house.headers(self.caller(step))
        body = {"operation": "text_to_text"}
        answer = await self.house.http.post("/api/v1/subscription/consume", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        if answer.json()["success"]:
            self.used.append(uuid4())

    async def link(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            await looks.link(session, self.caller(step), self.job_id(step), self.looks[step.user].id)

    async def set_default(self, step: Step) -> None:
        look_id = self.looks[step.user].id
        async with self.house.database.transaction() as session:
            await looks.set_default(session, self.caller(step), self.job_id(step), look_id, is_default=True)

    async def take(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            job = await self.job(session, step)
            if VideoJobStatus(job.status).is_terminal:
                return
            if job.submission == Submission.NEW:
                job = await submission.begin(session, await generation.take(session, job, uuid4()), "mock")
                await submission.record_operation(session, job, f"operations/{job.id}", "the test")
        self.started.add(job.id)

    async def succeed(self, step: Step) -> None:
        async with self.house.database.transaction() as session:
            job = await self.job(session, step)
            if job.status == VideoJobStatus.RUNNING:
                await generation.succeed(session, job, VIDEO)

    async def fail(self, step: Step) -> None:
        await self._fail(step, refund=False)

    async def fail_with_refund(self, step: Step) -> None:
        job_id = await self._fail(step, refund=True)
        if job_id is not None:
            self.failed_with_refund.add(job_id)

    async def _fail(self, step: Step, *, refund: bool) -> UUID | None:
        async with self.house.database.transaction() as session:
            job = await self.job(session, step)
            if job.status != VideoJobStatus.RUNNING:
                return None
            await generation.fail(session, job, "STOP", "Stopped by the test", refund=refund)
        return job.id

    async def _send(self, method: str, path: str, step: Step) -> None:
        headers = self.house.headers(self.caller(step))
        answer = await self.house.http.request(method, f"/api/v1/video-jobs/{path}", headers=headers)
        assert answer.status_code in (200, 204, 404, 409), answer.text

    def _note(self, step: Step, answer: Answer) -> None:
        assert answer.code in CREATION_REFUSALS, answer
        if answer.job is not None and not answer.replayed:
            self.jobs[self.caller(step).user_id].append(UUID(answer.job["id"]))

    async def check(self) -> None:
        """Compare what the users were told with what the database says."""
        ids = [caller.user_id for caller in self.callers]
        in_order = (LedgerEntry.created_at, LedgerEntry.id)
        async with self.house.database.session() as session:
            users = (await session.scalars(select(User).where(User.id.in_(ids)))).all()
            query = select(LedgerEntry).where(LedgerEntry.user_id.in_(ids)).order_by(*in_order)
            entries = (await session.scalars(query)).all()
            jobs = (await session.scalars(select(VideoJob).where(VideoJob.user_id.in_(ids)))).all()
        for user in users:
            own = [entry for entry in entries if entry.user_id == user.id]
            check_balance(user, own)
            check_use(user, own)
        active = Counter(job.user_id for job in jobs if job.status in ACTIVE_STATUSES)
        assert all(count <= ACTIVE_JOB_LIMIT for count in active.values()), active
        self._check_charges([entry for entry in entries if entry.video_job_id is not None])
        self._check_uses(entries)
        self._check_refunds(entries, {job.id: job for job in jobs})

    def _check_charges(self, entries: Sequence[LedgerEntry]) -> None:
        charged = [(entry.user_id, entry.video_job_id) for entry in entries if entry.kind == LedgerEntryKind.CHARGE]
        created = [(user_id, job_id) for user_id, job_ids in self.jobs.items() for job_id in job_ids]
        assert Counter(charged) == Counter(created)

    def _check_uses(self, entries: Sequence[LedgerEntry]) -> None:
        uses = [entry for entry in entries if entry.kind == LedgerEntryKind.CHARGE and entry.video_job_id is None]
        credits_ = [entry.id for entry in entries if entry.actor == ActorKind.ADMIN and entry.kind in CREDITS]
        assert len(uses) == len(self.used)
        assert Counter(credits_) == Counter(self.credited)
        assert self.replayed <= set(credits_)

    def _check_refunds(self, entries: Sequence[LedgerEntry], jobs: dict[UUID, VideoJob]) -> None:
        refunded = Counter(entry.video_job_id for entry in entries if entry.kind == LedgerEntryKind.REFUND)
        created = {job_id for job_ids in self.jobs.values() for job_id in job_ids}
        # What is not there any more was deleted; a waiting job is cancelled first.
        cancelled = {id_ for id_ in created if id_ not in jobs or jobs[id_].status == VideoJobStatus.CANCELLED}
        assert refunded == Counter((cancelled - self.started) | self.failed_with_refund)


CREDITS = (LedgerEntryKind.GRANT, LedgerEntryKind.ADJUSTMENT)
CREATION_REFUSALS = {None, "ACTIVE_JOB_LIMIT", "INSUFFICIENT_TOKENS", "IDEMPOTENCY_KEY_REUSED", "VIDEO_JOB_DELETED"}
ACTIONS: dict[str, Callable[[Story, Step], Awaitable[None]]] = {
    action.__name__: action
    for action in (
        Story.create_over_rest,
        Story.create_over_graphql,
        Story.retry,
        Story.cancel,
        Story.cancel_over_rest,
        Story.delete,
        Story.delete_over_rest,
        Story.grant,
        Story.grant_for_a_payment,
        Story.adjust,
        Story.set_tier,
        Story.reset,
        Story.consume,
        Story.consume_over_rest,
        Story.link,
        Story.set_default,
        Story.take,
        Story.succeed,
        Story.fail,
        Story.fail_with_refund,
    )
}
