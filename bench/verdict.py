"""What has to be true after a run, however many workers died in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, or_, select

from bench.stage import OMNI, VEO, Stage, public_id
from db.enums import LedgerEntryKind, VideoJobStatus
from db.tables import FileRemoval, LedgerEntry, User, VideoJob, VideoJobImage
from media.video_properties import NotAVideo
from media.videos import probe
from providers.omni.requests import without_role_words
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.omni import OmniDouble
from tests.doubles.veo import VeoDouble


@dataclass(frozen=True)
class Scene:
    """All that is looked at: the house, and the doubles around it."""

    stage: Stage
    veo: VeoDouble
    omni: OmniDouble
    cloudinary: CloudinaryDouble

    def accepted_by_prompt(self) -> Counter[str | None]:
        """Return how many generations were started for each prompt, wherever."""
        counts = self.veo.accepted_by_prompt()
        for text, times in self.omni.accepted_by_prompt().items():
            counts[without_role_words(text)] += times
        return counts


async def violations(scene: Scene) -> list[str]:
    """Return what is not as it has to be, a sentence each."""
    jobs = await scene.stage.jobs()
    return [
        *_unfinished(jobs),
        *_submitted_twice(scene, jobs),
        *_not_whole(scene, jobs),
        *await _wrongly_charged(scene.stage, jobs),
        *await _wrong_balances(scene.stage),
        *(await unowned_files(scene))["not scheduled"] * ["A file has no owner, and nobody is to remove it"],
    ]


async def unowned_files(scene: Scene) -> Counter[str]:
    """Count the files that no job owns: those that are scheduled to be removed, and those that are not."""
    async with scene.stage.database.session() as session:
        scheduled = set(await session.scalars(select(FileRemoval.address)))
        images = set(
            await session.scalars(
                select(VideoJobImage.address)
                .join(VideoJob, VideoJob.id == VideoJobImage.video_job_id)
                .outerjoin(FileRemoval, FileRemoval.address == VideoJobImage.address)
                # While it is made; then for as long as it may be made once more, to be removed after that.
                .where(or_(VideoJob.completed_at.is_(None), FileRemoval.due_at > func.now()))
            )
        )
    succeeded = {public_id(job.id) for job in await scene.stage.jobs() if job.status == VideoJobStatus.SUCCEEDED}
    owned = succeeded | {name for _, name in scene.cloudinary.files if any(name in address for address in images)}
    unowned = [name for _, name in scene.cloudinary.files if name not in owned]
    to_go = [any(f"{name}." in address for address in scheduled) for name in unowned]
    return Counter("scheduled for removal" if is_to_go else "not scheduled" for is_to_go in to_go)


def _unfinished(jobs: Sequence[VideoJob]) -> Iterator[str]:
    for job in jobs:
        if not VideoJobStatus(job.status).is_terminal:
            yield f"Job {job.id} is still {job.status}, {job.submission}, {job.status_message!r}"


def _submitted_twice(scene: Scene, jobs: Sequence[VideoJob]) -> Iterator[str]:
    accepted = scene.accepted_by_prompt()
    for job in jobs:
        times = accepted[job.prompt]
        most = 1 if job.error_code == "SUBMISSION_UNCERTAIN" else job.attempt
        if times > most:
            yield f"Job {job.id}, {job.status} {job.error_code}, was accepted {times} times in {job.attempt} attempts"
        if job.status == VideoJobStatus.SUCCEEDED and not times:
            yield f"Job {job.id} has a video that nobody ever made"


def _not_whole(scene: Scene, jobs: Sequence[VideoJob]) -> Iterator[str]:
    generated = {VEO: sha256(scene.veo.video).hexdigest(), OMNI: sha256(scene.omni.video).hexdigest()}
    for job in jobs:
        if job.status != VideoJobStatus.SUCCEEDED:
            continue
        upload = scene.cloudinary.files.get(("video", public_id(job.id)))
        if upload is None:
            yield f"The video of job {job.id} is not stored"
        elif job.generate_audio and upload.sha256 != generated[job.model]:
            yield f"The video of job {job.id} is not what was generated"
        else:
            try:
                properties = probe(upload.path)
            except NotAVideo as error:
                yield f"The video of job {job.id} is broken: {error}"
            else:
                if properties.has_audio != job.generate_audio:
                    yield f"The video of job {job.id} has the wrong sound"


async def _wrongly_charged(stage: Stage, jobs: Sequence[VideoJob]) -> list[str]:
    """Each job is charged once; the workers of a run refund what failed, once."""
    async with stage.database.session() as session:
        rows = await session.execute(
            select(LedgerEntry.video_job_id, LedgerEntry.kind, LedgerEntry.amount).where(
                LedgerEntry.video_job_id.is_not(None)
            )
        )
        entries: Counter[tuple[UUID | None, str, int]] = Counter((row[0], row[1], row[2]) for row in rows)
    expected: Counter[tuple[UUID | None, str, int]] = Counter()
    for job in jobs:
        expected[job.id, LedgerEntryKind.CHARGE, -job.tokens_consumed] += 1
        if job.status == VideoJobStatus.FAILED:
            expected[job.id, LedgerEntryKind.REFUND, job.tokens_consumed] += 1
    return [
        f"The ledger has {entries[entry]} instead of {expected[entry]} times {entry}"
        for entry in entries | expected
        if entries[entry] != expected[entry]
    ]


async def _wrong_balances(stage: Stage) -> list[str]:
    total = func.sum(LedgerEntry.amount)
    async with stage.database.session() as session:
        rows = await session.execute(
            select(User.id, User.tokens, total).join(LedgerEntry, LedgerEntry.user_id == User.id).group_by(User.id)
        )
        return [f"User {row[0]} has {row[1]} tokens, by the ledger {row[2]}" for row in rows if row[1] != row[2]]
