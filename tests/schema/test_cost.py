"""The estimate of what an operation costs, in numbers."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, get_introspection_query, parse

from graphql_server.cost import INTROSPECTION_LENGTHS, operations
from graphql_server.limits import Limits
from schema.schema import SIZES, schema
from tests.house import House
from tests.schema.mutate import CANCEL
from tests.schema.refusals import refused

GRAPHQL = schema._schema  # noqa: SLF001 - Strawberry offers no other way to it
LOOK = """id title notes visibility createdAt updatedAt generatedImageUrl defaultThumbnailType defaultThumbnailUrl
  products { id sku name designer price productUrl createdAt thumbnailUrl }
  videos { id status isDefault progressPercentage createdAt cloudinaryUrl thumbnailUrl }
  sharedWith { id email name }"""
JOB = """id userId prompt model resolution aspectRatio durationSeconds generateAudio mockMode status statusMessage
  errorCode errorMessage progressPercentage progressIsEstimated videoDurationSeconds videoSizeBytes videoWidth
  videoHeight tokensConsumed version createdAt startedAt completedAt updatedAt cloudinaryUrl thumbnailUrl queuePosition
  estimatedWaitSeconds logs { timestamp level message } associatedLooks { id title generatedImageUrl }
  charge { id kind amount balanceAfter videoJobId createdAt }
  refund { id kind amount balanceAfter videoJobId createdAt }"""
INTROSPECTION = get_introspection_query(
    specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
)


def cost(query: str, **variables: Any) -> int:
    (operation,) = operations(GRAPHQL, parse(query), SIZES).values()
    return operation.cost(tuple(SIZES.page(variables.get(page, size)) for page, size in operation.pages.items()))


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("{__typename}", 1),
        ("{viewer{id email}}", 3),
        ("{looks{nodes{id}}}", 1 + 20 * 2),
        ("{looks(first:50){nodes{id}}}", 1 + 50 * 2),
        ("{looks(first:0){nodes{id}}}", 1),
        ("{looks(first:5){pageInfo{endCursor} edges{cursor node{id}} nodes{id}}}", 1 + 2 + 5 * (4 + 2)),
        ("{a:looks(first:5){nodes{id}} b:looks(first:7){nodes{id}}}", 2 + 12 * 2),
        ("{looks(first:10){nodes{products{name price}}}}", 1 + 10 * (1 + 5 * 3)),
        ("{looks(first:10){nodes{id @skip(if:true)}}}", 1 + 10 * 2),
        ("{looks(first:10){...P}} fragment P on LookConnection{nodes{...L ...L}} fragment L on Look{id}", 1 + 10 * 3),
        ("{looks(first:10){... on LookConnection{nodes{id}} ...{nodes{id}}}}", 1 + 10 * 4),
        ("{viewer{tokens{transactions(first:3){nodes{amount}}}}}", 3 + 3 * 2),
        (
            "mutation{cancelVideoJob(input:{id:1}){errors{...on UserError{code} ...on VideoJobNotFound{code}}}}",
            1 + 5 * (1 + 1 + 1),
        ),
        ("{looks(first:10){nodes{nothing{at{all}}}}}", 1 + 10 * 4),
        ("subscription{videoJob(id:1){id}}", 2),
    ],
)
def test_the_estimate_multiplies_lists(query: str, values: int) -> None:
    assert cost(query) == values


@pytest.mark.parametrize(
    ("first", "nodes"),
    [(0, 0), (1, 1), (100, 100), (101, 100), (10**400, 100), (-1, 100), (None, 20), ("9", 100), (float("nan"), 100)],
)
def test_a_variable_gives_the_size_of_a_page(first: object, nodes: int) -> None:
    assert cost("query($n:Int!){looks(first:$n){nodes{id}}}", n=first) == 1 + nodes * 2


@pytest.mark.parametrize("first", ["101", "9" * 5000, "-1", '"x"'])
def test_a_literal_beyond_the_largest_page_counts_as_that(first: str) -> None:
    assert cost(f"{{looks(first:{first}){{nodes{{id}}}}}}") == 1 + 100 * 2


def test_null_stands_for_the_default() -> None:
    assert cost("{looks(first:null){nodes{id}}}") == 1 + 20 * 2
    assert cost("query($n:Int=30){looks(first:$n){nodes{id}}}", n=None) == 1 + 20 * 2


def test_a_variable_that_is_left_out_has_its_default() -> None:
    assert cost("query($n:Int=30){looks(first:$n){nodes{id}}}") == 1 + 30 * 2
    assert cost("query($n:Int){looks(first:$n){nodes{id}}}") == 1 + 20 * 2


def test_pages_within_pages_multiply() -> None:
    # There is none in the schema: the field is made up, and what is made up has no page size but the variable's.
    inner = "{ nodes { id } nodes { x(first: $m) { ...P } } }"
    query = f"query($n:Int,$m:Int){{looks(first:$n) {inner}}} fragment P on LookConnection{{nodes{{id}}}}"

    assert cost(query, n=3, m=5) == 1 + 3 * 2 + 3 * (2 + 5 * 2)


def test_variables_in_shared_fragments_are_added_and_multiplied() -> None:
    query = """query($n: Int!, $m: Int!) { a: looks(first: $n) { ...P } ...Q ...Q }
      fragment Q on Query { viewer { tokens { transactions(first: $m) { nodes { id amount } } } } }
      fragment P on LookConnection { nodes { id } }"""

    assert cost(query, n=7, m=9) == (1 + 7 * 2) + 2 * (3 + 9 * 3)


def test_a_chain_of_fragments_that_doubles_at_each_link_ends_at_a_ceiling() -> None:
    links = "".join(f"fragment F{n} on Look{{...F{n + 1} ...F{n + 1}}}" for n in range(100))

    assert cost(f"{{looks{{nodes{{...F0}}}}}} {links} fragment F100 on Look{{id}}") == 10**12


def test_fragments_in_a_circle_are_left_to_validation() -> None:
    assert cost("{...A viewer{id}} fragment A on Query{...B viewer{id}} fragment B on Query{...A ...B}") == 4


@pytest.mark.parametrize(
    "query",
    [
        f"{{ looks(first: 100) {{ nodes {{ {LOOK} }} pageInfo {{ hasNextPage endCursor }} }} }}",
        f"{{ videoJobs(first: 100) {{ nodes {{ {JOB} }} pageInfo {{ hasNextPage endCursor }} }} }}",
        INTROSPECTION,
    ],
    ids=["100 looks", "100 jobs", "introspection"],
)
def test_sensible_queries_pass_with_room(query: str) -> None:
    assert cost(query) < Limits().cost * 2 / 3


def test_lists_of_whole_looks_within_lists_do_not_pass() -> None:
    assert cost(f"{{videoJobs(first:100){{nodes{{associatedLooks{{{LOOK}}} {JOB}}}}}}}") > Limits().cost


async def test_the_estimate_comes_with_every_answer(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    query = await house.graphql(caller, "query($n:Int!){looks(first:$n){nodes{id}}}", n=7)
    mutation = f"mutation ($input: VideoJobIdInput!) {{ {CANCEL} }}"
    cancelled = await house.graphql(caller, mutation, input={"id": job_id})

    assert query["extensions"] == {"cost": {"requested": 15, "maximum": 20_000}}
    assert cancelled["extensions"] == {"cost": {"requested": 31, "maximum": 20_000}}


async def test_the_estimate_comes_with_the_refusal() -> None:
    message, extensions = await refused(f"{{videoJobs(first:100){{nodes{{associatedLooks{{{LOOK}}} {JOB}}}}}}}")

    assert message == "The answer may hold 32,201 values; at most 20,000 are allowed."
    assert extensions == {"code": "TOO_EXPENSIVE", "cost": {"requested": 32_201, "maximum": 20_000}}


@pytest.mark.parametrize("name", [*SIZES.lengths, *INTROSPECTION_LENGTHS])
def test_the_table_of_lengths_names_fields_that_exist(name: str) -> None:
    type_name, field = name.split(".")
    type_ = GRAPHQL.type_map[type_name]

    assert isinstance(type_, GraphQLObjectType)
    assert field in type_.fields
