"""One user's queries take turns, in their order; other users' do not wait for them, and nobody is remembered."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from operator import le
from typing import Any

import pytest

from db.engine.pool import Pool
from db.engine.statements import Statement
from db.looks import LookRow
from graphql_server.execution.batch import Batching
from resolvers.turns import Turns
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


async def test_queries_of_one_user_are_executed_one_after_the_other(
    house: House, monkeypatch: pytest.MonkeyPatch
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
    for number, who in ((1, one), (1, one), (2, other)):
        asked.append(asyncio.create_task(house.graphql(who, "{ looks { nodes { id } } }")))
        await eventually(begun, partial(le, number))
    assert reading == [one.user_id, other.user_id]

    go.set()
    assert [answer["data"] for answer in await asyncio.gather(*asked)] == [{"looks": {"nodes": []}}] * 3


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


async def test_all_who_name_nobody_take_turns_as_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Hashable] = []
    of = Turns.of

    @asynccontextmanager
    async def noted(self: Turns, user: Hashable) -> AsyncIterator[None]:
        asked.append(user)
        async with of(self, user):
            yield

    monkeypatch.setattr(Turns, "of", noted)
    answer = await house.graphql(None, "{ somebody: __typename }")

    assert answer["data"] == {"somebody": "Query"}
    assert asked == [("reading", None), ("executing", None)]
