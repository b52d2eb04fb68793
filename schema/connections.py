"""Relay connections (GraphQL Cursor Connections Specification) over keyset pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Generic, Protocol, TypeVar
from uuid import UUID

import strawberry

from db.pages import Page, Position
from resolvers.errors import InvalidInput

DEFAULT_FIRST = 20
LARGEST_FIRST = 100

First = Annotated[int, strawberry.argument(description="How many at most, 0 to 100")]
After = Annotated[str | None, strawberry.argument(description="The cursor of the node before the page")]

Node = TypeVar("Node")


class Positioned(Protocol):
    """A row that has a place in the newest-first order."""

    @property
    def id(self) -> UUID:
        """What tells it from others that were made at once."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        ...


Row = TypeVar("Row", bound=Positioned)


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether more nodes follow")
    has_previous_page: bool = strawberry.field(description="Whether the page was asked for with `after`")
    start_cursor: str | None = strawberry.field(description="The cursor of the first node")
    end_cursor: str | None = strawberry.field(description="Give this as `after` to read the next page")


@strawberry.type(description="A node and its place in the list.")
class Edge(Generic[Node]):
    """Relay's edge."""

    node: Node = strawberry.field(description="The node itself")
    cursor: str = strawberry.field(description="The node's place; stays valid when others are added")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    """Relay's connection."""

    edges: list[Edge[Node]] = strawberry.field(description="The nodes with their places")
    nodes: list[Node] = strawberry.field(description="The edges' nodes, for clients that need no cursors")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list")


def page_arguments(first: int, after: str | None) -> tuple[int, Position | None]:
    """Check a connection's arguments.

    Raises:
        InvalidInput: when `first` is out of range, or `after` is no cursor.

    """
    if not 0 <= first <= LARGEST_FIRST:
        raise InvalidInput(f"'first' must be 0 to {LARGEST_FIRST}", field="first")
    return first, None if after is None else _position(after)


def connection(page: Page[Row], node_of: Callable[[Row], Node], *, after: str | None) -> Connection[Node]:
    """Build the connection of a page."""
    edges = [Edge(node=node_of(row), cursor=_cursor(row)) for row in page.rows]
    return Connection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def _cursor(row: Positioned) -> str:
    return urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def _position(cursor: str) -> Position:
    try:
        created_at, id_ = urlsafe_b64decode(cursor).decode().split(" ")
        return Position(datetime.fromisoformat(created_at).astimezone(UTC), UUID(id_))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("'after' is not a cursor of this list", field="after") from error
