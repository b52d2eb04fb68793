"""Worker processes, each a fork of one that has loaded what `tests.app.forks` names: that takes most of a start."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings
from app.worker_process import main
from tests.app.processes import environment
from tests.house import eventually

EXIT_SECONDS = 5.0


class WorkerProcess:
    """A worker as an installation runs it. Its log goes to a file."""

    def __init__(self, settings: Settings, log: Path) -> None:
        variables = {
            "DATABASE_URL": settings.database_url,
            "JWT_SECRET_KEY": settings.jwt_secret_key,
            "DATA_DIR": settings.data_dir,
            "GOOGLE_CLOUD_PROJECT": settings.google_cloud_project,
            "GOOGLE_VERTEX_BASE_URL": settings.google_vertex_base_url,
            "CLOUDINARY_URL": settings.cloudinary_url,
            "VEO_POLL_SECONDS": settings.veo_poll_seconds,
            "SUBMITS_PER_MINUTE": settings.submits_per_minute,
            "GENERATIONS_AT_ONCE": settings.generations_at_once,
            "GENERATIONS_PER_WORKER": settings.generations_per_worker,
            "MOCK_SECONDS": settings.mock_seconds,
        }
        self._log = log
        given = environment({name: value for name, value in variables.items() if value is not None})
        self._process = multiprocessing.get_context("forkserver").Process(target=_work, args=(given, log))
        self._process.start()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def exit(self) -> tuple[int | None, str]:
        """Wait for its end, which is near; return the exit code and the log."""

        async def code() -> int | None:
            return self._process.exitcode

        return await eventually(code, lambda code: code is not None, EXIT_SECONDS), self._log.read_text()

    async def stop(self) -> tuple[int | None, str]:
        """Ask it to end."""
        self.signal(signal.SIGTERM)
        return await self.exit()

    def kill(self) -> None:
        """Let it end without a word to anybody."""
        self._process.kill()
        self._process.join(EXIT_SECONDS)


@contextmanager
def worker_process(settings: Settings, log: Path) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(settings, log)
    try:
        yield worker
    finally:
        worker.kill()


def _work(variables: Mapping[str, str], log: Path) -> None:
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(variables)
    sys.exit(main())
