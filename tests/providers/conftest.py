"""A double of Cloudinary for whatever stores there, and a server for the generators' doubles."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.serving import serving_app
from tests.providers.front import Front


class Access(Protocol):
    """What a generator is opened with."""

    @property
    def scratch(self) -> Path: ...


@pytest.fixture(scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CloudinaryDouble]:
    async with CloudinaryDouble(tmp_path_factory.mktemp("cloud")).serving() as double:
        yield double


@pytest.fixture
def double(served: CloudinaryDouble) -> CloudinaryDouble:
    served.reset()
    return served


@pytest.fixture(scope="package")
async def front() -> AsyncIterator[Front]:
    front = Front()
    async with serving_app(front) as front.url:
        yield front


@pytest.fixture
def scratch(access: Access) -> Iterator[Path]:
    """The scratch folder, where nothing may stay that a test does not expect."""
    yield access.scratch
    for file in access.scratch.glob("*"):
        file.unlink()
