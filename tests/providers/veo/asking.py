"""What tests ask of a generator, and what they look at afterwards."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from providers.veo.generator import VeoGenerator
from resolvers.ports import Generated, GenerationRequest

MODEL = "veo-3.1-generate-001"


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*"))


def asked(**changes: Any) -> GenerationRequest:
    plain = GenerationRequest(
        video_job_id=UUID(int=7),
        prompt="A dress in the wind",
        model=MODEL,
        resolution="720p",
        aspect_ratio="16:9",
        generate_audio=True,
        mock_mode=False,
    )
    return replace(plain, **changes)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def finished(generator: VeoGenerator) -> Generated:
    """Submit and poll once, with a double that is done at once."""
    outcome = await generator.poll(await generator.submit(asked()))
    assert isinstance(outcome, Generated)
    return outcome


def number_of(calls: list[Any]) -> Callable[[], Any]:
    async def read() -> int:
        return len(calls)

    return read
