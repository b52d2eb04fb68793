"""A double of Cloudinary for whatever stores there, emptied for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.doubles.cloudinary import CloudinaryDouble


@pytest.fixture(scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CloudinaryDouble]:
    async with CloudinaryDouble(tmp_path_factory.mktemp("cloud")).serving() as double:
        yield double


@pytest.fixture
def double(served: CloudinaryDouble) -> CloudinaryDouble:
    served.reset()
    return served
