"""`/api/v1/looks`: looks with their products and videos; `/api/v1/migrate`: the owner's one-time set-up call."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Query, Response

from db.engine.statements import Reader
from db.enums import AuditAction
from db.looks import LookRow, LookView
from db.specification import values_of
from resolvers import look_images, looks
from resolvers.audit import Act, record
from resolvers.errors import InvalidInput, LookNotFound
from resolvers.image_files import decode_image, decoded_length
from resolvers.limits import require_room
from resolvers.look_images import LookInput, ProductInput
from resolvers.looks import ProductFields
from resolvers.texts import uuid_or
from rest_compat.bodies import Item, encoded_items, json_response, list_of, look_bodies
from rest_compat.look_wire import LookBody, LookChangesBody, LookListBody, NewLookBody, NewProductBody, VisibilityBody
from rest_compat.paging import LimitOfLooks, Skip, given
from rest_compat.services import IN_TURN, Call, LookId, ShowUrl, allow, router_at
from rest_compat.wire import MigrationBody, RefusalBody

router = router_at("/api/v1/looks", "looks")
migration_router = router_at("/api/v1/migrate", "migration")

# How many looks are read and put together at a time: two milliseconds' work, between which others are answered.
AT_ONCE = 50
UNKNOWN: dict[int | str, dict[str, object]] = {401: {"model": RefusalBody}, 404: {"model": RefusalBody}}
REFUSED: dict[int | str, dict[str, object]] = {400: {"model": RefusalBody}, 401: {"model": RefusalBody}}


@router.post("", status_code=201, response_model=LookBody, responses=REFUSED)
async def create_look(body: NewLookBody, call: Call) -> Item:
    """Make a look; its images come as base64."""
    allow(call.request, None)  # their storage has limits of its own, and so has each use of the database
    services, policy = call.services, call.services.catalogue.policy
    await require_room(services.database.reader, call.caller.user_id, policy.quotas, sum(_sizes(body)))
    look = await look_images.create(services.database, services.storage, call.caller, await _asked(body), policy)
    async with call.transaction() as transaction:
        return await _body(transaction, look, call.show)


@router.get("", response_model=LookListBody, responses=REFUSED, dependencies=[IN_TURN])
async def list_looks(  # noqa: PLR0913 - one parameter for each of the query
    call: Call,
    *,
    view_type: Annotated[str, Query(description="`my_private`, `shared_with_me` or `public`")] = LookView.MY_PRIVATE,
    search: Annotated[
        str | None, Query(description="A part of title, product name or sku, and for owners and admins of the notes")
    ] = None,
    skip: Skip = 0,
    limit: LimitOfLooks = 100,
    everybodys: Annotated[bool, Query(alias="all", description="Everybody's looks; for admins")] = False,
) -> Response:
    """List looks, newest first."""
    wanted = looks.listed(call.caller, LookView.ALL if everybodys else _view(given(view_type)), search)
    page = await wanted.offset_page(call.reader, skip=skip, limit=limit)
    encoded = [encoded_items(bodies) async for bodies in _parts(call.reader, page.rows, call.show)]
    return json_response({"looks": list_of(encoded), "total": page.total, "skip": skip, "limit": limit})


@router.get("/{look_id}", response_model=LookBody, responses=UNKNOWN, dependencies=[IN_TURN])
async def read_look(look_id: LookId, call: Call) -> Item:
    """Read a look that the caller may see."""
    look = await looks.get(call.reader, call.caller, uuid_or(look_id, LookNotFound))
    return await _body(call.reader, look, call.show)


@router.patch("/{look_id}", response_model=LookBody, responses=REFUSED | UNKNOWN)
async def update_look(look_id: LookId, body: LookChangesBody, call: Call) -> Item:
    """Change title and notes."""
    changes = body.model_dump(exclude_unset=True)
    async with call.transaction() as transaction:
        look = await looks.update(transaction, call.caller, uuid_or(look_id, LookNotFound), changes)
        return await _body(transaction, look, call.show)


@router.patch("/{look_id}/visibility", response_model=LookBody, responses=REFUSED | UNKNOWN)
async def set_look_visibility(look_id: LookId, body: VisibilityBody, call: Call) -> Item:
    """Decide who may see a look."""
    shared_with = looks.user_ids(body.shared_with_user_ids)
    async with call.transaction() as transaction:
        id_ = uuid_or(look_id, LookNotFound)
        look = await looks.set_visibility(transaction, call.caller, id_, body.visibility, shared_with)
        return await _body(transaction, look, call.show)


@router.delete("/{look_id}", status_code=204, responses=UNKNOWN)
async def delete_look(look_id: LookId, call: Call) -> None:
    """Delete a look with its images; its video jobs stay."""
    await look_images.delete(call.services.database, call.caller, uuid_or(look_id, LookNotFound))


@migration_router.post("/look-videos", responses={401: {"model": RefusalBody}, 403: {"model": RefusalBody}})
async def migrate_look_videos(call: Call) -> MigrationBody:
    """Make the table that links videos to looks; for admins, safe to call again."""
    call.caller.require_admin()
    if await call.services.migrate_look_videos():
        async with call.transaction() as transaction:
            await record(transaction, call.caller, Act(AuditAction.MIGRATE_LOOK_VIDEOS))
        return MigrationBody(status="success", message="The look_videos table has been created")
    return MigrationBody(status="already_migrated", message="The look_videos table is there already")


async def _body(reader: Reader, look: LookRow, show: ShowUrl) -> Item:
    [[body]] = [bodies async for bodies in _parts(reader, [look], show)]
    return body


async def _parts(reader: Reader, rows: Sequence[LookRow], show: ShowUrl) -> AsyncIterator[list[Item]]:
    """Read what is in looks and put them together, some at a time; others go on in between."""
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        ids = [look.id for look in some]
        products = await looks.products_by_look(reader, ids)
        videos = await looks.videos_by_look(reader, ids)
        shared_with = await looks.shared_with_by_look(reader, ids)
        yield look_bodies(some, products, videos, shared_with, show)


def _sizes(body: NewLookBody) -> list[int]:
    texts = [body.generated_image_base64, *(product.thumbnail_base64 for product in body.products)]
    return [decoded_length(text) for text in texts]


async def _asked(body: NewLookBody) -> LookInput:
    image = await decode_image(body.generated_image_base64, field="generatedImageBase64")
    return LookInput(
        title=body.title,
        notes=body.notes,
        image=image,
        products=[await _asked_product(product, f"products.{number}") for number, product in enumerate(body.products)],
        visibility=body.visibility,
        shared_with_user_ids=body.shared_with_user_ids,
    )


async def _asked_product(product: NewProductBody, place: str) -> ProductInput:
    return ProductInput(
        **values_of(product, ProductFields),
        thumbnail=await decode_image(product.thumbnail_base64, field=f"{place}.thumbnailBase64"),
    )


def _view(name: str | None) -> LookView:
    name = name or LookView.MY_PRIVATE
    if name in (LookView.MY_PRIVATE, LookView.SHARED_WITH_ME, LookView.PUBLIC):
        return LookView(name)
    raise InvalidInput("view_type must be my_private, shared_with_me or public", field="view_type")
