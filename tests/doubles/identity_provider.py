"""An identity provider: signs tokens, and shows its key set over HTTP, unless it is in trouble."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from auth.policy import TokenPolicy

Trouble = Literal[
    "",
    "500",
    "404",
    "redirect",
    "html",
    "no json",
    "list",
    "no keys",
    "empty",
    "useless",
    "huge",
    "hang",
    "drip",
    "drip head",
    "drop",
]
TROUBLES: tuple[Trouble, ...] = (
    *("500", "404", "redirect", "html", "no json", "list", "no keys"),
    *("empty", "useless", "huge", "hang", "drip", "drip head", "drop"),
)
# It answers in the end, but nobody waits so long.
ENDLESS = {"hang", "drip", "drip head"}
BODIES: dict[str, bytes] = {
    "html": b"<!doctype html><title>Maintenance</title>",
    "no json": b'{"keys": [',
    "list": b"[]",
    "no keys": b"{}",
    "empty": b'{"keys": []}',
    "useless": b'{"keys": [7, null, {}, {"kid": "first"}, {"kid": "first", "kty": "EC", "x": 7, "y": []}]}',
    "huge": b" " * 2_000_000,
}


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: ec.EllipticCurvePrivateKey, **members: Any) -> dict[str, Any]:
    """Return the public key as a member of a key set."""
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"use": "sig", "alg": "ES256"} | members


class IdentityProvider:
    """`asked` counts requests for the key set; `keys` are its members."""

    def __init__(self) -> None:
        self.key = new_key()
        self.keys: list[Any] = [jwk(self.key, kid="first")]
        self.trouble: Trouble = ""
        self.asked = 0
        self.over = Event()
        self.url = ""

    @property
    def policy(self) -> TokenPolicy:
        return TokenPolicy(algorithm="ES256", jwks_url=self.url)

    def token(self, kid: str = "first", key: ec.EllipticCurvePrivateKey | None = None, **claims: Any) -> str:
        soon = datetime.now(UTC) + timedelta(minutes=5)
        claims = {"sub": "provider|7", "iss": "https://id.example", "exp": soon} | claims
        return jwt.encode(claims, key or self.key, algorithm="ES256", headers={"kid": kid})

    def authorization(self, kid: str = "first", **claims: Any) -> str:
        return f"Bearer {self.token(kid, **claims)}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        trouble = self.trouble
        if trouble == "hang":
            self.over.wait(30)
        if trouble in {"hang", "drop"}:
            return
        request.send_response({"500": 500, "404": 404, "redirect": 302}.get(trouble, 200))
        if trouble == "redirect":
            request.send_header("Location", self.url.replace("/keys", "/elsewhere"))
        if trouble == "drip head":
            request.flush_headers()
            self.drip(request)
            return
        request.end_headers()
        body = BODIES.get(trouble, json.dumps({"keys": self.keys}).encode())
        if trouble == "drip":
            self.drip(request)
            return
        request.wfile.write(body)

    def drip(self, request: BaseHTTPRequestHandler) -> None:
        for _ in range(300):
            request.wfile.write(b" ")
            if self.over.wait(0.1):
                return


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Serve a provider on a free port of this machine."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                provider.answer(self)
            except ConnectionError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}/keys"
    try:
        yield provider
    finally:
        provider.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
