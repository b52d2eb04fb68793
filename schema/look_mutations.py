"""The mutations about looks. Images come as uploads (GraphQL multipart request) or as data URIs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

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
from schema.context import INPUT, Info
from schema.errors import LookError, refusals_into
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

    @strawberry.mutation(description="Make a look.")
    async def create_look(self, info: Info, input: Annotated[CreateLookInput, INPUT]) -> LookPayload:  # noqa: A002 - Relay's name
        """Create a look."""
        caller, payload = info.context.authenticated_caller, LookPayload()
        services = info.context.services
        with refusals_into(payload.errors):
            policy = services.catalogue.policy
            await require_room(services.database.reader, caller.user_id, policy.quotas, sum(input.sizes()))
            asked = await input.asked()
            look = await look_images.create(services.database, services.storage, caller, asked, policy)
            payload.look = Look.of(look)
        return payload

    @strawberry.mutation(description="Change a look's title and notes.")
    async def update_look(self, info: Info, input: Annotated[UpdateLookInput, INPUT]) -> LookPayload:  # noqa: A002 - Relay's name
        """Update a look."""
        caller, payload = info.context.authenticated_caller, LookPayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                look = await looks.update(transaction, caller, uuid_or(input.id, LookNotFound), input.changes())
            payload.look = Look.of(look)
        return payload

    @strawberry.mutation(description="Decide who may see a look.")
    async def set_look_visibility(self, info: Info, input: Annotated[SetLookVisibilityInput, INPUT]) -> LookPayload:  # noqa: A002 - Relay's name
        """Set a look's visibility."""
        caller, payload = info.context.authenticated_caller, LookPayload()
        with refusals_into(payload.errors):
            shared_with = looks.user_ids(input.shared_with_user_ids or [])
            async with info.context.transaction() as transaction:
                look = await looks.set_visibility(
                    transaction, caller, uuid_or(input.id, LookNotFound), input.visibility, shared_with
                )
            payload.look = Look.of(look)
        return payload

    @strawberry.mutation(description="Delete a look with its images; its video jobs stay.")
    async def delete_look(self, info: Info, input: Annotated[LookIdInput, INPUT]) -> DeleteLookPayload:  # noqa: A002 - Relay's name
        """Delete a look."""
        caller, payload = info.context.authenticated_caller, DeleteLookPayload()
        services = info.context.services
        with refusals_into(payload.errors):
            await look_images.delete(services.database, caller, uuid_or(input.id, LookNotFound))
            payload.deleted_look_id = input.id
        return payload


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
