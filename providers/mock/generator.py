"""A generator that costs nothing: it takes its time, reports progress, and hands out a video rendered beforehand."""

import time

from providers.mock.videos import mock_video
from resolvers.ports import Generated, GenerationFailed, GenerationRequest, StillGenerating

STEPS = 5


class MockGenerator:
    """Generates in `seconds`, with progress 20, 40, 60, 80, 100 (contract.md, 'The job').

    The operation's name holds all there is to know, the video's traits and the Unix time of the start, so any process
    can poll it, as with Veo.
    """

    submitting_costs = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def submit(self, request: GenerationRequest) -> str:
        """Start the clock."""
        audio = "audio" if request.generate_audio else "silent"
        traits = f"{request.resolution},{request.aspect_ratio},{request.duration_seconds},{audio}"
        return f"mock-operations/{traits}/{time.time():.3f}"

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Read the clock."""
        try:
            _, traits, started = operation_name.split("/")
            resolution, aspect_ratio, duration, audio = traits.split(",")
            elapsed = time.time() - float(started)
        except ValueError as error:
            raise GenerationFailed("OPERATION_NOT_FOUND", "The mock generator does not know this operation") from error
        if elapsed >= self._seconds:
            return Generated(mock_video(resolution, aspect_ratio, int(duration), audio=audio == "audio"))
        step_seconds = self._seconds / STEPS
        steps_done = int(elapsed / step_seconds)
        return StillGenerating(100 * steps_done // STEPS, (steps_done + 1) * step_seconds - elapsed)

    async def cancel(self, operation_name: str) -> None:
        """Do nothing: nothing is under way."""
