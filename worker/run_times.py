"""How long generations take here, for an estimate of how far a running one is."""

import time
from dataclasses import dataclass, field

from db import run_times
from db.engine.statements import Reader
from db.video_jobs import JobRow

# Until there are videos to reckon from: Veo takes between 11 seconds and 6 minutes.
TYPICAL_SECONDS = 60.0
REMEMBERED_SECONDS = 60.0
HIGHEST_ESTIMATE = 95
STEP = 5


@dataclass
class RunTimes:
    """The median run times of the latest videos by model, read anew once a minute."""

    _known: dict[tuple[str, bool], tuple[float, float]] = field(default_factory=dict)

    async def expected_seconds(self, reader: Reader, job: JobRow) -> float:
        """Return how long a generation like the job's is expected to take."""
        key = (job.model, job.mock_mode)
        seconds, read_at = self._known.get(key, (0.0, float("-inf")))
        if time.monotonic() - read_at > REMEMBERED_SECONDS:
            median = await run_times.median_seconds(reader, job.model, mock_mode=job.mock_mode)
            seconds = TYPICAL_SECONDS if median is None else median
            self._known[key] = (seconds, time.monotonic())
        return seconds


def estimated_percentage(elapsed_seconds: float, expected_seconds: float) -> int:
    """Guess how far a generation is, in steps: 70 when it takes as long as expected, and ever slower towards 95."""
    share = 1 - 0.5 ** (2 * max(0.0, elapsed_seconds) / max(expected_seconds, 1.0))
    return int(HIGHEST_ESTIMATE * share) // STEP * STEP
