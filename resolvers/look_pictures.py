"""Images that are in the storage already, given to what takes uploads, such as the pictures of a look for a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.caller import Caller
from db import creations
from db import looks as look_rows
from db.engine.database import Database
from resolvers.errors import ImagesNotStored, InvalidInput, InvalidLook, Refusal
from resolvers.models import Catalogue
from resolvers.ports import FileMissing, Storage, StorageUnavailable
from resolvers.texts import uuid_of, uuid_or
from resolvers.video_job_input import INITIAL, UNUSED, VideoJobInput


@dataclass(frozen=True)
class StoredImage:
    """An image in the storage, which stands where an uploaded file does; each reading fetches it.

    `missing` is what is raised where the storage has it no more. Its size in bytes is not known beforehand; where an
    empty file counts as none, it is said to be 1.
    """

    storage: Storage
    address: str
    missing: Refusal
    size: int | None = None

    async def read(self, size: int = -1, /) -> bytes:
        """Return the whole image, whatever `size` is.

        Raises:
            Refusal: `missing`
            ImagesNotStored: the storage cannot be reached

        """
        _ = size
        try:
            return await self.storage.read_image(self.address)
        except FileMissing as error:
            raise self.missing from error
        except StorageUnavailable as error:
            raise ImagesNotStored from error

    async def seek(self, offset: int, /) -> None:
        """Do nothing: each reading begins at the start."""


@dataclass(frozen=True)
class LookPictures:
    """What of a look goes where; the look's own picture comes before its products'."""

    initial: StoredImage | None = None
    references: Sequence[StoredImage] = ()


async def pictures_of_look(
    database: Database, storage: Storage, catalogue: Catalogue, caller: Caller, asked: VideoJobInput
) -> LookPictures:
    """Return the pictures that a request asks for by `useLookImage` and `productIds`; none of them is read here.

    Raises:
        InvalidInput: another field is wrong, or the look has no such product or no such picture
        InvalidLook: as for a creation

    """
    request = asked.normalised()
    for violation in request.violations(catalogue):
        raise violation
    image, thumbnails = await _addresses(database, caller, request)
    products = [_picture(storage, it, "productIds") for it in _chosen(thumbnails, request.product_ids)]
    if request.use_look_image == UNUSED:
        return LookPictures(None, products)
    whole = _picture(storage, image, "useLookImage")
    is_initial = request.use_look_image == INITIAL
    return LookPictures(whole, products) if is_initial else LookPictures(None, [whole, *products])


async def _addresses(database: Database, caller: Caller, request: VideoJobInput) -> tuple[str, dict[UUID, str | None]]:
    """Return where the picture of the caller's own look is, and those of its products by their ids."""
    look_id = uuid_or(request.look_id or "", InvalidLook)
    async with database.transaction() as transaction:
        standing = await creations.standing(transaction, caller.user_id, look_id)
        look = await look_rows.get_visible(transaction, look_id, caller.user_id, to_admin=False)
        products = await look_rows.products_of(transaction, [look_id])
    if look is None or not standing.owns_look:
        raise InvalidLook
    return look.generated_image_url, {product.id: product.thumbnail_url for product in products}


def _chosen(thumbnails: dict[UUID, str | None], product_ids: Sequence[str]) -> list[str | None]:
    try:
        return [thumbnails[uuid_of(product_id)] for product_id in product_ids]
    except (ValueError, KeyError):
        raise InvalidInput("productIds must be ids of the look's products", field="productIds") from None


def _picture(storage: Storage, address: str | None, field: str) -> StoredImage:
    """Refuse what is kept elsewhere: nothing is fetched from an address that somebody else has chosen."""
    if not address or not storage.keeps(address):
        raise _not_there(field)
    return StoredImage(storage, address, _not_there(field), size=1)


def _not_there(field: str) -> InvalidInput:
    whose = "The look's" if field == "useLookImage" else "A product's"
    return InvalidInput(f"{whose} picture is not in the storage; upload it instead", field=field)
