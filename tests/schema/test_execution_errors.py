"""Batch execution reports whatever goes wrong exactly as the default executor does."""

import gc
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import graphql
import pytest

from db.engine.errors import DatabaseUnavailable
from db.engine.pool import Pool
from db.engine.statements import Row, Statement
from db.enums import VideoJobStatus
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookList, LookRow, ProductRow, SharedWith
from db.video_job_lists import VideoJobFilter
from db.video_jobs import LogLine, VideoJobRow
from graphql_server.fields import Loader
from schema.connections import Connection
from tests.schema.twins import JOBS, LOOK, LOOKS, Twins

# When a field fails, the default executor gives up what it has begun for its neighbours, some before the first step.
GIVEN_UP = "Exception ignored in. <coroutine object (Executor|GraphQLCoreConverter)"
pytestmark = pytest.mark.filterwarnings(f"ignore:{GIVEN_UP}:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def _given_up() -> Iterator[None]:
    """Let what was given up be found here, and not in a test that comes later."""
    yield
    gc.collect()


class Awaited:
    """What the default executor waits for when it finds it in the place of a value."""

    def __await__(self) -> Any:
        yield from ()
        return "awaited"


class Fine:
    """What the default executor takes for a text when it finds it in the place of one."""

    def __str__(self) -> str:
        return "fine"


class Raising:
    """An attribute that cannot be read."""

    def __get__(self, *_: object) -> None:
        raise LookupError("the inside")


STRANGE: dict[tuple[str, str], list[Any]] = {
    ("Look", "title"): [7, True, 1.5, Fine(), Awaited(), ValueError("as a value"), [], b"x", object, Raising()],
    ("Look", "notes"): [graphql.Undefined, graphql.GraphQLError("told")],
    ("Look", "visibility"): [None, "PRIVATE", "nonsense", VideoJobStatus.FAILED, 7, []],
    ("Look", "created_at"): [None, "yesterday", 7, Awaited()],
    ("Look", "generated_image_url"): [None, 7, Raising()],
    ("Product", "id"): [None, 7, 1.5, True, Fine(), Raising(), KeyError("as a value")],
    ("Product", "name"): [None, 7, Raising(), Awaited()],
    ("Product", "price"): [float("nan"), float("inf"), "12.5", "dear", 3, True, 2**70, None],
    ("Product", "thumbnail_url"): [None, 7, Raising()],
    ("LookVideo", "status"): [None, "FAILED", "nonsense"],
    ("LookVideo", "progress_percentage"): [2**31, -(2**31) - 1, 2.0, 2.5, "3", False, None],
    ("LookVideo", "thumbnail_url"): [None, 7, Raising()],
    ("SharedWith", "name"): [7, Raising()],
    ("VideoJob", "version"): [2**31, 2**31 - 1, None, float("nan")],
    ("VideoJob", "video_duration_seconds"): [float("-inf"), 8, Raising()],
    ("VideoJob", "cloudinary_url"): [None, 7, Raising()],
    ("VideoJobLog", "message"): [None, 7, Raising()],
    ("TokenTransaction", "amount"): [None, 2**40, Raising()],
}
SPOILT = [(*place, value) for place, values in STRANGE.items() for value in values]


class Spoilt(SimpleNamespace):
    """Stands for a row; by place it has but the first column, which tells whose it is."""

    def __getitem__(self, _place: int) -> Any:
        return self.first


SHOWN_OF: dict[str, set[type[Row]]] = {
    "Look": {LookRow, LookOfJob},
    "Product": {ProductRow},
    "LookVideo": {VideoInLook},
    "SharedWith": {SharedWith},
    "VideoJob": {VideoJobRow},
    "VideoJobLog": {LogLine},
    "TokenTransaction": {LedgerRow},
}
SHOWING: dict[str, list[str]] = {
    "Look": [LOOKS, JOBS, LOOK],
    "Product": [LOOKS, JOBS, LOOK],
    "LookVideo": [LOOKS],
    "SharedWith": [LOOKS],
    "VideoJob": [JOBS],
    "VideoJobLog": [JOBS],
    "TokenTransaction": [JOBS],
}


def spoil(
    monkeypatch: pytest.MonkeyPatch, name: str, attribute: str, value: object, places: Callable[[int], bool]
) -> None:
    """Let rows of a type have a strange value: those of every place that is wanted, in the order of first sight."""
    seen: dict[object, int] = {}
    fetch = Pool.fetch

    def spoilt(row: Row) -> Any:
        columns = dict(row)
        if not places(seen.setdefault(columns["id"], len(seen))):
            return row
        if isinstance(value, Raising):
            return type("Raises", (Spoilt,), {attribute: value})(
                first=row[0], **{name: kept for name, kept in columns.items() if name != attribute}
            )
        return Spoilt(first=row[0], **columns | {attribute: value})

    async def fetch_and_spoil(self: Pool, statement: Statement[Any], **values: object) -> list[Any]:
        rows = await fetch(self, statement, **values)
        return list(map(spoilt, rows)) if statement.row in SHOWN_OF[name] else rows

    monkeypatch.setattr(Pool, "fetch", fetch_and_spoil)


@pytest.mark.parametrize("places", [lambda _: True, lambda place: place % 3 == 1], ids=["all", "some"])
@pytest.mark.parametrize(("name", "attribute", "value"), SPOILT)
async def test_whatever_is_wrong_with_a_value(  # noqa: PLR0913, PLR0917 - the parameters and two fixtures
    twins: Twins,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    attribute: str,
    value: object,
    places: Callable[[int], bool],
) -> None:
    spoil(monkeypatch, name, attribute, value, places)

    for query in SHOWING[name]:
        await twins.agree_on_errors(query)


NO_LISTS: list[Any] = [None, 7, "text", (), iter(()), {}, [None], [7], ValueError("as a value"), Awaited()]


@pytest.mark.parametrize("nodes", NO_LISTS)
async def test_whatever_is_no_list(twins: Twins, monkeypatch: pytest.MonkeyPatch, nodes: Any) -> None:
    read = Connection.read.__func__  # type: ignore[attr-defined] # what the class method is made of

    async def strange(*arguments: Any, **more: Any) -> Any:
        made = await read(*arguments, **more)
        made.nodes = nodes
        return made

    monkeypatch.setattr(Connection, "read", classmethod(strange))

    await twins.agree_on_errors(LOOKS)
    await twins.agree_on_errors(JOBS)


@pytest.mark.parametrize("error", [RuntimeError("the inside"), DatabaseUnavailable(), graphql.GraphQLError("told")])
@pytest.mark.parametrize("page", [LookList, VideoJobFilter])
async def test_a_page_that_cannot_be_read(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, page: type, error: Exception
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(page, "page", failing)

    bodies = [await twins.agree_on_errors(LOOKS), await twins.agree_on_errors(JOBS)]
    assert sum(len(body["errors"]) for body in bodies) == 1


@pytest.mark.parametrize("error", [RuntimeError("the inside"), DatabaseUnavailable(), graphql.GraphQLError("told")])
@pytest.mark.parametrize("row", [ProductRow, VideoInLook, LogLine, LedgerRow, LookOfJob])
async def test_a_read_that_fails(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, row: type[Row], error: Exception
) -> None:
    fetch = Pool.fetch

    async def failing(pool: Pool, statement: Statement[Row], **values: object) -> list[Row]:
        if issubclass(statement.row, row):
            raise error
        return await fetch(pool, statement, **values)

    monkeypatch.setattr(Pool, "fetch", failing)

    bodies = [await twins.agree_on_errors(LOOKS), await twins.agree_on_errors(JOBS)]
    assert any(body["errors"] for body in bodies)


async def test_a_read_that_fails_for_some(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    def loader(load: Callable[[list[UUID]], Awaitable[list[Any]]]) -> Loader[UUID, Any]:
        async def load_some(ids: list[UUID]) -> list[Any]:
            found = await load(ids)
            if not any(isinstance(row, ProductRow) for rows in found if isinstance(rows, list) for row in rows):
                return found
            return [ValueError(f"place {place}") if place % 2 else rows for place, rows in enumerate(found)]

        return Loader(load_some)

    monkeypatch.setattr("schema.context.Loader", loader)

    body = await twins.agree_on_errors(LOOKS)

    assert len(body["raised"]) == 1
    assert "place 1" in body["raised"][0]
