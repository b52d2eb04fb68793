"""Which queries are executed a field at a time for all objects, and how long their plans live."""

import gc
from typing import Any
from weakref import ref

import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.settings import Settings
from db.engine.database import Database
from graphql_server.documents import Documents
from graphql_server.execution.plans import Planner
from tests.house import House
from tests.schema.test_execution import CORE
from tests.schema.twins import INPUT, Twins
from tests.servers import serving


@pytest.mark.parametrize("fast", [True, False])
async def test_the_switch(
    settings: Settings, database: Database, house: House, monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    taken = []
    execute_operation = StrawberryGraphQLCoreExecutionContext.execute_operation

    def noted(self: StrawberryGraphQLCoreExecutionContext, *arguments: Any) -> Any:
        taken.append(self)
        return execute_operation(self, *arguments)

    monkeypatch.setattr(StrawberryGraphQLCoreExecutionContext, "execute_operation", noted)

    async with serving(settings.model_copy(update={"graphql_fast_execution": fast}), database) as url:
        answer = await house.http.post(f"{url}/graphql", json={"query": "{ __typename }"})

    assert answer.json()["data"] == {"__typename": "Query"}
    assert bool(taken) is not fast


@pytest.mark.parametrize(
    ("query", "variables", "reason"),
    [
        ("{ looks(first: 101) { nodes { id } } }", {}, "result"),
        ("{ __schema { queryType { name } } }", {}, "unsupported"),
        (f"{{ videoJobQuote(input: {{{INPUT}}}) {{ errors {{ __typename }} }} }}", {}, "unsupported"),
        ("query ($first: Int!) { looks(first: $first) { nodes { id } } }", {}, "variables"),
    ],
)
async def test_what_falls_back_is_counted(twins: Twins, query: str, variables: dict[str, Any], reason: str) -> None:
    for _ in range(2):
        await twins.agree(query, **variables)

    assert twins.fallbacks == {reason: 2}


async def test_a_plan_is_made_once_for_as_long_as_the_same_is_left_of_a_query(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    query = Planner.query

    def noted(self: Planner) -> Any:
        made.append(self)
        return query(self)

    monkeypatch.setattr(Planner, "query", noted)
    text = "query P($n: Int!, $yes: Boolean!) { looks(first: $n) { nodes { id title @include(if: $yes) } } }"

    for number, yes in [(1, True), (2, True), (3, False), (4, False), (1, True)]:
        await twins.agree(text, n=number, yes=yes)

    assert len(made) == 3


def test_plans_go_with_their_document() -> None:
    documents = Documents()
    gone = ref(documents.of("{ looks { nodes { id } } }", CORE).queries[None])

    assert gone() is not None
    del documents
    gc.collect()

    assert gone() is None
