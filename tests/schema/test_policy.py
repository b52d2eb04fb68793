"""What an installation decides and what it keeps to itself: introspection, time, faults."""

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from asgi_correlation_id import CorrelationIdFilter
from graphql import get_introspection_query
from strawberry.types import ExecutionResult

from app.settings import Settings
from auth.caller import Role
from resolvers import tokens
from schema.schema import make_schema, schema
from tests.house import CATALOGUE, House
from tests.inspected import InspectedDatabase
from tests.schema.refusals import refused
from tests.schema.test_subscriptions import by_payload, follow
from tests.servers import serving


@pytest.mark.parametrize("query", [get_introspection_query(), '{ a: __type(name: "Look") { name } }'])
async def test_the_schema_can_be_read_unless_that_is_switched_off(query: str) -> None:
    public = await schema.execute(query)
    message, extensions = await refused(query, make_schema(introspection=False))

    assert public.errors is None
    assert (message, extensions) == ("Introspection is switched off.", {"code": "INTROSPECTION_DISABLED"})


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ viewr { id } }", "Cannot query field 'viewr' on type 'Query'."),
        ("{ look(idd: 1) { id } }", "Unknown argument 'idd' on field 'Query.look'."),
        ("{ looks(view: PUBLC) { __typename } }", "Value 'PUBLC' does not exist in 'LookView' enum."),
        ("query ($a: VideoJobStatu) { videoJobs(status: $a) { __typename } }", "Unknown type 'VideoJobStatu'."),
    ],
)
async def test_without_introspection_mistakes_suggest_no_names(query: str, message: str) -> None:
    result = await make_schema(introspection=False).execute(query)

    assert (result.errors or [])[0].message == message


async def test_a_wrong_enum_in_a_variable_suggests_no_name() -> None:
    message, _ = await refused("query($v:LookView!){looks(view:$v){__typename}}", v="PUBLC")

    assert message == "Variable '$v' has invalid value: Value 'PUBLC' does not exist in 'LookView' enum."


@pytest.fixture
async def hasty(settings: Settings, database: InspectedDatabase, house: House) -> AsyncIterator[House]:  # noqa: ARG001 - clears up
    """A house whose operations may take a fifth of a second, and whose schema is not shown."""
    hasty = settings.model_copy(update={"graphql_timeout_seconds": 0.2, "graphql_introspection": False})
    async with serving(hasty, database) as url, House.opened(hasty, database, url) as opened:
        yield opened


async def test_the_installations_settings_are_followed(hasty: House) -> None:
    body = await hasty.graphql(None, "{ __schema { description } }")
    typename = await hasty.graphql(None, "{ __typename }")

    assert body["errors"][0]["extensions"] == {"code": "INTROSPECTION_DISABLED"}
    assert typename["data"] == {"__typename": "Query"}


async def test_a_mutation_that_takes_too_long_is_rolled_back(hasty: House, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, user = await hasty.user(role=Role.ADMIN), await hasty.user(tokens=100)
    granted = []

    async def grant_and_hang(*arguments: Any) -> int:
        granted.append((await grant_to(*arguments)).entry.balance_after)
        return await asyncio.Future()

    grant_to = tokens.grant_to
    monkeypatch.setattr(tokens, "grant_to", grant_and_hang)
    grant = "mutation ($input: GrantTokensInput!) { grantTokens(input: $input) { balance errors { __typename } } }"
    body = await hasty.graphql(admin, grant, input={"userId": str(user.user_id), "tokens": 7})
    monkeypatch.undo()
    again = await hasty.graphql(admin, grant, input={"userId": str(user.user_id), "tokens": 5})

    assert granted == [107]
    assert [(error["message"], error["extensions"]) for error in body["errors"]] == [
        ("The operation took longer than 0.2 seconds and was given up.", {"code": "EXECUTION_TIMEOUT"})
    ]
    assert body.get("data") is None
    assert again["data"]["grantTokens"] == {"balance": 105, "errors": []}
    assert await hasty.tokens(user) == 105


async def test_a_timeout_is_told_as_an_operation_that_had_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Future()

    monkeypatch.setattr(tokens, "wallet", hang)
    result = await make_schema(timeout_seconds=0.01).execute("{ viewer { id } }", context_value=_Anybody())

    assert type(result) is ExecutionResult
    assert result.extensions == {"cost": {"requested": 2, "maximum": 20_000}}


class _Anybody:
    """As much of a context as `viewer` looks at."""

    authenticated_caller = None
    services = SimpleNamespace(catalogue=CATALOGUE)

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...

    def transaction(self) -> "_Anybody":
        return self

    def turn(self, _at: str) -> "_Anybody":
        return self


async def test_a_subscription_may_take_longer(hasty: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await hasty.user()
    job_id = await hasty.create(caller)

    seen = [job["status"] async for job in follow(hasty, job_id, **by_payload(hasty, caller))]

    assert (seen[0], seen[-1]) == ("PENDING", "SUCCEEDED")


async def test_a_fault_is_told_by_its_request_id_alone_and_logged_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret inside")

    caller = await house.user()
    await house.graphql(caller, "{ viewer { id } }")
    monkeypatch.setattr(tokens, "wallet", fail)
    caplog.handler.addFilter(CorrelationIdFilter())

    answer = await house.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=house.headers(caller))

    (error,) = answer.json()["errors"]
    request_id = answer.headers["X-Request-ID"]
    assert UUID(request_id)
    assert error["message"] == "Internal server error"
    assert error["path"] == ["viewer"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": request_id}
    assert "secret inside" not in answer.text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["correlation_id"] == request_id
    assert 'raise RuntimeError("secret inside")' in caplog.text


async def test_of_several_operations_one_has_to_be_named(house: House) -> None:
    query = "query A { __typename } query B { videoModels { id } }"
    ask = {"query": query}

    nobody = (await house.http.post("/graphql", json=ask)).json()
    one = (await house.http.post("/graphql", json=ask | {"operationName": "A"})).json()

    assert [error["extensions"]["code"] for error in nobody["errors"]] == ["OPERATION_NAME_REQUIRED"]
    assert one["data"] == {"__typename": "Query"}
