"""What can be read again by its id (GraphQL Global Object Identification Specification)."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from db.engine.statements import Row
from db.looks import LookRow
from db.video_jobs import VideoJobRow
from resolvers.errors import InvalidInput
from resolvers.texts import uuid_of
from schema.context import RequestContext

MOST_NODES = 100


@strawberry.interface(description="What can be read again by its id.")
class Node:
    """Relay's interface; what its objects are is told by their rows, so that nothing is asked of them in lists."""

    id: strawberry.ID = strawberry.field(description="A UUID, the same over both APIs")

    @staticmethod
    def resolve_type(row: Row, _info: GraphQLResolveInfo[Any], _type: GraphQLAbstractType) -> str:
        """Name the type of a row."""
        return "VideoJob" if isinstance(row, VideoJobRow) else "Look"


async def read_nodes(context: RequestContext, ids: Sequence[str]) -> list[VideoJobRow | LookRow | None]:
    """Read what the caller may read, in the order of the ids, in a statement for each type.

    Raises:
        InvalidInput: when there are too many ids.

    """
    _ = context.authenticated_caller
    if len(ids) > MOST_NODES:
        raise InvalidInput(f"At most {MOST_NODES} ids can be read at once", field="ids")
    asked = [_uuid(id_) for id_ in ids]
    wanted = list(dict.fromkeys(id_ for id_ in asked if id_ is not None))
    jobs, looks = await asyncio.gather(context.loaders.job.load_all(wanted), context.loaders.look.load_all(wanted))
    found = {id_: job or look for id_, job, look in zip(wanted, jobs, looks, strict=True)}
    return [None if id_ is None else found[id_] for id_ in asked]


def _uuid(text: str) -> UUID | None:
    try:
        return uuid_of(text)
    except ValueError:
        return None
