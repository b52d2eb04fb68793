"""A generator and a storage that do what a test tells them, behind the same protocols as the real ones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from media.images import Image
from providers.mock.videos import mock_video
from resolvers.ports import FileMissing, Generated, GenerationRequest, StillGenerating, StoredVideo

VIDEO = mock_video("720p", "16:9", 8, audio=True)


@dataclass
class ScriptedGenerator:
    """Answers each poll with the next entry of the script; the last one is repeated. An exception is raised.

    Each submit raises the next of `refusals`, as long as there are any.
    """

    script: list[StillGenerating | Generated | Exception | None] = field(default_factory=lambda: [None])
    submitting_costs: bool = True
    refusals: list[Exception] = field(default_factory=list)
    submitted: list[GenerationRequest] = field(default_factory=list)
    polled: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    on_submit: Callable[[], None] = lambda: None

    async def submit(self, request: GenerationRequest) -> str:
        if self.refusals:
            raise self.refusals.pop(0)
        self.submitted.append(request)
        self.on_submit()
        return f"operations/{len(self.submitted)}"

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        self.polled.append(operation_name)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        return answer or Generated(VIDEO)

    async def cancel(self, operation_name: str) -> None:
        self.cancelled.append(operation_name)


@dataclass
class ScriptedStorage:
    """Raises its failures one after the other, then keeps."""

    failures: list[Exception] = field(default_factory=list)
    stored: list[tuple[UUID, Path]] = field(default_factory=list)
    images: dict[str, Image] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    pruned: list[float] = field(default_factory=list)

    async def store(self, video_job_id: UUID, video: Path) -> StoredVideo:
        self._fail()
        self.stored.append((video_job_id, video))
        return StoredVideo(self.address_of_video(video_job_id), f"https://videos.example/{video_job_id}.jpg")

    def address_of_video(self, video_job_id: UUID) -> str:
        return f"https://videos.example/{video_job_id}.mp4"

    async def store_image(self, name: str, image: Image) -> str:
        self._fail()
        address = self.address_of_image(name, image.extension)
        self.images[address] = image
        return address

    def address_of_image(self, name: str, extension: str) -> str:
        return f"https://images.example/{name}.{extension}"

    async def read_image(self, address: str) -> bytes:
        if address not in self.images:
            raise FileMissing(address)
        return self.images[address].data

    def keeps(self, address: str) -> bool:
        return ".example/" in address

    def as_download(self, address: str) -> str:
        return address

    async def delete(self, address: str) -> None:
        self._fail()
        self.deleted.append(address)

    async def prune(self, older_than_seconds: float) -> None:
        self.pruned.append(older_than_seconds)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
