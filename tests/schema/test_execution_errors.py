"""The fast path of execution tells whatever goes wrong exactly as the stock executor does."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import graphql
import pytest

from db.errors import DatabaseUnavailable
from db.models import VideoJobStatus
from resolvers import look_videos, looks, video_jobs
from schema import connections, types
from tests.schema.twins import JOBS, LOOKS, Twins


class Awaited:
    """What stock waits for when it finds it in the place of a value."""

    def __await__(self) -> Any:
        yield from ()
        return "awaited"


class Fine:
    """What stock takes for a text when it finds it in the place of one."""

    def __str__(self) -> str:
        return "fine"


class Raising:
    """An attribute that cannot be read."""

    def __get__(self, *_: object) -> None:
        raise LookupError("the inside")


STRANGE: dict[tuple[str, str], list[Any]] = {
    ("Look", "title"): [7, True, 1.5, Fine(), Awaited(), ValueError("as a value"), [], b"x", object, Raising()],
    ("Look", "notes"): [graphql.Undefined, graphql.GraphQLError("told")],
    ("Look", "id"): [None, 7, 1.5, True, Fine(), Raising(), KeyError("as a value")],
    ("Look", "visibility"): [None, "PRIVATE", "nonsense", VideoJobStatus.FAILED, 7, []],
    ("Look", "created_at"): [None, "yesterday", 7, Awaited()],
    ("Look", "row"): [None, Raising()],
    ("Product", "name"): [None, 7, Raising(), Awaited()],
    ("Product", "price"): [float("nan"), float("inf"), "12.5", "dear", 3, True, 2**70, None],
    ("Product", "row"): [None, Raising()],
    ("LookVideo", "status"): [None, "FAILED", "nonsense"],
    ("LookVideo", "progress_percentage"): [2**31, -(2**31) - 1, 2.0, 2.5, "3", False, None],
    ("LookVideo", "row"): [None, Raising()],
    ("SharedWith", "name"): [7, Raising()],
    ("VideoJob", "version"): [2**31, 2**31 - 1, None, float("nan")],
    ("VideoJob", "video_duration_seconds"): [float("-inf"), 8, Raising()],
    ("VideoJob", "row"): [None, Raising()],
    ("VideoJobLog", "message"): [None, 7, Raising()],
    ("TokenTransaction", "amount"): [None, 2**40, Raising()],
}
SPOILT = [(*place, value) for place, values in STRANGE.items() for value in values]


def spoil(
    monkeypatch: pytest.MonkeyPatch, name: str, attribute: str, value: object, places: Callable[[int], bool]
) -> None:
    """Let objects of a type have a strange value: those of every place that is wanted, in the order of first sight."""
    type_ = getattr(types, name)
    seen: dict[object, int] = {}
    original = type_.of

    def of(row: Any) -> Any:
        made = original(row)
        if places(seen.setdefault(made.cursor if name == "VideoJobLog" else made.id, len(seen))):
            if isinstance(value, Raising):
                made.__class__ = type("Spoilt", (type_,), {attribute: value})
            else:
                setattr(made, attribute, value)
        return made

    monkeypatch.setattr(type_, "of", of)


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

    await twins.agree_on_errors(LOOKS)
    await twins.agree_on_errors(JOBS)
    await twins.agree_on_errors(
        '{ look(id: "LOOK") { id title visibility createdAt generatedImageUrl products { name price } } }'
    )


NO_LISTS: list[Any] = [None, 7, "text", (), iter(()), {}, [None], [7], ValueError("as a value"), Awaited()]


@pytest.mark.parametrize("nodes", NO_LISTS)
async def test_whatever_is_no_list(twins: Twins, monkeypatch: pytest.MonkeyPatch, nodes: Any) -> None:
    def strange(*arguments: Any, **more: Any) -> Any:
        made = connections.connection(*arguments, **more)
        made.nodes = nodes
        return made

    monkeypatch.setattr("schema.queries.connection", strange)

    await twins.agree_on_errors(LOOKS)
    await twins.agree_on_errors(JOBS)


@pytest.mark.parametrize("error", [RuntimeError("the inside"), DatabaseUnavailable(), graphql.GraphQLError("told")])
@pytest.mark.parametrize(
    ("module", "read"),
    [
        (looks, "products_by_look"),
        (look_videos, "videos_by_look"),
        (video_jobs, "logs_by_job"),
        (video_jobs, "ledger_by_job"),
        (video_jobs, "looks_by_job"),
    ],
)
async def test_a_read_that_fails(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, module: object, read: str, error: Exception
) -> None:
    async def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, read, failing)

    await twins.agree_on_errors(LOOKS)
    await twins.agree_on_errors(JOBS)


async def test_a_read_that_fails_for_some(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_session: object, ids: list[UUID]) -> dict[UUID, Any]:
        return {id_: ValueError(f"place {place}") for place, id_ in enumerate(ids) if place % 2}

    monkeypatch.setattr(looks, "products_by_look", read)

    body = await twins.agree_on_errors(LOOKS)

    assert len(body["raised"]) == 1
    assert "place 1" in body["raised"][0]
