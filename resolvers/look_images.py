"""Looks that come and go with their images: files outside the database, so each is more than one transaction.

A look is written after its images were stored. Until then they are scheduled for removal, so a refused look and a crash
leave no file behind; the images of a deleted look are removed in the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import file_removals
from db import looks as look_rows
from db.engine.database import Database
from db.enums import AuditAction, Visibility
from db.looks import LookRow
from db.specification import values_of
from media.images import Image
from resolvers import looks
from resolvers.accounts import lock_account
from resolvers.audit import Act, record_if_others
from resolvers.errors import InvalidInput
from resolvers.image_files import stored_image
from resolvers.limits import require_room
from resolvers.looks import LONGEST_NOTES, LONGEST_TITLE, NewLook, NewProduct, ProductFields, user_ids
from resolvers.policy import BUILT_IN, Policy
from resolvers.ports import Storage
from resolvers.texts import at_most, checked_address, checked_text, required_text

LONGEST_NAME = 500
LONGEST_URL = 2000
MOST_PRODUCTS = 100
check_product_count = at_most(MOST_PRODUCTS, f"A look has at most {MOST_PRODUCTS} products", "products")
HIGHEST_PRICE = Decimal("9999999999.99")
CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class ProductInput(ProductFields):
    """A product as it came over a wire, with its picture."""

    thumbnail: Image


@dataclass(frozen=True)
class LookInput:
    """A look as it came over a wire, with its pictures."""

    image: Image
    products: Sequence[ProductInput]
    title: str | None = None
    notes: str | None = None
    visibility: Visibility = Visibility.PRIVATE
    shared_with_user_ids: Sequence[str] = ()


async def create(
    database: Database, storage: Storage, caller: Caller, asked: LookInput, policy: Policy = BUILT_IN
) -> LookRow:
    """Check a look, store its images, write it; a refused one leaves no image behind.

    Raises InvalidInput, UserNotFound, ImagesNotStored, StorageQuota.
    """
    new, images = _checked(asked)
    look_id = uuid7()
    names = [f"{look_id}-{number}" for number in range(len(images))]
    scheduled = [storage.address_of_image(name, image.extension) for name, image in zip(names, images, strict=True)]
    async with database.transaction() as transaction:
        await file_removals.schedule_unless_owned(transaction, scheduled)
    try:
        stored = [await stored_image(storage, name, image) for name, image in zip(names, images, strict=True)]
        async with database.transaction() as transaction:
            # The account's lock keeps another look of the user's from passing the same check.
            await lock_account(transaction, caller, policy)
            await require_room(transaction, caller.user_id, policy.quotas, new.stored_bytes)
            products = [replace(it, thumbnail_url=url) for it, url in zip(new.products, stored[1:], strict=True)]
            new = replace(new, generated_image_url=stored[0], products=products)
            look = await looks.create(transaction, caller, new, look_id=look_id)
            await file_removals.withdraw(transaction, scheduled)
            return look
    except BaseException:
        async with database.transaction() as transaction:
            await file_removals.expedite(transaction, scheduled)
        raise


async def delete(database: Database, caller: Caller, look_id: UUID) -> None:
    """Delete a look of the caller's, and its images in the background; its video jobs stay. Admins delete anybody's.

    Raises LookNotFound.
    """
    async with database.transaction() as transaction:
        look = await looks.lock_own(transaction, caller, look_id)
        products = await look_rows.products_of(transaction, [look.id])
        await look_rows.remove(transaction, look)
        await record_if_others(transaction, caller, Act(AuditAction.DELETE_LOOK, look.user_id, look.id))
        urls = [look.generated_image_url, *(product.thumbnail_url for product in products)]
        await file_removals.schedule(transaction, [url for url in urls if url is not None])


def _checked(asked: LookInput) -> tuple[NewLook, list[Image]]:
    """Return the look without its images, and the images: the look's first, then the products' in order."""
    if not asked.products:
        raise InvalidInput("A look needs at least one product", field="products")
    check_product_count(asked.products)
    products = _once_per_sku(
        [_checked_product(product, f"products.{number}") for number, product in enumerate(asked.products)]
    )
    new = NewLook(
        title=checked_text(asked.title, "title", LONGEST_TITLE),
        notes=checked_text(asked.notes, "notes", LONGEST_NOTES),
        generated_image_url="",
        products=list(products.values()),
        visibility=asked.visibility,
        shared_with=user_ids(asked.shared_with_user_ids),
    )
    images = [asked.image, *(asked.products[number].thumbnail for number in products)]
    return replace(new, stored_bytes=sum(len(image.data) for image in images)), images


def _once_per_sku(products: Sequence[NewProduct]) -> dict[int, NewProduct]:
    """Keep the first product of each sku; products without one are all kept (contract.md, 'Looks')."""
    first: dict[object, int] = {}
    for number, product in enumerate(products):
        first.setdefault(product.sku or number, number)
    return {number: products[number] for number in first.values()}


def _checked_product(product: ProductInput, place: str) -> NewProduct:
    checked = {
        "name": required_text(product.name, f"{place}.name", LONGEST_NAME),
        "sku": checked_text(product.sku, f"{place}.sku", LONGEST_NAME),
        "designer": checked_text(product.designer, f"{place}.designer", LONGEST_NAME),
        "price": _rounded(product.price, f"{place}.price"),
        "product_url": checked_address(product.product_url, f"{place}.productUrl", LONGEST_URL),
    }
    return NewProduct(**values_of(product, ProductFields) | checked)


def _rounded(price: Decimal | None, field: str) -> Decimal | None:
    if price is None:
        return None
    if not (price.is_finite() and 0 <= price <= HIGHEST_PRICE):
        raise InvalidInput(f"{field} must be 0 to {HIGHEST_PRICE}", field=field)
    return price.quantize(CENT, ROUND_HALF_UP)
