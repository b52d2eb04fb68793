"""What the application gives to whoever calls the rules, as far as it is the same for all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from auth.caller import Caller
from auth.signed_paths import PlainPaths
from db.engine.database import Database
from db.engine.feed import JobFeed
from resolvers.models import Catalogue
from resolvers.ports import Storage
from resolvers.streams import Streams
from resolvers.turns import Turns


@dataclass(frozen=True)
class Services:
    """Where jobs are, where files are, and what is offered."""

    database: Database
    storage: Storage
    catalogue: Catalogue


@dataclass(frozen=True)
class EdgeServices(Services):
    """What both APIs need besides: the feed of changes, the open streams, who admits callers, and whose turn it is.

    `addresses` is how clients reach the files of this site.
    """

    feed: JobFeed
    streams: Streams
    addresses: PlainPaths
    authenticate: Callable[[str | None], Awaitable[Caller]]
    turns: Turns = field(default_factory=Turns, kw_only=True)
