"""What we need of the outside world. Providers fit these protocols; the application chooses which ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from resolvers.images import Image


@dataclass(frozen=True)
class GenerationRequest:
    """What a generator is asked for. `duration_seconds` is the video's; other values are as the wires spell them."""

    video_job_id: UUID
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool


@dataclass(frozen=True)
class StillGenerating:
    """Not done yet: how far it is, where the generator says so, and in how many seconds to ask again."""

    percentage: int | None
    ask_again_seconds: float


@dataclass(frozen=True)
class Generated:
    """Done: the video lies in this file until it has been stored."""

    video: Path


class GenerationFailed(Exception):
    """The generator refused or gave up, for good. `message` is for the job's owner, `code` never changes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class VideoGenerator(Protocol):
    """Makes videos as long-running operations: submit once, ask until done."""

    submitting_costs: bool
    """Whether a second submit of the same job would be paid for again."""

    async def submit(self, request: GenerationRequest) -> str:
        """Start generating; return the operation's name.

        Raises:
            GenerationFailed

        """
        ...

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Ask how the operation is doing; any process may, knowing just its name.

        Raises:
            GenerationFailed

        """
        ...


class VideoStorage(Protocol):
    """Keeps finished videos where players can fetch them."""

    async def store(self, video_job_id: UUID, video: Path) -> str:
        """Keep a copy under the job's id, in place of an earlier one; return a URL, or a path of this site."""
        ...


class ImageStorage(Protocol):
    """Keeps the images of looks where browsers can fetch them."""

    async def store_image(self, name: str, image: Image) -> str:
        """Keep the image under a name that is ours to choose, such as `<look id>-product-0`; return a URL or a path.

        An earlier image of that name and format is replaced.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none

        """
        ...

    async def delete(self, url: str) -> None:
        """Remove what this storage keeps under a URL or path that it returned; any other address is ignored."""
        ...
