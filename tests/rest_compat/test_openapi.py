"""The OpenAPI document explains itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.asgi import rest_api
from auth.caller import AccountStatus
from rest_compat.wire import Asked, InvalidRequestBody, RefusalBody, Sent
from tests.house import FORM, House, multipart
from tests.rest_compat.test_contract import call

DOCUMENT = rest_api().openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_member_of_every_body_is_described() -> None:
    undescribed = [
        f"{name}.{member}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for member, value in schema.get("properties", {}).items()
        if not value.get("description")
    ]

    assert undescribed == []


def test_every_operation_and_parameter_is_described() -> None:
    assert [name for name, operation in operations() if not operation.get("description")] == []
    assert [
        f"{name} {parameter['name']}"
        for name, operation in operations()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ] == []


def test_every_operation_but_what_is_for_everybody_needs_a_bearer_token() -> None:
    public = ["GET /api/v1/subscription/costs", "GET /api/v1/subscription/tiers"]
    assert [name for name, operation in operations() if not operation.get("security")] == public


def test_the_security_of_every_operation_is_said_also_where_it_is_none() -> None:
    assert [name for name, operation in operations() if "security" not in operation] == []


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        ("/api/v1/looks?all=true", "user", 403),
        ("/api/v1/looks?view_type=x", "user", 400),
        ("/api/v1/video-jobs?status_filter=x", "user", 400),
        ("/api/v1/subscription/history", "suspended", 403),
        ("/api/v1/subscription/info", "suspended", 403),
        ("/api/v1/video-models", "suspended", 403),
    ],
)
async def test_a_refusal_of_any_operation_is_described(house: House, path: str, who: str, status: int) -> None:
    caller = await house.user() if who == "user" else house.unknown_caller(status=AccountStatus.SUSPENDED)

    answer = await call(house, caller, "GET", path)

    assert answer.status_code == status
    RefusalBody.model_validate(answer.json())
    described = DOCUMENT["paths"][path.partition("?")[0]]["get"]["responses"][str(status)]
    assert [found["$ref"] for found in everywhere(described) if "$ref" in found] == ["#/components/schemas/RefusalBody"]


def test_what_any_request_may_be_answered_is_described() -> None:
    lacking = {
        name: missing
        for name, operation in operations()
        if (
            missing := {"429", "503", *(("413", "415") if "requestBody" in operation else ())}
            - set(operation["responses"])
        )
    }

    assert lacking == {}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"x" * 3_000_000, "headers": {"Content-Type": "application/json"}}, 413),
    ],
)
async def test_a_body_that_is_not_read_is_refused_as_described(house: House, sent: dict[str, Any], status: int) -> None:
    headers = house.headers(await house.user()) | sent["headers"]

    answer = await house.http.post("/api/v1/subscription/consume", content=sent["content"], headers=headers)

    assert answer.status_code == status
    RefusalBody.model_validate(answer.json())


def everywhere(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a part of the document."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everywhere(item)


def test_it_says_nothing_that_openapi_3_1_does_not_know() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["servers"] == [{"url": "/"}]
    assert [found for found in everywhere(DOCUMENT) if "itemSchema" in found] == []
    references = {found["$ref"] for found in everywhere(DOCUMENT) if "$ref" in found}
    names = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references - names == set()


def test_summaries_are_sentences_and_operations_have_ids_of_their_own() -> None:
    assert DOCUMENT["paths"]["/api/v1/video-jobs"]["post"]["summary"] == "Charge for a video and queue its generation"
    assert [name for name, found in operations() if not found["description"].startswith(found["summary"])] == []
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(set(ids)) == len(ids)


def test_files_are_binary() -> None:
    form = DOCUMENT["components"]["schemas"]["Body_create_video_job"]["properties"]

    binary = {"type": "string", "format": "binary"}
    assert [binary.items() <= form[name].items() for name in ("initialImage", "endFrame")] == [True, True]
    assert (form["referenceImages"]["type"], form["referenceImages"]["items"]) == ("array", binary)


def test_a_form_is_not_said_to_hold_null_which_it_cannot_send() -> None:
    body = DOCUMENT["components"]["schemas"]["Body_create_video_job"]

    assert [found for found in everywhere(body) if "anyOf" in found] == []
    assert body["required"] == ["model", "resolution", "aspectRatio", "mockMode"]


def test_null_is_described_wherever_it_stands_for_what_is_not_given() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    bodies = {body.__name__ for base in (Sent, Asked) for body in base.__subclasses__()}

    nullable = {
        f"{body}.{name}"
        for body in bodies & schemas.keys()
        for name, member in schemas[body]["properties"].items()
        if {"type": "null"} in member.get("anyOf", ())
    }

    assert nullable == {
        f"{body}.{name}"
        for body in bodies & schemas.keys()
        for name in schemas[body]["properties"].keys() - schemas[body].get("required", ())
    }
    assert {"VisibilityBody.sharedWithUserIds", "NewLookBody.visibility", "NewProductBody.sku"} < nullable
    assert schemas["NewLookBody"]["properties"]["visibility"]["default"] == "private"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/api/v1/video-jobs", {"files": multipart({"prompt": "P"})}),
        ("GET", "/api/v1/looks?skip=x", {}),
        ("POST", "/api/v1/looks", {"json": {}}),
        ("POST", "/api/v1/subscription/consume", {"json": {}}),
    ],
)
async def test_the_422_that_is_sent_is_the_one_described(
    house: House, method: str, path: str, sent: dict[str, Any]
) -> None:
    answer = await call(house, await house.user(), method, path, **sent)

    assert answer.status_code == 422
    body = InvalidRequestBody.model_validate(answer.json())
    assert set(answer.json()) == {"detail", "code", "requestId"}
    assert body.detail
    assert [set(mistake) for mistake in answer.json()["detail"]] == [{"loc", "msg", "type"}] * len(body.detail)
    described = DOCUMENT["paths"][path.partition("?")[0]][method.lower()]["responses"]["422"]
    references = [found["$ref"] for found in everywhere(described) if "$ref" in found]
    assert references[0] == "#/components/schemas/InvalidRequestBody"


@pytest.mark.parametrize(("change", "field"), [({"resolution": "8K"}, "resolution"), ({"lookId": "x"}, "lookId")])
async def test_a_refusal_names_the_field_at_fault(house: House, change: dict[str, str], field: str) -> None:
    caller = await house.user()

    answer = await call(house, caller, "POST", "/api/v1/video-jobs", files=multipart(FORM | change))

    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert await house.charges(caller) == 0


async def test_a_refusal_without_a_field_at_fault_has_none(house: House) -> None:
    answer = await call(house, await house.user(tokens=0), "POST", "/api/v1/video-jobs", files=multipart(FORM))

    assert (answer.status_code, "field" in answer.json()) == (402, False)


def test_closed_sets_are_enumerations() -> None:
    found = {
        parameter["name"]: [value for part in everywhere(parameter["schema"]) for value in part.get("enum", ())]
        for _, operation in operations()
        for parameter in operation.get("parameters", [])
    }
    form = DOCUMENT["components"]["schemas"]["Body_create_video_job"]["properties"]
    found |= {name: schema.get("enum", []) for name, schema in form.items()}

    assert {name: values for name, values in found.items() if values} == {
        "status_filter": ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"],
        "view_type": ["my_private", "shared_with_me", "public"],
        "useLookImage": ["none", "initial", "reference"],
        "resolution": ["720p", "1080p"],
        "aspectRatio": ["16:9", "9:16"],
    }


@pytest.mark.parametrize("query", ["status_filter=succeeded", "status_filter=", "status_filter=%20PENDING"])
async def test_what_is_accepted_of_a_closed_set_stays(house: House, query: str) -> None:
    answer = await house.http.get(f"/api/v1/video-jobs?{query}", headers=house.headers(await house.user()))

    assert (answer.status_code, answer.json()["jobs"]) == (200, [])
