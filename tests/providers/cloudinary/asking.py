"""What tests ask of the storage at Cloudinary."""

from uuid import UUID

from providers.cloudinary.storage import CloudinaryStorage
from tests.providers.kept import VIDEO, picture

JOB_ID = UUID("0192f0c4-7f3e-7c1a-9d55-3b8f6f0c2a11")
PUBLIC_ID = f"lookreel/{JOB_ID}"
PLAIN_URL = "cloudinary://key:secret@demo"


async def everything(storage: CloudinaryStorage) -> list[Exception]:
    """Ask for all that goes over the API; return what was raised."""
    address = storage.address_of_image("look", "png")
    raised = []
    for doing in (
        storage.store(JOB_ID, VIDEO),
        storage.store_image("look", picture()),
        storage.delete(address),
        storage.ping(),
    ):
        try:
            await doing
        except Exception as error:  # noqa: BLE001 - which one it is, is what tests look at
            raised.append(error)
    return raised
