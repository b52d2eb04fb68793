"""What a request may ask for: each limit at its edge, and how mistakes are told."""

from typing import Any

import graphql
import pytest
from graphql import GraphQLError, GraphQLInputObjectType, get_nullable_type, is_list_type
from graphql.execution import executor
from strawberry.types.execution import PreExecutionError

from graphql_server import documents
from graphql_server.documents import Documents
from graphql_server.limits import Limits, check_variables
from resolvers.look_images import MOST_PRODUCTS
from resolvers.looks import MOST_SHARES
from resolvers.video_job_input import MOST_REFERENCE_IMAGES
from schema.schema import make_schema, schema
from tests.schema.refusals import refused

GRAPHQL = schema._schema  # noqa: SLF001 - Strawberry offers no other way to it


def nested(levels: int) -> str:
    return "{ __schema " + "{ types " * (levels - 2) + "{ name }" + "}" * (levels - 1)


def lettered(count: int, field: str) -> str:
    return " ".join(f"a{number}: {field}" for number in range(count))


def skipped(count: int) -> str:
    return "{ viewer { " + " ".join(f"a{number}: id @skip(if: true)" for number in range(count)) + " } }"


EDGES = [
    (Limits(characters=20), "DOCUMENT_TOO_LONG", "{ viewer { id    } }", "{ viewer { id     } }"),
    (Limits(lines=3), "DOCUMENT_TOO_LONG", "{viewer\n{id}\n}", "\n{viewer\r{id}\n}"),
    (Limits(tokens=7), "TOO_MANY_TOKENS", "{viewer{id id}}", "{viewer{id id id}}"),
    (Limits(depth=3), "TOO_DEEP", "{looks{nodes{id}}}", "{looks{nodes{videos{id}}}}"),
    (
        Limits(depth=2),
        "TOO_DEEP",
        "{viewer{...A}} fragment A on Viewer{id}",
        "{...A} fragment A on Query{looks{nodes{id}}}",
    ),
    (Limits(), "TOO_DEEP", nested(15), nested(16)),
    (Limits(), "TOO_MANY_ALIASES", f"{{viewer{{{lettered(60, 'id')}}}}}", f"{{viewer{{{lettered(61, 'id')}}}}}"),
    (Limits(), "TOO_MANY_DIRECTIVES", skipped(50), skipped(51)),
    (
        Limits(directives=1),
        "TOO_MANY_DIRECTIVES",
        "query @a {viewer{id}}",
        "query ($a: Int @a) {...B @a} fragment B on Query{viewer{id}}",
    ),
    (Limits(), "TOO_MANY_ROOT_FIELDS", f"{{{lettered(20, '__typename')}}}", f"{{{lettered(21, '__typename')}}}"),
    (
        Limits(root_fields=1),
        "TOO_MANY_ROOT_FIELDS",
        "{...A} fragment A on Query{viewer{id}}",
        "{...A ...A} fragment A on Query{viewer{id}}",
    ),
    (Limits(), "TOO_REPETITIVE", f"{{viewer{{{'id ' * 100}}}}}", f"{{viewer{{{'id ' * 101}}}}}"),
    (Limits(pairs=0), "TOO_REPETITIVE", "query A {__typename}", "query A {viewer{id}} query B {looks{__typename}}"),
    (Limits(cost=101), "TOO_EXPENSIVE", "{looks(first:50){nodes{id}}}", "{looks(first:51){nodes{id}}}"),
]


@pytest.mark.parametrize(("limits", "code", "accepted", "too_much"), EDGES, ids=[edge[1] for edge in EDGES])
async def test_each_limit_is_kept_to_the_unit(limits: Limits, code: str, accepted: str, too_much: str) -> None:
    limited = make_schema(limits=limits)

    fine = await limited.execute(accepted)
    _, extensions = await refused(too_much, limited)

    assert [error.extensions for error in fine.errors or [] if error.extensions == {"code": code}] == []
    assert extensions["code"] == code


async def test_a_refusal_names_the_number_and_the_limit() -> None:
    assert await refused("#" * 100_001) == (
        "The document is 100,001 characters long; at most 100,000 are allowed.",
        {"code": "DOCUMENT_TOO_LONG"},
    )
    assert await refused(nested(16)) == (
        "The operation is 16 levels deep; at most 15 are allowed.",
        {"code": "TOO_DEEP"},
    )


async def test_many_values_in_variables_are_refused() -> None:
    query = "mutation($input:SetLookVisibilityInput!){setLookVisibility(input:$input){errors{__typename}}}"

    message, extensions = await refused(query, input={"sharedWithUserIds": ["x"] * 5_000})

    assert message == "The variables hold more than 5,000 values; at most 5,000 are allowed."
    assert extensions == {"code": "TOO_MANY_VALUES"}


async def test_wrong_variables_are_told_briefly_with_a_code() -> None:
    query = "mutation($input:SetLookVisibilityInput!){setLookVisibility(input:$input){errors{__typename}}}"

    result = await schema.execute(
        query, variable_values={"input": {"id": 1, "visibility": "PRIVAT" * 1_000, "sharedWithUserIds": [[]] * 4_000}}
    )

    assert isinstance(result, PreExecutionError)
    errors = result.errors or []
    assert [error.extensions for error in errors] == [{"code": "INVALID_VARIABLES"}] * 6
    assert max(len(error.message) for error in errors) == 501


async def test_of_a_long_list_no_more_is_looked_at_than_its_rule_refuses() -> None:
    variables = {"input": {"lists": [[{}] * 3, list(range(9))], "list": ["x"] * 9}}

    assert not check_variables(variables, Limits(list_items=3))

    assert variables == {"input": {"lists": [[{}] * 3, [0, 1, 2, 3]], "list": ["x"] * 4}}


