"""What a client sends over HTTP: the parameters of one operation, from a body or from the address.

Follows GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/, section "Request".

Documents may be named by Apollo's "automatic persisted queries": `extensions.persistedQuery` is `{version: 1,
sha256Hash}`. A client sends the hash alone, first; where it is unknown, the answer is the error
PERSISTED_QUERY_NOT_FOUND, and the client sends the hash with the document. With `application/json` that answer's status
is 200, as Apollo's server has it: its older clients read no other status. With `application/graphql-response+json` it
is 400, like that of every request that was not executed; who understands that media type reads the errors whatever the
status is.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.datastructures import FormData, QueryParams
from strawberry.http import GraphQLRequestData
from strawberry.http.parse_content_type import parse_content_type

from graphql_server.documents import sha256_of
from graphql_server.http_answers import ALLOWED, JSON, Accepted, Refused
from graphql_server.json_values import JsonValues, checked

MULTIPART = "multipart/form-data"
UTF_8 = {"utf-8", "utf8"}
METHODS = {"GET", "POST"}
REMEMBERED_TYPES = 256
# More files than one mutation has a use for; `operations` and `map` are all the text that there is.
MOST_FILES = 110
FORM_LIMITS = {"max_files": MOST_FILES, "max_fields": 10, "max_part_size": 1024 * 1024}
TEXTS = {"operations", "map"}
PARAMETERS = ("query", "variables", "operationName", "extensions")
LONGEST_NAME_SHOWN = 100
DEEPEST_PLACE = 20
KINDS: dict[type, str] = {str: "a string", dict: "an object"}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def check_wishes(method: str, accepted: Accepted, *, wants_page: bool) -> None:
    """Refuse what cannot be answered whatever the operation is.

    Raises Refused: 405 for other methods, 406 where no media type of ours is accepted.
    """
    if method not in METHODS:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "GraphQL is asked with GET or POST", headers=ALLOWED)
    if not (accepted.result or accepted.events or wants_page):
        raise Refused(
            HTTPStatus.NOT_ACCEPTABLE,
            "Answers come as application/graphql-response+json or application/json. A subscription comes as "
            "text/event-stream, or over a WebSocket with the subprotocol graphql-transport-ws; not as multipart/mixed.",
        )


@lru_cache(REMEMBERED_TYPES)
def media_type_of(content_type: str | None) -> str:
    """Return a body's media type.

    No browser sends `application/json` to another site without asking first. A form it does send; no harm comes of
    that, since callers are known by the `Authorization` header, which no form can set, and never by a cookie.

    Raises Refused: 415 for what is neither JSON in UTF-8 nor a GraphQL multipart request.
    """
    media_type, parameters = parse_content_type(content_type or "")
    charset: object = parameters.get("charset", "utf-8")
    # With a language (RFC 2231), it is no text.
    is_utf_8 = isinstance(charset, str) and charset.strip("\"'").lower() in UTF_8
    if media_type.lower() not in {JSON, MULTIPART} or not is_utf_8:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A GraphQL request is application/json in UTF-8")
    return media_type.lower()


def from_query(parameters: QueryParams) -> dict[str, Any]:
    """Return the parameters of a GET request, in which objects are JSON; an empty one is none.

    Raises Refused: 400 for broken JSON, and for what is there twice.
    """
    for name in PARAMETERS:
        if len(parameters.getlist(name)) > 1:
            _bad(f"The address has `{name}` more than once", "REPEATED_NAME")
    given = {name: text for name, text in parameters.items() if text}
    return given | {name: _from_json(name, given[name]) for name in ("variables", "extensions") if name in given}


def from_body(body: bytes, values: JsonValues | None) -> object:
    """Return the parameters of a body of JSON, whose values may have been counted as it came; raises Refused."""
    try:
        return checked(body, values)
    except ValueError:
        _bad("Unable to parse request body as JSON")


def from_form(form: FormData) -> object:
    """Return the parameters of a GraphQL multipart request, with each of its files in its place.

    `map` says where in `operations` each file belongs; a null stands there
    (https://github.com/jaydenseric/graphql-multipart-request-spec).

    Raises:
        Refused: 400 for broken JSON, a file that is not there, a place that is none, or is taken, and a part that has
            no place, or more than one.

    """
    operations, places = _from_part(form, "operations"), _from_part(form, "map")
    if not (isinstance(places, dict) and all(isinstance(paths, list) for paths in places.values())):
        _bad("`map` must be a JSON object with a list of places for each file")
    if sum(map(len, places.values())) > MOST_FILES:
        _bad(f"`map` has too many places: at most {MOST_FILES} are accepted")
    for name, paths in places.items():
        file = form.get(name)
        if file is None or isinstance(file, str):
            _bad("A file that `map` names is missing in the form")
        for path in paths:
            _put(operations, path, file)
    _check_parts(form, places)
    return operations


def request_data(parameters: object) -> GraphQLRequestData:
    """Return the operation that is asked for.

    Raises Refused: 400 for a batch, a parameter of the wrong type, and where there is no operation at all.
    """
    if isinstance(parameters, list):
        _bad("A GraphQL request is one JSON object: a list of them is not taken. Send them one by one.")
    if not isinstance(parameters, dict):
        _bad("A GraphQL request is a JSON object")
    data = GraphQLRequestData(
        query=_typed(parameters, "query", str) or None,
        variables=_typed(parameters, "variables", dict),
        # Some clients send the name of an operation that has none.
        operation_name=_typed(parameters, "operationName", str) or None,
        extensions=_typed(parameters, "extensions", dict),
    )
    if data.query is None and (data.extensions or {}).get("persistedQuery") is None:
        _bad("There is no `query` in the request")
    return data


def persisted_hash(data: GraphQLRequestData) -> str | None:
    """Return the hash that a request names its document by.

    Raises Refused: 400 where the hash is none, or is not the document's.
    """
    persisted: Any = (data.extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        # Clients know this message and the code, and go on without hashes.
        _bad("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
    sha256 = persisted.get("sha256Hash")
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        _bad("`sha256Hash` must be a SHA-256 in hexadecimal")
    if data.query is not None and sha256_of(data.query) != sha256.lower():
        _bad("`sha256Hash` is not the SHA-256 of `query`", "PERSISTED_QUERY_HASH_MISMATCH")
    return sha256.lower()


def _from_part(form: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    text = form.get(name, "{}")
    if not isinstance(text, str):
        _bad(f"`{name}` must be JSON, not a file")
    return _from_json(name, text)


def _from_json(name: str, text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return checked(text)
    except ValueError:
        _bad(f"`{name}` must be JSON")


def _check_parts(form: FormData, places: Mapping[str, list[object]]) -> None:
    """Refuse what nothing would be made of."""
    for name, count in Counter(name for name, _ in form.multi_items()).items():
        if name not in places and name not in TEXTS:
            _bad(f"The part '{name[:LONGEST_NAME_SHOWN]}' of the form is not in `map`")
        if count > 1:
            _bad(f"The part '{name[:LONGEST_NAME_SHOWN]}' is {count} times in the form")
    for name, paths in places.items():
        if not paths:
            _bad(f"`map` has no place for the file '{name[:LONGEST_NAME_SHOWN]}'")
        if len(paths) > 1:
            _bad(f"`map` has {len(paths)} places for the file '{name[:LONGEST_NAME_SHOWN]}': send it once for each")


def _put(operations: Any, path: Any, file: object) -> None:  # noqa: ANN401 - whatever JSON holds
    """Put a file where a null stands, such as at `variables.input.pages.0.picture`."""
    place = operations
    try:
        names = path.split(".", DEEPEST_PLACE)
        # Whatever else a request has is not looked at, and the file would be dropped.
        if names[0] != "variables":
            _bad("`map` puts a file outside of `variables`")
        for name in names[:-1]:
            place = place[_key(place, name)]
        key = _key(place, names[-1])
        if (place.get(key) if isinstance(place, dict) else place[key]) is not None:
            _bad("`map` puts a file where `operations` has something else than null")
        place[key] = file
    except (AttributeError, LookupError, TypeError, ValueError):
        _bad("`map` does not tell where in `operations` the files belong")


def _key(place: object, name: str) -> int | str:
    if not isinstance(place, list):
        return name
    if not (name.isascii() and name.isdigit()):
        raise ValueError(name)
    return int(name)


def _typed(parameters: dict[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401 - of the kind that is asked for
    value = parameters.get(name)
    if value is not None and not isinstance(value, kind):
        _bad(f"`{name}` must be {KINDS[kind]} or null")
    return value


def _bad(message: str, code: str | None = None) -> NoReturn:
    raise Refused(HTTPStatus.BAD_REQUEST, message, code)
