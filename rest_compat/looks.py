"""`/api/v1/looks`: a look with its products and videos."""

from fastapi import APIRouter, Request

from resolvers import looks
from resolvers.errors import LookNotFound
from rest_compat.ids import uuid_or
from rest_compat.services import AdmittedCaller, Services
from rest_compat.wire import LookBody, RefusalBody, look_body

router = APIRouter(prefix="/api/v1/looks", tags=["looks"])


@router.get("/{look_id}", responses={401: {"model": RefusalBody}, 404: {"model": RefusalBody}})
async def read_look(look_id: str, caller: AdmittedCaller, services: Services, request: Request) -> LookBody:
    """Read a look that the caller may see."""
    async with services.database.transaction() as session:
        look = await looks.get(session, caller, uuid_or(look_id, LookNotFound))
        products = await looks.products_by_look(session, [look.id])
        videos = await looks.videos_by_look(session, [look.id])
        shared_with = await looks.shared_with_by_look(session, [look.id])
    return look_body(look, products[look.id], videos[look.id], shared_with[look.id], str(request.base_url))
