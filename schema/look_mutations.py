"""The mutations about looks. Images come as uploads (GraphQL multipart request) or as data URIs."""

from collections.abc import Iterator
from decimal import Decimal

import strawberry
from strawberry.file_uploads import Upload

from db.enums import Visibility
from db.specification import values_of
from media.images import LARGEST_IMAGE_BYTES, Image
from resolvers import look_images, looks
from resolvers.errors import InvalidInput, LookNotFound
from resolvers.image_files import checked_image, decode_image, decoded_length
from resolvers.limits import require_room
from resolvers.look_images import LookInput, ProductInput
from resolvers.looks import ProductFields
from resolvers.texts import uuid_or
from schema.context import Info, mutation
from schema.errors import LookError
from schema.fields import described
from schema.types import Look


@strawberry.input(description="A product in a look. Its picture comes as `thumbnail` or as `thumbnailBase64`.")
@described
class CreateProductInput:
    """A part of the input of `createLook`."""

    name: str
    sku: str | None = None
    designer: str | None = None
    price: float | None = None
    product_url: str | None = None
    thumbnail: Upload | None = strawberry.field(default=None, description="The picture, as an upload")
    thumbnail_base64: str | None = strawberry.field(default=None, description="The picture, as data URI or bare base64")

    async def asked(self, place: str) -> ProductInput:
        """Return the product as the rules take it; `place` is where it stands in the input."""
        return ProductInput(
            **values_of(self, ProductFields) | {"price": None if self.price is None else Decimal(str(self.price))},
            thumbnail=await _image(self.thumbnail, self.thumbnail_base64, f"{place}.thumbnail"),
        )


@strawberry.input(description="A look. Its image comes as `generatedImage` or as `generatedImageBase64`.")
@described
class CreateLookInput:
    """The input of `createLook`."""

    title: str | None = None
    notes: str | None = None
    generated_image: Upload | None = strawberry.field(default=None, description="The image, as an upload")
    generated_image_base64: str | None = strawberry.field(
        default=None, description="The image, as data URI or bare base64"
    )
    products: list[CreateProductInput] = strawberry.field(
        description=f"At least one, at most {look_images.MOST_PRODUCTS}"
    )
    visibility: Visibility | None = Visibility.PRIVATE
    shared_with_user_ids: list[strawberry.ID] | None = strawberry.field(
        default_factory=list,
        description=f"Whom it is shared with, where the visibility is SHARED; at most {looks.MOST_SHARES}",
    )

    def sizes(self) -> Iterator[int]:
        """Yield how many bytes came in each image's place."""
        yield _size(self.generated_image, self.generated_image_base64)
        yield from (_size(product.thumbnail, product.thumbnail_base64) for product in self.products)

    async def asked(self) -> LookInput:
        """Return the look as the rules take it."""
        look_images.check_product_count(self.products)
        return LookInput(
            title=self.title,
            notes=self.notes,
            image=await _image(self.generated_image, self.generated_image_base64, "generatedImage"),
            products=[await product.asked(f"products.{number}") for number, product in enumerate(self.products)],
            visibility=self.visibility or Visibility.PRIVATE,
            shared_with_user_ids=self.shared_with_user_ids or [],
        )


@strawberry.input(description="What to change of a look; what is left out stays, null empties it.")
@described
class UpdateLookInput:
    """The input of `updateLook`."""

    id: strawberry.ID = strawberry.field(description="A look of the caller's")
    title: strawberry.Maybe[str | None]
    notes: strawberry.Maybe[str | None]

    def changes(self) -> dict[str, str | None]:
        """Return what was given."""
        given = {"title": self.title, "notes": self.notes}
        return {name: some.value for name, some in given.items() if some is not None}


@strawberry.input(description="Who may see a look.")
@described
class SetLookVisibilityInput:
    """The input of `setLookVisibility`."""

    id: strawberry.ID = strawberry.field(description="A look of the caller's")
    visibility: Visibility
    shared_with_user_ids: list[strawberry.ID] | None = strawberry.field(
        default_factory=list,
        description=f"Replaces the old list; kept where the visibility is SHARED; at most {looks.MOST_SHARES}",
    )


@strawberry.input(description="A look.")
class LookIdInput:
    """The input of `deleteLook`."""

    id: strawberry.ID = strawberry.field(description="A look of the caller's")


@strawberry.type(description="The look as it is now, or why it was not made or changed.")
class LookPayload:
    """The answer of the mutations about looks."""

    look: Look | None = strawberry.field(default=None, description="The look; null where there are errors")
    errors: list[LookError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type(description="The id of what was deleted, or why nothing was.")
class DeleteLookPayload:
    """The answer of `deleteLook`."""

    deleted_look_id: strawberry.ID | None = strawberry.field(default=None, description="Null where refused")
    errors: list[LookError] = strawberry.field(default_factory=list, description="Why nothing was deleted")


@strawberry.type
class LookMutations:
    """The part of `Mutation` that is about looks."""

    @mutation
    async def create_look(self, info: Info, asked: CreateLookInput) -> LookPayload:
        """Make a look."""
        services, caller = info.context.services, info.context.authenticated_caller
        policy = services.catalogue.policy
        await require_room(services.database.reader, caller.user_id, policy.quotas, sum(asked.sizes()))
        look = await look_images.create(services.database, services.storage, caller, await asked.asked(), policy)
        return LookPayload(look=Look.of(look))

    @mutation
    async def update_look(self, info: Info, asked: UpdateLookInput) -> LookPayload:
        """Change a look's title and notes."""
        look = await info.context.write(looks.update, uuid_or(asked.id, LookNotFound), asked.changes())
        return LookPayload(look=Look.of(look))

    @mutation
    async def set_look_visibility(self, info: Info, asked: SetLookVisibilityInput) -> LookPayload:
        """Decide who may see a look."""
        shared_with = looks.user_ids(asked.shared_with_user_ids or [])
        look_id = uuid_or(asked.id, LookNotFound)
        look = await info.context.write(looks.set_visibility, look_id, asked.visibility, shared_with)
        return LookPayload(look=Look.of(look))

    @mutation
    async def delete_look(self, info: Info, asked: LookIdInput) -> DeleteLookPayload:
        """Delete a look with its images; its video jobs stay."""
        caller, services = info.context.authenticated_caller, info.context.services
        await look_images.delete(services.database, caller, uuid_or(asked.id, LookNotFound))
        return DeleteLookPayload(deleted_look_id=asked.id)


def _size(upload: object, text: str | None) -> int:
    """Return how many bytes came; what is no file is for `_image` to refuse."""
    size = getattr(upload, "size", None)
    return decoded_length(text) if text is not None else size if isinstance(size, int) else 0


async def _image(upload: object, text: str | None, field: str) -> Image:
    if (upload is None) == (text is None):
        raise InvalidInput(f"Either {field} or {field}Base64 is required", field=field)
    if text is not None:
        return await decode_image(text, field=f"{field}Base64")
    if not hasattr(upload, "read"):
        raise InvalidInput(f"{field} must be an uploaded file", field=field)
    # One byte more than allowed tells that there is too much.
    return await checked_image(await upload.read(LARGEST_IMAGE_BYTES + 1), field=field)
