"""Batch execution answers exactly as the default executor does, whatever is asked."""

import asyncio
import gc
import json
from collections.abc import Sequence
from typing import Any
from weakref import ref

import pytest
from graphql.execution.executor import Executor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.extensions import SchemaExtension

from db.engine.pool import Pool
from db.engine.statements import Row, Statement
from db.looks import LookList, ProductRow
from graphql_server.fields import column
from resolvers import looks, video_jobs
from schema import types
from schema.context import RequestContext
from schema.schema import schema
from tests.schema.asked import queries
from tests.schema.twins import ERRORS, INPUT, LOOKS, Twins, each_field, everything

CORE = schema._schema  # noqa: SLF001 - Strawberry offers no other way to it
FIELDS = list(dict.fromkeys(each_field(CORE)))


@pytest.mark.parametrize("query", FIELDS)
async def test_every_field_of_every_type(twins: Twins, query: str) -> None:
    body = await twins.agree(query)

    assert body["data"] is not None
    assert body["errors"] == []
    # Unions are not supported.
    assert twins.fallbacks == ({"unsupported": 1} if "UserError" in query else {})


@pytest.mark.parametrize(
    "query",
    [
        "{ a: looks { b: nodes { c: id d: id e: products { f: name } g: products { h: id } } } }",
        "{ looks { nodes { products { id } } nodes { products { name } id } nodes { id } } }",
        """{ looks { ...A nodes { ...B ...B } } } fragment A on LookConnection { nodes { id } pageInfo { endCursor } }
        fragment B on Look { products { ...C } videos { id } } fragment C on Product { name ... { sku ...D } }
        fragment D on Product { id ... on Product { id price } }""",
        "{ looks { edges { cursor node { id videos { id } } } nodes { videos { status } defaultThumbnailUrl } } }",
        "{ videoJobs { nodes { associatedLooks { videos { id status } products { id } sharedWith { id } } } } }",
        '{ videoJob(id: "SUCCEEDED") { id logs { message } associatedLooks { defaultThumbnailUrl } queuePosition } }',
        '{ none: look(id: "x") { id } some: look(id: "LOOK") { id } empty: look(id: "EMPTY") { videos { id } } }',
        "{ __typename looks { __typename nodes { t: __typename videos { __typename } } } __schema { types { kind } } }",
        '{ __type(name: "Look") { name fields { name type { name ofType { name } } } } looks { nodes { id } } }',
        "{ looks(first: 0) { nodes { id products { id } } edges { cursor } pageInfo { startCursor hasNextPage } } }",
        "{ looks(first: 101) { nodes { id } } videoJobs { nodes { id } } }",
        "{ looks(view: ALL) { nodes { id } } }",
        """{ node(id: "LOOK") { id ... on Look { title videos { videoJob { id status } } } }
        nodes(ids: ["FAILED", "LOOK", "x"]) { __typename id ... on VideoJob { errorCode logs { id } } } }""",
        f"{{ videoJobQuote(input: {{{INPUT}}}) {{ cost errors {{ {ERRORS} }} balance }} }}",
        "{ videoModels { id resolutions { resolution durationSeconds } aspectRatios } }",
        'mutation { updateLook(input: {id: "LOOK", notes: "a"}) { errors { __typename } look { notes videos { id }}}}',
        """mutation { a: deleteLook(input: {id: "x"}) { deletedLookId errors { __typename } }
        b: grantTokens(input: {userId: "x", tokens: 1}) { balance errors { __typename } } }""",
        'mutation { linkVideoToLook(input: {videoJobId: "STORED", lookId: "LOOK"}) { look { videos { isDefault } } } }',
        "query @experimental_disableErrorPropagation { looks { nodes { id } } }",
    ],
)
async def test_other_shapes(twins: Twins, query: str) -> None:
    await twins.agree(query)


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("no", [True, False])
async def test_directives_with_variables(twins: Twins, yes: bool, no: bool) -> None:  # noqa: FBT001 - as any parameter
    query = """query ($yes: Boolean!, $no: Boolean!) { looks { nodes { id @include(if: $yes) title @skip(if: $no)
      products @include(if: $yes) { id @skip(if: $no) } ...Rest @skip(if: $no) ... @include(if: $yes) { notes } } } }
      fragment Rest on Look { videos { id @include(if: $yes) } title }"""

    await twins.agree(query, yes=yes, no=no)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(query=queries(CORE), yes=st.booleans(), no=st.booleans())
async def test_whatever_may_be_asked(twins: Twins, query: str, yes: bool, no: bool) -> None:  # noqa: FBT001 - as above
    body = await twins.agree(query, yes=yes, no=no)

    assert body["data"] is not None


async def test_wrong_variables_are_not_all_looked_for(twins: Twins, caplog: pytest.LogCaptureFixture) -> None:
    query = "query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) { cost } looks { nodes { id } } }"

    body = await twins.agree(query, input={f"unknown{number}": number for number in range(100)})

    [arguments] = [record.args for record in caplog.records if record.name.startswith("graphql_server.execution")]
    assert isinstance(arguments, tuple)
    assert isinstance(arguments[1], list)
    assert len(arguments[1]) <= 2
    assert len(body["errors"]) == 6
    assert twins.fallbacks == {"variables": 1}


