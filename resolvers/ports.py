"""What we need of the outside world. Providers fit these protocols; the application chooses which ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

from db.specification import Specification
from media.images import Image
from resolvers.texts import storable


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(Specification):
    """What a generator is asked for: a job's specification, its model by the id that the generator knows.

    `attempt` counts the generations of one job from 1.
    """

    video_job_id: UUID
    initial_image: Image | None = None
    end_frame: Image | None = None
    reference_images: Sequence[Image] = ()
    attempt: int = 1

    @property
    def images(self) -> list[Image]:
        """All of its images: where to start, where to end, and what it looks like."""
        return [image for image in (self.initial_image, self.end_frame, *self.reference_images) if image]


@dataclass(frozen=True)
class StillGenerating:
    """Not done yet: how far it is, where the generator says so, and in how many seconds to ask again."""

    percentage: int | None
    ask_again_seconds: float


@dataclass(frozen=True)
class Generated:
    """Done: the video lies in this file until it has been stored.

    `is_temporary` says that the file is the caller's to delete. `warnings` are for the job's owner, such as that the
    sound was removed by a filter. `tokens` is what it has used by kind, such as `output_video`.
    """

    video: Path
    is_temporary: bool = False
    warnings: Sequence[str] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)


class Told(Exception):
    """What another program has told, in its words; they are kept with the job, whatever characters are in them."""

    def __init__(self, reason: str) -> None:
        super().__init__(storable(reason))


class GenerationFailed(Told):
    """The generator refused or gave up, for good. `message` is for the job's owner, `code` never changes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = str(self)


class GenerationInterrupted(GenerationFailed):
    """The generator gave up for a reason of its own, and a new generation of the same may succeed."""


class GeneratorMisconfigured(GenerationFailed):
    """The generator does not let us in: an operator has to do something. `reason` is for them."""

    def __init__(self, code: str, message: str, reason: str) -> None:
        super().__init__(code, message)
        self.reason = storable(reason)


class SubmissionUncertain(Told):
    """The submit was sent, and nobody can tell whether it was accepted: it may have been paid for."""


class NotAccepted(Told):
    """The generator did not take the job; a later submit may succeed.

    `retry_after_seconds` is what the generator asked for, where it did. `is_certain` says that nothing was started for
    sure (refused for its quota, never connected); else it is just probable (a server error), and worth few tries.
    """

    def __init__(self, reason: str, *, is_certain: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.is_certain = is_certain
        self.retry_after_seconds = retry_after_seconds


class QuotaExceeded(NotAccepted):
    """The generator knows us, and takes no more for now."""

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason, is_certain=True, retry_after_seconds=retry_after_seconds)


class GeneratorUnreachable(Told):
    """The question how an operation is doing was not answered. The operation goes on: ask again later."""

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class ResultUnreadable(Told):
    """The generator has answered, and the answer, or the video that it names, cannot be read.

    Asking again mostly gives the same, so it is worth a few tries; the message is for operators.
    """


class VideoGenerator(Protocol):
    """Makes videos as long-running operations: submit once, ask until done."""

    submitting_costs: bool
    """Whether a second submit of the same job would be paid for again."""

    async def submit(self, request: GenerationRequest) -> str:
        """Start generating; return the operation's name.

        Raises:
            GenerationFailed, GeneratorMisconfigured, NotAccepted, QuotaExceeded, SubmissionUncertain
            Anything else is a fault of ours, and nothing was sent.

        """
        ...

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Ask how the operation is doing; any process may, knowing just its name. May be cancelled at any point.

        Raises GenerationFailed, GenerationInterrupted, GeneratorUnreachable, ResultUnreadable.
        """
        ...

    async def cancel(self, operation_name: str) -> None:
        """Ask that the operation ends, where the generator knows how; raises nothing, since nobody relies on it."""
        ...


@dataclass(frozen=True)
class StoredVideo:
    """Where a stored video and its poster are: URLs, or paths of this site."""

    url: str
    poster_url: str


class StorageUnavailable(Told):
    """The storage did not keep or give a file, and may do so later."""


class StorageRefused(Told):
    """The storage will not keep this file, however often it is asked. The message is for the job's owner."""


class FileMissing(Exception):
    """The storage has no such file."""


class Storage(Protocol):
    """Keeps finished videos and images where players and browsers can fetch them.

    An address is a URL, or a path of this site. The addresses that `address_of_video` and `address_of_image` tell
    beforehand are good for `delete`; what `store` and `store_image` return is good for everything.
    """

    async def store(self, video_job_id: UUID, video: Path) -> StoredVideo:
        """Keep a copy of an MP4 under the job's id, in place of an earlier one.

        Raises StorageUnavailable, StorageRefused.
        """
        ...

    def address_of_video(self, video_job_id: UUID) -> str:
        """Return an address under which the job's video, once stored, can be deleted."""
        ...

    async def store_image(self, name: str, image: Image) -> str:
        """Keep the image under a name that is ours to choose, such as `<look id>-product-0`; return its address.

        An earlier image of that name and format is replaced.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none
            StorageUnavailable, StorageRefused

        """
        ...

    def address_of_image(self, name: str, extension: str) -> str:
        """Return an address under which an image, once stored under that name, can be deleted; `jpg`, not `.jpg`."""
        ...

    async def read_image(self, address: str) -> bytes:
        """Return the contents of a stored image; raises FileMissing, StorageUnavailable."""
        ...

    def keeps(self, address: str) -> bool:
        """Return whether an address is one of this storage's."""
        ...

    def as_download(self, address: str) -> str:
        """Return the address under which a stored video is saved with a file name; any other address is left."""
        ...

    async def delete(self, address: str) -> None:
        """Remove what is kept under an address of this storage, a video's poster with it; a missing file is fine.

        Raises StorageUnavailable.
        """
        ...

    async def prune(self, older_than_seconds: float) -> None:
        """Remove what interrupted stores left over and nobody can see, once it is that old."""
        ...
