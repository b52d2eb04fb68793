"""A generator and a storage that do what a test tells them, behind the same protocols as the real ones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from providers.mock_videos import mock_video
from resolvers.ports import Generated, GenerationRequest, StillGenerating

VIDEO = mock_video("720p", "16:9", 8, audio=True)


@dataclass
class ScriptedGenerator:
    """Answers each poll with the next entry of the script; the last one is repeated. An exception is raised."""

    script: list[StillGenerating | Exception | None] = field(default_factory=lambda: [None])
    submitting_costs: bool = True
    submitted: list[GenerationRequest] = field(default_factory=list)
    polled: list[str] = field(default_factory=list)
    on_submit: Callable[[], None] = lambda: None

    async def submit(self, request: GenerationRequest) -> str:
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


@dataclass
class ScriptedStorage:
    """Fails as often as it is told to, then keeps."""

    failures: int = 0
    stored: list[tuple[UUID, Path]] = field(default_factory=list)

    async def store(self, video_job_id: UUID, video: Path) -> str:
        if self.failures:
            self.failures -= 1
            raise OSError("no space left on device")
        self.stored.append((video_job_id, video))
        return f"https://videos.example/{video_job_id}.mp4"
