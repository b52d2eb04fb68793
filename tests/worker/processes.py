"""Workers as an installation runs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings
from tests.app.forks import Forked, worker
from tests.app.processes import environment


@contextmanager
def worker_process(settings: Settings, log: Path) -> Iterator[Forked]:
    """Run a worker for as long as the context lasts."""
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
    process = Forked(worker, environment({name: value for name, value in variables.items() if value is not None}), log)
    try:
        yield process
    finally:
        process.kill()
