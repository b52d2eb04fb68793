"""The pictures of a look that a video is to be made from: read on the server, from where the look keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.caller import Caller
from db import creations
from db import looks as look_rows
from db.engine.database import Database
from resolvers.errors import InvalidInput, InvalidLook
from resolvers.ids import uuid_of
from resolvers.models import Catalogue
from resolvers.ports import Storage
from resolvers.stored_images import StoredImage
from resolvers.video_job_input import INITIAL, UNUSED, VideoJobInput


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
    if not request.uses_look:
        return LookPictures()
    for violation in request.violations(catalogue):
        raise violation
    image, thumbnails = await _addresses(database, caller, request)
    products = [_picture(storage, it, "productIds") for it in _chosen(thumbnails, request.product_ids)]
    if request.use_look_image == UNUSED:
        return LookPictures(None, products)
    whole = _picture(storage, image, "useLookImage")
    return (
        LookPictures(whole, products) if request.use_look_image == INITIAL else LookPictures(None, [whole, *products])
    )


async def _addresses(database: Database, caller: Caller, request: VideoJobInput) -> tuple[str, dict[UUID, str | None]]:
    """Return where the picture of the caller's own look is, and those of its products by their ids."""
    try:
        look_id = uuid_of(request.look_id or "")
    except ValueError:
        raise InvalidLook from None
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
