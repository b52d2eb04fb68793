"""HTTP requests as they go over the wire, one string each (latin-1)."""

import json
from collections.abc import Mapping

BOUNDARY = "bench-boundary"


def get(path: str, token: str | None = None, **headers: str) -> str:
    """Ask for a resource; header names with `_` for `-`."""
    return _request("GET", path, "", token, headers)


def graphql(query: str, variables: Mapping[str, object], token: str | None = None, path: str = "/graphql") -> str:
    """Send a GraphQL operation."""
    return json_body("POST", path, {"query": query, "variables": variables}, token)


def json_body(method: str, path: str, content: object, token: str | None = None) -> str:
    """Send JSON."""
    headers = {"Content_Type": "application/json", "Accept": "application/json"}
    return _request(method, path, json.dumps(content), token, headers)


def form(path: str, fields: Mapping[str, str], token: str | None = None) -> str:
    """Send a multipart form."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join(parts) + f"--{BOUNDARY}--\r\n"
    return _request("POST", path, body, token, {"Content_Type": f"multipart/form-data; boundary={BOUNDARY}"})


def _request(method: str, path: str, body: str, token: str | None, headers: Mapping[str, str]) -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines) + f"\r\n\r\n{body}"
