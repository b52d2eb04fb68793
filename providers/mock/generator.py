"""A generator that costs nothing: it takes its time, reports progress, and hands out a video rendered beforehand.

Words in the prompt make it fail, take its time, or not begin, as payment providers' test cards do:
`[fail:CONTENT_FILTERED]`, `[slow:60]`, `[queue]`. Real generators know nothing of them.
"""

import re
import time

from providers.mock.videos import mock_video
from resolvers.ports import Generated, GenerationFailed, GenerationRequest, NotAccepted, StillGenerating

STEPS = 5
LONGEST_SECONDS = 600

_FAIL = re.compile(r"\[fail:([A-Z_]{1,50})\]")
_SLOW = re.compile(r"\[slow:([0-9]+)\]")
_QUEUE = re.compile(r"\[queue(?::([0-9]+))?\]")
_IDS_WITH_TIME = 7


class MockGenerator:
    """Generates in `seconds`, with progress 20, 40, 60, 80, 100 (contract.md, 'The job').

    The operation's name holds all there is to know, the video's traits, the Unix time of the start, the seconds that it
    takes and the code that it fails with, so any process can poll it, as with Veo. It fails in the middle.
    """

    submitting_costs = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def submit(self, request: GenerationRequest) -> str:
        """Start the clock, unless the prompt says that the job is to wait; raises NotAccepted."""
        _let_wait(request)
        audio = "audio" if request.generate_audio else "silent"
        traits = f"{request.resolution},{request.aspect_ratio},{request.duration_seconds},{audio}"
        slow, fail = (word.search(request.prompt or "") for word in (_SLOW, _FAIL))
        seconds = _seconds_of(slow[1]) if slow else self._seconds
        return f"mock-operations/{traits}/{seconds}/{fail[1] if fail else ''}/{time.time():.3f}"

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Read the clock."""
        try:
            _, traits, *ordered, started = operation_name.split("/")
            resolution, aspect_ratio, duration, audio = traits.split(",")
            elapsed = time.time() - float(started)
            # An earlier release's operations have none of these.
            seconds, code = (float(ordered[0]), ordered[1]) if ordered else (self._seconds, "")
        except (ValueError, IndexError) as error:
            raise GenerationFailed("OPERATION_NOT_FOUND", "The mock generator does not know this operation") from error
        if code and elapsed >= seconds / 2:
            raise GenerationFailed(code, f"This mock video was told to fail ({code}).")
        if elapsed >= seconds:
            return Generated(mock_video(resolution, aspect_ratio, int(duration), audio=audio == "audio"))
        step_seconds = seconds / STEPS
        steps_done = int(elapsed / step_seconds)
        return StillGenerating(100 * steps_done // STEPS, (steps_done + 1) * step_seconds - elapsed)

    async def cancel(self, operation_name: str) -> None:
        """Do nothing: nothing is under way."""


def _seconds_of(number: str) -> int:
    return min(max(int(number), 1), LONGEST_SECONDS)


def _let_wait(request: GenerationRequest) -> None:
    """Refuse a job whose prompt has `[queue]` or `[queue:60]` in it, until so long after its creation."""
    wait = _QUEUE.search(request.prompt or "")
    # Such an id begins with the time of the creation, in milliseconds (RFC 9562, 5.7).
    if wait is None or request.video_job_id.version != _IDS_WITH_TIME:
        return
    created = (request.video_job_id.int >> 80) / 1000
    remaining = created + (_seconds_of(wait[1]) if wait[1] else LONGEST_SECONDS) - time.time()
    if remaining > 0:
        raise NotAccepted("its prompt says so", is_certain=True, retry_after_seconds=remaining)
