"""Relay: nodes, which can be read again by their ids, and connections over keyset pages.

See the specifications of Global Object Identification and of Cursor Connections.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from db.engine import statements
from db.engine.paging import MOST_COUNTED, Page, Position, Selection
from db.looks import LookRow
from db.video_jobs import VideoJobRow
from graphql_server.fields import column
from resolvers import looks, video_jobs
from resolvers.errors import InvalidInput
from resolvers.texts import uuid_of
from schema.context import Info, ReadFor, RequestContext, nothing

DEFAULT_FIRST = 20
LARGEST_FIRST = 100
# Longer than any of ours; to decode what somebody else has made up may take long.
LONGEST_CURSOR = 200

First = Annotated[int | None, strawberry.argument(description="How many at most, 0 to 100")]
After = Annotated[str | None, strawberry.argument(description="The cursor of the node before the page")]

TOTAL = f"How many there are in the whole list, whatever the page; counted up to {MOST_COUNTED:,}, when it is asked for"

Item = TypeVar("Item")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether more nodes follow")
    has_previous_page: bool = strawberry.field(description="Whether the page was asked for with `after`")
    start_cursor: str | None = strawberry.field(description="The cursor of the first node")
    end_cursor: str | None = strawberry.field(description="Give this as `after` to read the next page")


@strawberry.type(description="A node and its place in the list.")
class Edge(Generic[Item]):
    """Relay's edge."""

    node: Item = strawberry.field(description="The node itself")
    cursor: str = strawberry.field(description="The node's place; stays valid when others are added")


def _edges(connections: Sequence["Connection[Any]"], _context: RequestContext) -> list[list[Edge[Any]]]:
    """Make the cursors, which not every client asks for."""
    return [
        [Edge(node=node, cursor=cursor_of(row)) for node, row in zip(shown.nodes, shown.page.rows, strict=True)]
        for shown in connections
    ]


def _page_infos(connections: Sequence["Connection[Any]"], _context: RequestContext) -> list[PageInfo]:
    """Tell the pages' ends."""
    return [
        PageInfo(
            has_next_page=shown.page.has_next,
            has_previous_page=not shown.is_first,
            start_cursor=cursor_of(shown.page.rows[0]) if shown.page.rows else None,
            end_cursor=cursor_of(shown.page.rows[-1]) if shown.page.rows else None,
        )
        for shown in connections
    ]


async def _totals(connections: Sequence["Connection[Any]"], context: RequestContext) -> list[int]:
    """Count, which not every client asks for."""
    return [await shown.wanted.total(context.reader) for shown in connections]


def page_arguments(first: int | None, after: str | None) -> tuple[int, Position | None]:
    """Check a connection's arguments; null stands for the default, as it does for all that have one.

    Raises InvalidInput when `first` is out of range, or `after` is no cursor.
    """
    first = DEFAULT_FIRST if first is None else first
    if not 0 <= first <= LARGEST_FIRST:
        raise InvalidInput(f"'first' must be 0 to {LARGEST_FIRST}", field="first")
    return first, None if after is None else position_of(after)


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    """Relay's connection."""

    nodes: list[Item] = strawberry.field(description="The edges' nodes, for clients that need no cursors")
    page: strawberry.Private[Page[Any]]
    wanted: strawberry.Private[Selection[Any]]
    is_first: strawberry.Private[bool]
    total_count: int = column(_totals, TOTAL)
    edges: list[Edge[Item]] = column(_edges, "The nodes with their places")
    page_info: PageInfo = column(_page_infos, "Where the page stands in the list")

    @classmethod
    async def read(cls, info: Info, wanted: Selection[Any], *, first: int | None, after: str | None) -> Self:
        """Read a page of what is wanted, whose rows are the nodes; raises as `page_arguments`."""
        size, position = page_arguments(first, after)
        page = await wanted.page(info.context.reader, first=size, after=position)
        return cls(nodes=list(page.rows), page=page, wanted=wanted, is_first=after is None)


def cursor_of(row: Any) -> str:  # noqa: ANN401 - a row that has both
    """Return where a row stands: by when it was made, and its id."""
    return urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def position_of(cursor: str) -> Position:
    """Read a cursor.

    Raises InvalidInput: it is none.
    """
    try:
        created_at, id_ = urlsafe_b64decode(cursor[:LONGEST_CURSOR]).decode().split(" ")
        return Position(datetime.fromisoformat(created_at).astimezone(UTC), UUID(id_))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("'after' is not a cursor of this list", field="after") from error


MOST_NODES = 100


@strawberry.interface(description="What can be read again by its id.")
class Node:
    """Relay's interface; what its objects are is told by their rows, so that nothing is asked of them in lists."""

    id: strawberry.ID = strawberry.field(description="A UUID, the same over both APIs")

    @staticmethod
    def resolve_type(row: statements.Row, _info: GraphQLResolveInfo[Any], _type: GraphQLAbstractType) -> str:
        """Name the type of a row."""
        return "VideoJob" if isinstance(row, VideoJobRow) else "Look"


async def read_nodes(context: RequestContext, ids: Sequence[str]) -> list[VideoJobRow | LookRow | None]:
    """Read what the caller may read, in the order of the ids, in a statement for each type.

    Raises InvalidInput when there are too many ids.
    """
    _ = context.authenticated_caller
    if len(ids) > MOST_NODES:
        raise InvalidInput(f"At most {MOST_NODES} ids can be read at once", field="ids")
    asked = [_uuid(id_) for id_ in ids]
    wanted = list(dict.fromkeys(id_ for id_ in asked if id_ is not None))
    kinds: tuple[ReadFor[Any], ...] = (video_jobs.read_many, looks.read_many)
    shown = await asyncio.gather(*(context.readable(read, nothing).load_all(wanted) for read in kinds))
    found = {id_: job or look for id_, job, look in zip(wanted, *shown, strict=True)}
    return [None if id_ is None else found[id_] for id_ in asked]


def _uuid(text: str) -> UUID | None:
    try:
        return uuid_of(text)
    except ValueError:
        return None