def test_every_list_has_a_rule_that_refuses_what_is_not_looked_at() -> None:
    inputs = [type_ for type_ in GRAPHQL.type_map.values() if isinstance(type_, GraphQLInputObjectType)]
    roots = [GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type]
    arguments = {
        f"{field}({name})": argument
        for root in roots
        if root is not None
        for field, found in root.fields.items()
        for name, argument in found.args.items()
    }
    places = arguments | {f"{type_.name}.{name}": field for type_ in inputs for name, field in type_.fields.items()}

    lists = {place for place, found in places.items() if is_list_type(get_nullable_type(found.type))}

    # A new list needs a rule, and a test in `tests/app/test_list_limits.py`.
    assert lists == {
        "CreateLookInput.products",
        "CreateLookInput.sharedWithUserIds",
        "SetLookVisibilityInput.sharedWithUserIds",
        "CreateVideoJobInput.referenceImages",
        "CreateVideoJobInput.productIds",
        "nodes(ids)",
        *("videoJobs(ids)", "videoJobs(status)", "looks(ids)", "looks(visibility)", "adminAuditLog(action)"),
        *(f"AdminVideoJobFilter.{name}" for name in ("ids", "status", "errorCode")),
    }
    assert max(MOST_PRODUCTS, MOST_SHARES, MOST_REFERENCE_IMAGES) <= Limits().list_items


@pytest.mark.parametrize(
    "value",
    [
        {"id": "x", "visibility": "P" * 5_000_000},
        {"id": "x", "visibility": "PRIVATE", "sharedWithUserIds": [["x" * 5_000_000]]},
        {"visibility": "PRIVATE", "id": ["x" * 5_000_000]},
        {"id": "x" * 5_000_000},
        {"id": "x", "visibility": "PRIVATE", "x" * 5_000_000: 1},
        "x" * 5_000_000,
        ["x" * 5_000_000],
    ],
)
async def test_wrong_variables_are_told_without_writing_down_long_texts(
    monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    def must_not_be_asked(*_: Any, **__: Any) -> None:
        pytest.fail("graphql-core would write down all of it")

    query = "mutation($input:SetLookVisibilityInput!){setLookVisibility(input:$input){errors{__typename}}}"
    monkeypatch.setattr(executor, "get_variable_values", must_not_be_asked)

    result = await schema.execute(query, variable_values={"input": value})

    assert isinstance(result, PreExecutionError)
    assert {(error.extensions or {}).get("code") for error in result.errors or []} == {"INVALID_VARIABLES"}
    assert max(len(error.message) for error in result.errors or []) <= 501


@pytest.mark.parametrize(
    ("query", "code"),
    [("{", "GRAPHQL_PARSE_FAILED"), ("{ visitor }", "GRAPHQL_VALIDATION_FAILED"), ("{ a(b: [", "GRAPHQL_PARSE_FAILED")],
)
async def test_what_is_no_valid_document_has_a_code(query: str, code: str) -> None:
    _, extensions = await refused(query)

    assert extensions == {"code": code}


async def test_of_many_mistakes_the_first_few_are_told() -> None:
    result = await schema.execute("{ viewer { " + " ".join(f"nothing{number}" for number in range(300)) + " } }")

    assert [error.message for error in result.errors or []] == [
        *(f"Cannot query field 'nothing{number}' on type 'Viewer'." for number in range(5)),
        "Too many validation errors, error limit reached. Validation aborted.",
    ]


async def test_a_document_is_checked_once_whatever_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []
    validate = graphql.validate

    def note(*arguments: Any, **more: Any) -> list[GraphQLError]:
        checked.append(arguments[1])
        return validate(*arguments, **more)

    monkeypatch.setattr(documents, "validate", note)
    fresh = make_schema()

    costs = [
        (await fresh.execute("query($n:Int!){looks(first:$n){nodes{id}}}", variable_values={"n": n})).extensions
        for n in (1, 2, 3)
    ]

    assert [answer and answer["cost"]["requested"] for answer in costs] == [3, 5, 7]
    assert len(checked) == 1


def test_no_more_documents_are_remembered_than_there_is_room_for() -> None:
    remembered = Documents(most=3, most_tokens=50)
    queries = [f"{{ viewer {{ a{number}: id }} }}" for number in range(5)]

    first = [remembered.of(query, GRAPHQL) for query in queries]
    again = [remembered.of(query, GRAPHQL) for query in queries[::-1]]
    remembered.of(f"{{ viewer {{ {'id ' * 30} }} }}", GRAPHQL)

    assert [one is other for one, other in zip(first, again[::-1], strict=True)] == [False, False, True, True, True]
    # 35 tokens leave room for one document of eight.
    assert remembered.of(queries[0], GRAPHQL) is again[-1]
    assert remembered.of(queries[1], GRAPHQL) is not again[-2]


def test_a_long_text_of_few_tokens_takes_room_as_well() -> None:
    remembered = Documents(most_tokens=50)
    first = remembered.of("{ viewer { id } }", GRAPHQL)

    remembered.of("{ viewer { id } } #" + 150 * 45 * "-", GRAPHQL)

    assert remembered.of("{ viewer { id } }", GRAPHQL) is not first


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        ("id @skip(if: false) " * 51 + "}", "TOO_MANY_DIRECTIVES"),
        ("id", "GRAPHQL_PARSE_FAILED"),
        ("it }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_refused_subscription_ends_with_its_first_answer(selection: str, code: str) -> None:
    stream = await schema.stream("subscription { videoJob(id: 1) {" + selection + "}")

    (answer,) = [answer async for answer in stream]

    assert isinstance(answer, PreExecutionError)
    assert [error.extensions for error in answer.errors or []] == [{"code": code}]