async def test_a_column_that_waits_for_something_else(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(rows: Sequence[Any], context: RequestContext) -> list[Any]:
        await asyncio.sleep(0)
        return await context.loader(looks.products_by_look, list).load_all([row.id for row in rows])

    field = types.Look.__strawberry_definition__.get_field("products")  # type: ignore[attr-defined]
    monkeypatch.setattr(field, "metadata", column(slow, "").metadata)

    body = await twins.agree(LOOKS)

    assert body["data"]["looks"]["nodes"][0]["products"]


async def test_extensions_that_see_each_field_see_each_field(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shouting(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *arguments: Any, **more: Any) -> Any:
            value = _next(root, info, *arguments, **more)
            return value.upper() if info.field_name == "name" else value

    for each in (twins.plain, twins.fast):
        monkeypatch.setattr(each, "extensions", (*each.extensions, Shouting))

    body = await twins.agree(LOOKS)

    assert body["data"]["looks"]["nodes"][0]["products"][0]["name"] == "LINEN SHIRT"


async def test_a_video_has_one_url_under_both_names(twins: Twins) -> None:
    body = await twins.agree(
        """{ videoJob(id: "SUCCEEDED") { videoUrl cloudinaryUrl }
        look(id: "LOOK") { videos { videoUrl cloudinaryUrl } } }"""
    )

    job = body["data"]["videoJob"]
    stored = f"http://test/media/{twins.ids['SUCCEEDED']}.mp4"
    assert job == {"videoUrl": stored, "cloudinaryUrl": stored}
    assert job in body["data"]["look"]["videos"]
    assert [video for video in body["data"]["look"]["videos"] if len(set(video.values())) != 1] == []


async def test_events_of_a_subscription(twins: Twins) -> None:
    query = f'subscription {{ videoJob(id: "{twins.ids["STORED"]}") {everything(CORE, CORE.type_map["VideoJob"], 2)} }}'

    seen = []
    for each in (twins.plain, twins.fast):
        stream = await each.subscribe(query, context_value=twins.context())
        seen.append([(event.data, event.errors) async for event in stream])

    assert seen[0] == seen[1]
    [(data, errors)] = seen[0]
    assert data is not None
    assert (data["videoJob"]["status"], errors) == ("SUCCEEDED", None)


@pytest.mark.parametrize(
    "query",
    [
        LOOKS,
        "query ($y: Boolean = true) { looks { nodes { id @include(if: $y) products { id sku @skip(if: $y) } } } }",
        "{ __typename viewer { tokens { transactions(first: 5) { nodes { amount } } } } }",
    ],
)
async def test_the_default_executor_has_nothing_to_do(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    asked: list[str] = []
    execute_field = Executor.execute_field

    def noted(self: Any, parent: Any, source: Any, details: Any, *rest: Any) -> Any:
        asked.append(f"{parent.name}.{details[0].node.name.value}")
        return execute_field(self, parent, source, details, *rest)

    monkeypatch.setattr(Executor, "execute_field", noted)

    answer = json.loads(await twins.answer(twins.fast, query, {}))

    assert answer["data"]
    assert asked == []
    assert twins.fallbacks == {}


async def test_what_was_read_goes_with_the_answer(twins: Twins) -> None:
    context = twins.context()
    gone = ref(context)
    gc.disable()
    try:
        answer = await twins.answer(twins.fast, LOOKS, {}, context)
        del context

        assert gone() is None
        assert "products" in answer
    finally:
        gc.enable()


async def test_a_root_field_is_read_once_whatever_becomes_of_it(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    page, read = LookList.page, video_jobs.read

    async def counted_page(*arguments: Any, **more: Any) -> Any:
        reads.append("looks")
        return await page(*arguments, **more)

    async def counted_read(*arguments: Any, **more: Any) -> Any:
        reads.append("videoJob")
        return await read(*arguments, **more)

    monkeypatch.setattr(LookList, "page", counted_page)
    monkeypatch.setattr(video_jobs, "read", counted_read)

    query = '{ looks { nodes { id } } bad: looks(first: 101) { nodes { id } } videoJob(id: "FAILED") { id } }'
    body = json.loads(await twins.answer(twins.fast, query, {}))

    assert body["data"] is None
    assert [error["path"] for error in body["errors"]] == [["bad"]]
    assert sorted(reads) == ["looks", "videoJob"]


async def test_what_is_cancelled_stops_reading(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, stopped = asyncio.Event(), asyncio.Event()

    fetch = Pool.fetch

    async def slow(pool: Pool, statement: Statement[Row], **values: object) -> list[Row]:
        if not issubclass(statement.row, ProductRow):
            return await fetch(pool, statement, **values)
        reading.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return []

    monkeypatch.setattr(Pool, "fetch", slow)
    task = asyncio.create_task(twins.answer(twins.fast, LOOKS, {}))
    await asyncio.wait_for(reading.wait(), 10)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(stopped.wait(), 10)
