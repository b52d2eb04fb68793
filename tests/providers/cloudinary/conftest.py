"""The storage at Cloudinary, before the double."""

from collections.abc import AsyncIterator

import pytest

from providers.cloudinary.storage import CloudinaryStorage
from tests.doubles.cloudinary import CloudinaryDouble


@pytest.fixture
async def storage(double: CloudinaryDouble) -> AsyncIterator[CloudinaryStorage]:
    opened = CloudinaryStorage(double.cloudinary_url)
    yield opened
    await opened.aclose()
