"""Statements: written with SQLAlchemy, compiled once, and sent by the driver itself (decision 24).

To execute a statement and make its rows takes SQLAlchemy several times as long as asyncpg.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Insert, Integer, Text, Uuid, any_, bindparam, literal_column, select
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.sql.elements import BindParameter, ClauseElement, CollectionAggregate, ColumnClause
from sqlalchemy.sql.selectable import ScalarSelect
from sqlalchemy.types import TypeEngine

from db.engine.error_names import DRIVER_ERRORS, raise_named

DIALECT = dialect()  # type: ignore[no-untyped-call]


class Row(asyncpg.Record):
    """A row as the driver makes it; a subclass names the columns by its annotations, in the statement's order."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        for place, name in enumerate(cls.columns()):
            setattr(cls, name, property(itemgetter(place)))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names in order, those of a base class first."""
        return tuple(cls.types())

    @classmethod
    def columns_of(cls, *tables: type[DeclarativeBase]) -> list[InstrumentedAttribute[Any]]:
        """Return the columns of the same names, each of the first of the tables that has it."""
        return [next(getattr(table, name) for table in tables if hasattr(table, name)) for name in cls.columns()]

    @classmethod
    @cache
    def types(cls) -> dict[str, object]:
        """Return what each column holds, a type or a type and None; tests ask the server and the tables for it."""
        kinds = (kind for kind in reversed(cls.__mro__) if issubclass(kind, Row))
        return {name: type_ for kind in kinds for name, type_ in vars(kind).get("__annotations__", {}).items()}


class NoRow(Row):
    """What a statement returns that only writes."""


class Id(Row):
    """An id and nothing else."""

    id: UUID


class Number(Row):
    """A number and nothing else."""

    number: int


class Counted(Row):
    """An id with a number, such as how many there are of something."""

    id: UUID
    number: int


class Flag(Row):
    """Whether something is so, and nothing else."""

    is_so: bool


SomeRow = TypeVar("SomeRow", bound=Row)


class _Compiled(NamedTuple):
    """A text, its parameters' names in the driver's order, those that a caller gives, and the values of the others."""

    sql: str
    names: tuple[str, ...]
    parameters: frozenset[str]
    constants: dict[str, Any]


class Statement(Generic[SomeRow]):
    """A statement with named parameters, and what its rows are: none where it only writes.

    `is_slow` says that it may have to look at all rows of a table: only part of the connections is for those.
    """

    @overload
    def __init__(self: "Statement[NoRow]", query: ClauseElement) -> None: ...

    @overload
    def __init__(self, query: ClauseElement, row: type[SomeRow], *, is_slow: bool = False) -> None: ...

    def __init__(self, query: ClauseElement, row: type[Any] = NoRow, *, is_slow: bool = False) -> None:
        self.is_slow = is_slow
        self.row: type[SomeRow] = row
        # Or SQLAlchemy lets each insert return its key.
        self._query = query.inline() if isinstance(query, Insert) else query

    @cached_property
    def _compiled(self) -> _Compiled:
        """When it is first sent: to compile all of them would be a tenth of a process's start."""
        compiled = cast("PGCompiler", self._query.compile(dialect=DIALECT))
        names = tuple(compiled.positiontup or ())
        parameters = frozenset(name for name in names if compiled.binds[name].required)
        return _Compiled(str(compiled), names, parameters, {name: compiled.params[name] for name in names})

    @property
    def sql(self) -> str:
        """The text, with numbered parameters."""
        return self._compiled.sql

    def arguments(self, values: dict[str, object]) -> list[object]:
        """Return the parameters in the driver's order, with the statement's own constants among them.

        Raises TypeError: one is missing, or the statement has none of that name.
        """
        _, names, parameters, constants = self._compiled
        if values.keys() != parameters:
            missing, unknown = sorted(parameters - values.keys()), sorted(values.keys() - parameters)
            raise TypeError(f"A statement lacks the parameters {missing} and has none of the names {unknown}")
        given = constants | values
        return [given[name] for name in names]


def listed(name: str, type_: TypeEngine[Any]) -> ScalarSelect[Any]:
    """Take a list as the parameter of that name.

    As a subquery: PostgreSQL would make a plan for each list of another length anew, which takes two thirds of its time
    for a read by ids.
    """
    return select(bindparam(name, type_=ARRAY(type_))).scalar_subquery()


def among(name: str) -> CollectionAggregate[bool]:
    """Compare with any of the ids that come as the parameter of that name."""
    return any_(cast_to(listed(name, Uuid()), ARRAY(Uuid)))


def given_columns(table: type[DeclarativeBase]) -> dict[str, BindParameter[Any]]:
    """Take a row's columns, but for its times, as parameters of their names."""
    names = (column.name for column in table.__table__.columns)
    return {name: bindparam(name) for name in names if not name.endswith("_at")}


