"""The video models and who makes them: the one table from an accepted id to a provider, its own id, and what it can do.

Which providers there are, with their models and limits, the application says (`app.registry`).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from db.enums import Submission
from db.video_jobs import JobRow
from resolvers.errors import NoWorker
from resolvers.policy import BUILT_IN, VIDEO_COST, Policy

MOCK = "mock"
"""The name of the provider that makes the videos of mock mode, whatever model they ask for."""

# Jobs that were sent before they kept their provider's name went there.
_BEFORE_NAMES = "veo"


@dataclass(frozen=True)
class VideoModel:
    """One accepted id. `cost` is that of 8 s in 720p without sound, in tokens; durations in seconds of video.

    `provider` is the name of who makes its videos, and knows the model as `upstream_id`. `durations` lists by
    resolution what can be generated, `image_duration` is the one length that videos with an end frame or reference
    images have, None where they may have any. `mixes_images` says that reference images go together with others,
    and without a prompt.
    `available` is whether real videos can be made with it here, which a catalogue knows. `mock_words` are what a mock
    video's prompt may have in it to bring about a state.
    """

    id: str
    upstream_id: str
    provider: str
    durations: Mapping[str, Sequence[int]]
    aspect_ratios: Sequence[str]
    end_frame: bool
    most_reference_images: int
    image_duration: int | None
    image_media_types: Sequence[str]
    mixes_images: bool = False
    available: bool = True
    cost: int = VIDEO_COST
    mock_words: Sequence[str] = ()


@dataclass(frozen=True)
class Provider:
    """Who makes videos, by name. All workers together keep to `submits_per_minute` and `generations_at_once` there.

    `unavailable` tells an operator why it cannot be used here, and what to do; None where it can.
    """

    name: str
    submits_per_minute: int = 60
    generations_at_once: int = 100
    unavailable: str | None = None


@dataclass(frozen=True)
class WorkerWatch:
    """For how long creations are accepted without a worker, 0 for ever; a process that has just begun waits as long."""

    seconds: float = 0
    began: float = field(default_factory=time.monotonic)

    def refusal(self, silent_seconds: float | None) -> NoWorker | None:
        """Return the refusal of a creation where no worker has given a sign of life for that long."""
        if not self.seconds or silent_seconds is None:
            return None
        return NoWorker() if min(silent_seconds, time.monotonic() - self.began) > self.seconds else None


@dataclass(frozen=True)
class Catalogue:
    """What this installation offers: models by id, the providers of real videos by name, and the form of mock videos.

    `generations_at_once` is what all workers together have in progress at most, mock videos included. `policy` says
    what they cost, `inputs_kept` for how long after a job's end its images are kept for a retry, `worker_watch` what
    happens where no worker is there. `fallbacks` names, by a model's id, the model of another provider that makes what
    the first one's did not accept.
    """

    models: Mapping[str, VideoModel]
    providers: Mapping[str, Provider]
    mock: VideoModel
    generations_at_once: int = 100
    policy: Policy = BUILT_IN
    inputs_kept: timedelta = timedelta(days=7)
    worker_watch: WorkerWatch = field(default_factory=WorkerWatch)
    fallbacks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        mock: VideoModel,
        offers: Mapping[Provider, Iterable[VideoModel]],
        generations_at_once: int = 100,
        policy: Policy = BUILT_IN,
    ) -> "Catalogue":
        """Put the catalogue together from what each provider of real videos offers; one at least is needed."""
        models = {
            model.id: replace(
                model,
                # Of a video that is as most are.
                cost=policy.video_cost(model=model.id, resolution="720p", seconds=8, sound=False, mock=False).tokens,
                available=provider.unavailable is None,
                mock_words=mock.mock_words,
            )
            for provider, offered in offers.items()
            for model in offered
        }
        return cls(models, {provider.name: provider for provider in offers}, mock, generations_at_once, policy)

    def made_as(self, model: str, *, mock_mode: bool) -> VideoModel:
        """Return what decides about a video's form; of a model that is not offered, that is the form of mock videos."""
        return self.mock if mock_mode else self.models.get(model, self.mock)

    def provider(self, name: str) -> Provider:
        """Return what is known of a provider; one that is not in the table, as the mock one, has the usual limits."""
        return self.providers.get(name, Provider(name))

    def provider_of(self, model: str) -> Provider:
        """Return who is sent a new job for a real video; the first one gets those of models no longer offered."""
        known = self.models.get(model)
        return next(iter(self.providers.values())) if known is None else self.providers[known.provider]

    def fallback(self, job: JobRow) -> VideoModel | None:
        """Return what is to make a job's video instead; None where nothing is named, or it has been tried."""
        model = self.models.get(self.fallbacks.get(job.model, ""))
        is_possible = model is not None and model.available and not job.mock_mode and job.fallback_model is None
        return model if is_possible else None

    def provider_of_job(self, job: JobRow) -> str:
        """Return the name of who makes a job's video: who it was sent to, whatever the table says now."""
        # A release before 0007 leaves the name of who has not accepted the job.
        if job.submission != Submission.NEW or job.mock_mode:
            return sent_to(job)
        return self.provider_of(job.fallback_model or job.model).name


def sent_to(job: JobRow) -> str:
    """Return the name of the provider that a job is being sent, or was sent, to."""
    return job.provider or (MOCK if job.mock_mode else _BEFORE_NAMES)


def status_message(text: str, *, mock_mode: bool) -> str:
    """Say what a job is doing; a mock job says that it is one (contract.md)."""
    return f"{text} (Mock Mode)" if mock_mode else text


def listed(values: Iterable[str]) -> str:
    """Spell out a choice: 'a', 'b' or 'c'."""
    return either(f"'{value}'" for value in values)


def either(values: Iterable[object]) -> str:
    """Spell out a choice without quotes: 4, 6 or 8."""
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
