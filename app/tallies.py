"""Numbers that every request adds to, plain until they are taken over into the library's metrics.

To add to those takes 20 µs, half of it for finding the labels, where a poll takes 100: see decision 37.
"""

from bisect import bisect_left
from collections import Counter as Numbers
from collections.abc import Hashable

from prometheus_client import Counter, Histogram


class Counts:
    """How often something was, by labels."""

    def __init__(self, counter: Counter) -> None:
        self.metric = counter
        self._new: Numbers[tuple[Hashable, ...]] = Numbers()

    def note(self, *labels: Hashable) -> None:
        """Count one."""
        self._new[labels] += 1

    def take_over(self) -> None:
        """Add what is new."""
        new, self._new = self._new, Numbers()
        for labels, number in new.items():
            self.metric.labels(*labels).inc(number)


class Times:
    """How long something took, by one label, in the buckets of a histogram."""

    def __init__(self, histogram: Histogram, buckets: tuple[float, ...]) -> None:
        self.metric = histogram
        self._bounds = buckets
        self._new: dict[str, list[float]] = {}

    def note(self, label: str, seconds: float) -> None:
        """Count one; the last number of a label is the seconds of all."""
        new = self._new.get(label)
        if new is None:
            new = self._new[label] = [0.0] * (len(self._bounds) + 2)
        new[bisect_left(self._bounds, seconds)] += 1
        new[-1] += seconds

    def take_over(self) -> None:
        """Add what is new, each bucket at once: the library adds single observations alone."""
        new, self._new = self._new, {}
        for label, (*numbers, seconds) in new.items():
            child = self.metric.labels(label)
            child._sum.inc(seconds)  # noqa: SLF001 - as above
            for bucket, number in zip(child._buckets, numbers, strict=True):  # noqa: SLF001 - as above
                if number:
                    bucket.inc(number)
