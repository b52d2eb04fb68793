"""Tokens of an identity provider: the key comes from its key set, over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from auth.errors import InvalidCredentials
from auth.policy import TokenPolicy
from auth.tokens import Authenticator, sign, user_id_of

USER_ID = UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture(scope="module")
def provider_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def policy(provider_key: rsa.RSAPrivateKey) -> Iterator[TokenPolicy]:
    key = json.loads(RSAAlgorithm.to_jwk(provider_key.public_key())) | {"kid": "first", "use": "sig", "alg": "RS256"}

    class KeySet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [key]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), KeySet)
    Thread(target=server.serve_forever, daemon=True).start()
    yield TokenPolicy(algorithm="RS256", jwks_url=f"http://127.0.0.1:{server.server_port}/keys")
    server.shutdown()
    server.server_close()


def token(key: rsa.RSAPrivateKey, kid: str = "first") -> str:
    claims = {"sub": "provider|7", "iss": "https://id.example", "exp": datetime.now(UTC) + timedelta(minutes=5)}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


async def test_a_token_of_the_provider_is_believed(policy: TokenPolicy, provider_key: rsa.RSAPrivateKey) -> None:
    caller = await Authenticator(policy).authenticate(f"Bearer {token(provider_key)}")

    assert caller.user_id == user_id_of("provider|7", "https://id.example")


async def test_another_key_or_another_algorithm_is_refused(
    policy: TokenPolicy, provider_key: rsa.RSAPrivateKey
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    confused = jwt.encode({"sub": "x", "exp": 9999999999}, "k" * 64, algorithm="HS256", headers={"kid": "first"})

    for bad in (token(stranger), token(provider_key, kid="second"), confused):
        with pytest.raises(InvalidCredentials):
            await Authenticator(policy).authenticate(f"Bearer {bad}")


async def test_a_provider_that_cannot_be_reached_lets_nobody_in(provider_key: rsa.RSAPrivateKey) -> None:
    policy = TokenPolicy(algorithm="RS256", jwks_url="http://127.0.0.1:1/keys")

    with pytest.raises(InvalidCredentials):
        await Authenticator(policy).authenticate(f"Bearer {token(provider_key)}")


def test_the_command_line_cannot_sign_for_a_provider(policy: TokenPolicy) -> None:
    with pytest.raises(ValueError, match="signed by the identity provider"):
        sign(policy, caller=None, lifetime=timedelta(hours=1))  # type: ignore[arg-type]