def texts(name: str) -> CollectionAggregate[bool]:
    """Compare with any of the texts that come as the parameter of that name."""
    return any_(bindparam(name, type_=ARRAY(Text)))


def spelled(text: str) -> ColumnClause[Any]:
    """Spell a text of ours out in the statement: a plan made for any text could not use an index of some rows."""
    return literal_column(f"'{text}'")


MOST = bindparam("most", type_=Integer)
"""How many rows are wanted."""


class Reader(ABC):
    """Whatever can send a statement: the connections for single reads, or a transaction.

    `capabilities` is what this process knows of the database and will not change, such as that a table is there.
    What is raised is a `DatabaseUnavailable`.
    """

    capabilities: dict[str, bool]

    @abstractmethod
    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """Return all rows."""

    async def rows_of(self, statement: Statement[SomeRow], id_: UUID) -> list[SomeRow]:
        """Return the rows whose first column is this id; the statement takes a list of them as `ids`."""
        return await self.fetch(statement, ids=[id_])

    async def first(self, statement: Statement[SomeRow], **values: object) -> SomeRow | None:
        """Return the first row, None where there is none."""
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def only(self, statement: Statement[SomeRow], **values: object) -> SomeRow:
        """Return the one row that there is."""
        (found,) = await self.fetch(statement, **values)
        return found

    async def number(self, statement: Statement[Number], **values: object) -> int:
        """Return the number that a statement finds."""
        return (await self.only(statement, **values)).number

    async def numbers(self, statement: Statement[Counted], **values: object) -> dict[UUID, int]:
        """Return the numbers that a statement finds by their ids; those without one are missing."""
        return {found.id: found.number for found in await self.fetch(statement, **values)}

    async def is_so(self, statement: Statement[Flag], **values: object) -> bool:
        """Return what a statement finds to be so; False where it finds nothing."""
        found = await self.first(statement, **values)
        return found is not None and bool(found.is_so)


AnyRow = TypeVar("AnyRow", bound=asyncpg.Record)
Send = Callable[[str, Sequence[object], type[Any]], Awaitable[list[Any]]]
Change = Callable[[Statement[Any], UUID, Mapping[str, object]], Awaitable[list[Any]]]


async def sent(
    connection: asyncpg.Connection, sql: str, arguments: Sequence[object], row: type[AnyRow]
) -> list[AnyRow]:
    """Send a statement on a connection that is ours; its errors are named."""
    try:
        return await connection.fetch(sql, *arguments, record_class=row)
    except (OSError, *DRIVER_ERRORS) as error:
        raise_named(error)
        raise


class Writer(Reader):
    """A transaction on one of the driver's connections: a `Reader` that also writes. `capabilities` is its pool's.

    `wake_ups` goes out once it has committed (`db.engine.database.wake_up_after_commit`); then `tokens` is counted: how
    many the ledger's entries move, by their kind.
    """

    def __init__(self, send: Send, capabilities: dict[str, bool]) -> None:
        self.capabilities = capabilities
        self.wake_ups: list[str] = []
        self.tokens: Counter[str] = Counter()
        self._send = send

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `Reader`."""
        return await self._send(statement.sql, statement.arguments(values), statement.row)

    async def changed(self, statement: Statement[SomeRow], _id: UUID, values: Mapping[str, object]) -> list[SomeRow]:
        """Return the rows whose first column is this id, of a statement that takes a list of each of the values."""
        return await self.fetch(statement, **alone(values))

    async def send(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Return all rows of somebody else's statement."""
        return await self._send(sql, arguments, asyncpg.Record)


class LoneStatement(Writer):
    """A transaction of one statement, which commits by itself, or with others of its kind."""

    def __init__(self, send: Send, change: Change, capabilities: dict[str, bool]) -> None:
        super().__init__(self._first, capabilities)
        self._send_alone = send
        self._change = change
        self._is_sent = False

    async def changed(self, statement: Statement[SomeRow], _id: UUID, values: Mapping[str, object]) -> list[SomeRow]:
        """See `Writer`."""
        self._note_sent()
        return await self._change(statement, _id, values)

    async def _first(self, sql: str, arguments: Sequence[object], row: type[AnyRow]) -> list[AnyRow]:
        self._note_sent()
        return await self._send_alone(sql, arguments, row)

    def _note_sent(self) -> None:
        if self._is_sent:
            raise RuntimeError("A second statement needs a transaction")
        self._is_sent = True


def alone(values: Mapping[str, object]) -> dict[str, list[object]]:
    """Return the parameters of a statement about many for one of them."""
    return {name: [value] for name, value in values.items()}
