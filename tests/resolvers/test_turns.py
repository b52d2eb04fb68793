"""One user's queries take turns, in their order; other users' do not wait for them, and nobody is remembered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from operator import le
from typing import Any

import pytest

from auth.caller import Caller
from db.engine.pool import Pool
from db.engine.statements import Statement
from db.looks import LookRow
from graphql_server.execution.batch import Batching
from resolvers.turns import Turns
from rest_compat import bodies, looks
from rest_compat.bodies import Item
from tests.graphql_server.shop import ShopContext, shop
from tests.house import House, eventually


class Desk:
    """Where some wait for `go`; `inside` are those whose turn it is, in order of their coming."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.inside: list[str] = []
        self.go = asyncio.Event()

    async def visit(self, user: str, name: str) -> None:
        async with self.turns.of(user):
            self.inside.append(name)
            await self.go.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_user_has_one_turn_at_a_time() -> None:
    desk = Desk()
    visits = [asyncio.create_task(desk.visit(name[0], name)) for name in ("a1", "a2", "b1", "a3", "b2")]
    await settle()
    assert desk.inside == ["a1", "b1"]

    desk.go.set()
    await asyncio.gather(*visits)
    assert sorted(desk.inside) == ["a1", "a2", "a3", "b1", "b2"]
    assert [name for name in desk.inside if name[0] == "a"] == ["a1", "a2", "a3"]
    assert len(desk.turns) == 0


async def test_who_goes_away_keeps_nobody_waiting() -> None:
    desk = Desk()
    first, second, third = (asyncio.create_task(desk.visit("a", name)) for name in ("1", "2", "3"))
    await settle()
    for visit in (second, first):
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit
    await settle()
    assert desk.inside == ["1", "3"]

    desk.go.set()
    await third
    assert len(desk.turns) == 0


async def graphql(house: House, who: Caller) -> object:
    return (await house.graphql(who, "{ looks { nodes { id } } }"))["data"]["looks"]["nodes"]


async def rest(house: House, who: Caller) -> object:
    return (await house.http.get("/api/v1/looks", headers=house.headers(who))).json()["looks"]


@pytest.mark.parametrize("wires", [(graphql, graphql), (rest, rest), (graphql, rest), (rest, graphql)])
async def test_queries_of_one_user_are_executed_one_after_the_other(
    house: House, monkeypatch: pytest.MonkeyPatch, wires: Sequence[Callable[[House, Caller], Awaitable[object]]]
) -> None:
    one, other = await house.user(), await house.user()
    reading: list[object] = []
    go, fetch = asyncio.Event(), Pool.fetch

    async def held(self: Pool, statement: Statement[Any], **values: object) -> list[Any]:
        if statement.row is LookRow:
            reading.append(values["viewer"])
            await go.wait()
        return await fetch(self, statement, **values)

    async def begun() -> int:
        return len(reading)

    monkeypatch.setattr(Pool, "fetch", held)
    asked = []
    for number, who, ask in ((1, one, wires[0]), (1, one, wires[1]), (2, other, wires[1])):
        asked.append(asyncio.ensure_future(ask(house, who)))
        await eventually(begun, partial(le, number))
    assert reading == [one.user_id, other.user_id]

    go.set()
    assert await asyncio.gather(*asked) == [[]] * 3
    assert len(reading) == 3


@pytest.mark.parametrize(
    "path", ["/api/v1/looks", "/api/v1/looks/{look}", "/api/v1/video-jobs", "/api/v1/subscription/history"]
)
async def test_what_may_be_long_takes_turns_over_rest(house: House, path: str, noted_turns: list[Hashable]) -> None:
    caller = await house.user()
    look = (await house.look(caller)).id

    answer = await house.http.get(path.format(look=look), headers=house.headers(caller))

    assert answer.status_code == 200
    assert noted_turns == [("executing", caller.user_id)]


async def test_others_go_on_while_a_page_is_put_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, course, put_together = await house.user(), list[str](), bodies.look_bodies
    ids = [str((await house.look(caller)).id) for _ in range(5)]

    def noted(rows: Sequence[LookRow], *more: Any) -> list[Item]:
        course.append(f"{len(rows)} looks")
        asyncio.get_running_loop().call_soon(course.append, "others")
        return put_together(rows, *more)

    monkeypatch.setattr(looks, "look_bodies", noted)
    monkeypatch.setattr(looks, "AT_ONCE", 2)
    answer = await house.http.get("/api/v1/looks", headers=house.headers(caller))

    assert [look["id"] for look in answer.json()["looks"]] == ids[::-1]
    assert course == ["2 looks", "others", "2 looks", "others", "1 looks", "others"]


async def test_many_queries_of_one_user_are_all_answered(house: House) -> None:
    caller = await house.user()
    look = str((await house.look(caller)).id)

    answers = await asyncio.gather(*(house.graphql(caller, "{ looks { nodes { id } } }") for _ in range(30)))

    assert [answer["data"] for answer in answers] == [{"looks": {"nodes": [{"id": look}]}}] * 30


@dataclass
class Waiting(ShopContext):
    """A customer whose queries take turns."""

    turns: Turns = field(default_factory=Turns)

    def turn(self, at: str) -> AbstractAsyncContextManager[None]:
        return self.turns.of((at, "customer"))


INTROSPECTION = "{ __schema { types { name } } }"


@pytest.mark.parametrize("queries", [[INTROSPECTION] * 4, [f"{{ nothing{number} }}" for number in range(4)]])
async def test_others_go_on_between_queries_that_wait_for_nothing(queries: list[str]) -> None:
    schema, context = shop(Batching()), Waiting()
    await schema.execute(INTROSPECTION, None, context)
    course: list[str] = []

    async def ask(query: str) -> None:
        await schema.execute(query, None, context)
        course.append("answer")

    async def go_on() -> None:
        while True:
            course.append("other")
            await asyncio.sleep(0)

    other = asyncio.create_task(go_on())
    await asyncio.gather(*map(ask, queries))
    other.cancel()

    assert course.count("answer") == len(queries)
    assert ("answer", "answer") not in pairwise(course)


@pytest.fixture
def noted_turns(monkeypatch: pytest.MonkeyPatch) -> list[Hashable]:
    """Collect whose turns are asked for."""
    asked: list[Hashable] = []
    of = Turns.of

    @asynccontextmanager
    async def noted(self: Turns, user: Hashable) -> AsyncIterator[None]:
        asked.append(user)
        async with of(self, user):
            yield

    monkeypatch.setattr(Turns, "of", noted)
    return asked


async def test_all_who_name_nobody_take_turns_as_one(house: House, noted_turns: list[Hashable]) -> None:
    answer = await house.graphql(None, "{ somebody: __typename }")

    assert answer["data"] == {"somebody": "Query"}
    assert noted_turns == [("reading", None), ("executing", None)]
