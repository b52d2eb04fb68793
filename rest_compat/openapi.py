"""The OpenAPI document: FastAPI's, and what generators of clients need beside it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from db.enums import VideoJobStatus
from db.looks import LookView
from resolvers.video_job_input import INITIAL, REFERENCE, UNUSED
from rest_compat.wire import InvalidRequestBody, MistakeBody, RefusalBody, Wire, reference_to, schema_of

# Where the document is served, whatever the host: the paths begin at its root.
SERVERS = [{"url": "/"}]
# FastAPI's names for what it would answer itself, and ours for what is answered.
_OURS: dict[str, type[Wire]] = {"HTTPValidationError": InvalidRequestBody, "ValidationError": MistakeBody}

# What is read more generously than it is to be sent: in any case, or empty for what is not given (contract.md).
_SETS: dict[str, list[str]] = {
    "status_filter": [*VideoJobStatus],
    "view_type": [view for view in LookView if view is not LookView.ALL],
    "useLookImage": [UNUSED, INITIAL, REFERENCE],
    "resolution": ["720p", "1080p"],
    "aspectRatio": ["16:9", "9:16"],
}
_FORMS = ("Body_create_video_job",)


def document(api: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if api.openapi_schema is None:
        made = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, servers=SERVERS
        )
        schemas = made["components"]["schemas"]
        for name, body in _OURS.items():
            schemas.pop(name, None)
            schemas[body.__name__] = schema_of(body)
        for operation in (operation for path in made["paths"].values() for operation in path.values()):
            _summarize(operation)
            _complete(operation)
            for parameter in operation.get("parameters", []):
                _close(parameter["name"], parameter["schema"])
        for name, schema in ((name, schema) for form in _FORMS for name, schema in schemas[form]["properties"].items()):
            _close(name, schema)
            _leave_out_null(schema)
        api.openapi_schema = _revised(made)
    return api.openapi_schema


def _close(name: str, schema: dict[str, Any]) -> None:
    """Name the values of a closed set, for generators of clients; what is accepted stays."""
    for variant in schema.get("anyOf", [schema]):
        if name in _SETS and variant.get("type") == "string":
            variant["enum"] = [str(value) for value in _SETS[name]]


def _leave_out_null(schema: dict[str, Any]) -> None:
    """Describe a form's value by itself: a form cannot send null, and orval makes one text of a list that may be."""
    others = [variant for variant in schema.get("anyOf", []) if variant != {"type": "null"}]
    if len(others) == 1:
        del schema["anyOf"]
        schema.update(others[0])


def _summarize(operation: dict[str, Any]) -> None:
    """Let the first sentence be the summary, not the function's name in capitals."""
    operation["summary"] = operation["description"].partition("\n")[0].removesuffix(".")


def _complete(operation: dict[str, Any]) -> None:
    """Say that an operation needs no token, and describe the refusals that every operation of its kind shares."""
    refusals = {
        429: "Too many requests, or a quota is used up; `Retry-After` says when to come again",
        503: "The service, or its database, cannot answer now; `Retry-After` says when it may",
    }
    if operation.setdefault("security", []):
        refusals[403] = "The account is not active"
    if "parameters" in operation or "requestBody" in operation:
        refusals[400] = "A value is refused; `detail` says why"
    if "requestBody" in operation:
        refusals |= {413: "The body is too long", 415: "The body is of another media type"}
    body = {"application/json": {"schema": reference_to(RefusalBody)}}
    for status, description in refusals.items():
        operation["responses"].setdefault(str(status), {"description": description, "content": body})


def _revised(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return the same with files that generators know as such, our 422, and no event schemas of OpenAPI 3.2."""
    if isinstance(value, list):
        return [_revised(item) for item in value]
    if not isinstance(value, dict):
        return _OURS_BY_REFERENCE.get(value, value) if isinstance(value, str) else value
    if value.get("contentMediaType") == "application/octet-stream":
        value = {key: item for key, item in value.items() if key != "contentMediaType"} | {"format": "binary"}
    if "itemSchema" in value:
        events = {"type": "string", "description": "Server-Sent Events; `x-events` has the shape of each"}
        value = {"schema": events, "x-events": value["itemSchema"]}
    return {key: _revised(item) for key, item in value.items()}


_OURS_BY_REFERENCE = {f"#/components/schemas/{name}": reference_to(body)["$ref"] for name, body in _OURS.items()}
