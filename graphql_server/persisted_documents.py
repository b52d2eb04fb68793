"""Documents that clients send once and name by their hash from then on.

The protocol is Apollo's "automatic persisted queries": `extensions.persistedQuery` is `{version: 1, sha256Hash}`. A
client sends the hash alone, first; where it is unknown, the answer is the error PERSISTED_QUERY_NOT_FOUND, and the
client sends the hash with the document. With `application/json` that answer's status is 200, as Apollo's server has it:
its older clients read no other status. With `application/graphql-response+json` it is 400, like that of every request
that was not executed; who understands that media type reads the errors whatever the status is.

Each process remembers for itself. A client that meets another one sends its document once more.
"""

import hashlib
import re
from collections import OrderedDict
from http import HTTPStatus
from typing import Any

from strawberry.http import GraphQLRequestData

from graphql_server.http_answers import Refused

COUNT = 1_000
# Anybody may have a document remembered, so its size is bounded, and that of all of them.
EACH_BYTES = 100_000
ALL_BYTES = 16_000_000

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class PersistedDocuments:
    """The documents that were used last, by their hash."""

    def __init__(self, count: int = COUNT, each_bytes: int = EACH_BYTES, all_bytes: int = ALL_BYTES) -> None:
        self._count = count
        self._each_bytes = each_bytes
        self._all_bytes = all_bytes
        self._documents: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def find(self, data: GraphQLRequestData) -> str | None:
        """Return the document that a request is about, whether it brings it or names it; None for an unknown one.

        Raises:
            Refused: 400 where the hash is none, or is not the document's.

        """
        key = _key(data)
        if key is None:
            return data.query
        if data.query is None:
            return self._named(key)
        if hashlib.sha256(data.query.encode()).hexdigest() != key:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "`sha256Hash` is not the SHA-256 of `query`",
                "PERSISTED_QUERY_HASH_MISMATCH",
            )
        return data.query

    def remember(self, data: GraphQLRequestData) -> None:
        """Remember the document of a request that names it by its hash; only for one that was found valid."""
        key = _key(data)
        if key is None or data.query is None or key in self._documents:
            return
        size = _size(data.query)
        if size > self._each_bytes:
            return
        self._documents[key] = data.query
        self._bytes += size
        while len(self._documents) > self._count or self._bytes > self._all_bytes:
            _, forgotten = self._documents.popitem(last=False)
            self._bytes -= _size(forgotten)

    def _named(self, key: str) -> str | None:
        if key in self._documents:
            self._documents.move_to_end(key)
        return self._documents.get(key)


def _key(data: GraphQLRequestData) -> str | None:
    """Return the hash that a request names its document by."""
    persisted: Any = (data.extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            # Clients know this message and the code, and go on without hashes.
            "PersistedQueryNotSupported",
            "PERSISTED_QUERY_NOT_SUPPORTED",
        )
    key = persisted.get("sha256Hash")
    if not (isinstance(key, str) and _SHA256.fullmatch(key)):
        raise Refused(HTTPStatus.BAD_REQUEST, "`sha256Hash` must be a SHA-256 in hexadecimal")
    return key.lower()


def _size(document: str) -> int:
    return len(document.encode())
