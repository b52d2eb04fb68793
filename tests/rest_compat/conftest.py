"""Who follows what, as the server in this process knows it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from db.engine.feed import Inbox, JobFeed


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many inboxes are open for each job that has had one; 0 once they are given back."""
    counts: Counter[str] = Counter()
    following = JobFeed.following

    @contextmanager
    def counted(feed: JobFeed, job_id: UUID) -> Iterator[Inbox]:
        with following(feed, job_id) as inbox:
            counts[str(job_id)] += 1
            try:
                yield inbox
            finally:
                counts[str(job_id)] -= 1

    monkeypatch.setattr(JobFeed, "following", counted)
    return counts
