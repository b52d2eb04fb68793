"""Tokens of an identity provider: the keys come from its key set, over HTTP, which may fail."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth import key_set
from auth.errors import IdentityProviderUnavailable, InvalidCredentials
from auth.policy import TokenPolicy
from auth.tokens import Authenticator, sign, user_id_of
from tests.doubles.identity_provider import (
    ENDLESS,
    TROUBLES,
    IdentityProvider,
    Trouble,
    identity_provider,
    jwk,
    new_key,
)
from tests.house import eventually

WHO = user_id_of("provider|7", "https://id.example")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    """A provider that is asked again soon."""
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0.3)
    with identity_provider() as provider:
        yield provider


@asynccontextmanager
async def running(authenticator: Authenticator) -> AsyncIterator[None]:
    """Have its keys kept fresh, as an API process does."""
    task = asyncio.create_task(authenticator.run())
    try:
        yield
    finally:
        task.cancel()


async def outcome(authenticator: Authenticator, authorization: str) -> object:
    """Return the caller's id or the error's class."""
    try:
        return (await authenticator.authenticate(authorization)).user_id
    except (InvalidCredentials, IdentityProviderUnavailable) as error:
        return type(error)


async def records(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    return [(record.name, record.levelno) for record in caplog.records]


async def asked(provider: IdentityProvider) -> int:
    return provider.asked


async def test_a_token_of_the_provider_is_believed_and_its_keys_are_fetched_once(provider: IdentityProvider) -> None:
    authenticator = Authenticator(provider.policy)

    first = await asyncio.gather(*(outcome(authenticator, provider.authorization(jti=str(n))) for n in range(50)))

    assert first == [WHO] * 50
    assert provider.asked == 1


async def test_another_key_or_another_kid_is_refused(provider: IdentityProvider) -> None:
    authenticator = Authenticator(provider.policy)

    assert await outcome(authenticator, provider.authorization(key=new_key())) is InvalidCredentials
    assert await outcome(authenticator, provider.authorization("second")) is InvalidCredentials


async def test_the_provider_is_not_asked_about_tokens_that_cannot_be_good(provider: IdentityProvider) -> None:
    authenticator = Authenticator(provider.policy)
    claims = {"sub": "x", "exp": 9999999999}
    cousin = ec.generate_private_key(ec.SECP256K1())
    bad = [
        "Bearer rubbish",
        f"Bearer {provider.token()} {provider.token()}",
        f"Bearer {'a' * 40_000}",
        f"Bearer {jwt.encode(claims, provider.key, algorithm='ES256')}",
        f"Bearer {jwt.encode(claims, cousin, algorithm='ES256K', headers={'kid': 'first'})}",
        f"Bearer {jwt.encode(claims, 'k' * 64, algorithm='HS256', headers={'kid': 'first'})}",
        f"Bearer {jwt.encode(claims, '', algorithm='none', headers={'kid': 'first'})}",
    ]

    assert {await outcome(authenticator, authorization) for authorization in bad} == {InvalidCredentials}
    assert provider.asked == 0


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_provider_in_trouble_is_told_apart_from_a_bad_token_until_it_is_well(
    provider: IdentityProvider, trouble: Trouble, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator, authorization = Authenticator(provider.policy), provider.authorization()
    provider.trouble = trouble
    if trouble in ENDLESS:
        monkeypatch.setattr(key_set, "FETCH_SECONDS", 0.5)

    outcomes = await asyncio.gather(*(outcome(authenticator, provider.authorization(jti=str(n))) for n in range(20)))

    assert outcomes == [IdentityProviderUnavailable] * 20
    said = await eventually(lambda: records(caplog), bool, seconds=20)
    assert said == [("lookreel.auth", logging.WARNING)]
    provider.trouble = ""
    monkeypatch.setattr(key_set, "FETCH_SECONDS", 5)
    await eventually(lambda: outcome(authenticator, authorization), lambda found: found == WHO, seconds=20)


async def test_a_provider_that_is_not_there_is_told_apart_as_well() -> None:
    authenticator = Authenticator(TokenPolicy(algorithm="ES256", jwks_url="http://127.0.0.1:1/keys"))
    with identity_provider() as unknown_caller:
        assert await outcome(authenticator, unknown_caller.authorization()) is IdentityProviderUnavailable


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_known_keys_go_on_being_used_whatever_happens_to_the_provider(
    provider: IdentityProvider, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = Authenticator(provider.policy)
    await authenticator.authenticate(provider.authorization())
    monkeypatch.setattr(key_set, "REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0)
    monkeypatch.setattr(key_set, "FETCH_SECONDS", 0.5 if trouble in ENDLESS else 5)
    provider.trouble = trouble

    async with running(authenticator):
        await eventually(lambda: asked(provider), lambda times: times >= 3)
        assert await outcome(authenticator, provider.authorization(jti="another")) == WHO
        assert await outcome(authenticator, provider.authorization("second")) is IdentityProviderUnavailable
        assert await outcome(authenticator, provider.authorization(key=new_key())) is InvalidCredentials


async def test_nobody_waits_for_keys_that_are_known(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "FETCH_SECONDS", 20)
    monkeypatch.setattr(key_set, "REFRESH_SECONDS", 0.2)
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0)
    authenticator = Authenticator(provider.policy)

    async with running(authenticator):
        # Of a process that nobody has asked anything yet.
        await eventually(lambda: asked(provider), lambda times: times > 0)
        await authenticator.authenticate(provider.authorization())
        provider.trouble = "hang"
        before = provider.asked
        await eventually(lambda: asked(provider), lambda times: times > before)
        waiting = [asyncio.create_task(outcome(authenticator, provider.authorization(f"odd-{n}"))) for n in range(50)]
        async with asyncio.timeout(10):
            for number in range(20):
                assert await outcome(authenticator, provider.authorization(jti=str(number))) == WHO
        assert [task.done() for task in waiting] == [False] * 50
        provider.over.set()

        assert set(await asyncio.gather(*waiting)) == {IdentityProviderUnavailable}


async def test_unknown_keys_make_the_provider_be_asked_once_in_a_while_only(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 60)
    authenticator = Authenticator(provider.policy)
    await authenticator.authenticate(provider.authorization())

    outcomes = {await outcome(authenticator, provider.authorization(f"odd-{number}")) for number in range(200)}

    assert outcomes == {InvalidCredentials}
    assert provider.asked == 1


async def test_a_new_key_is_found_and_one_that_was_taken_back_is_forgotten(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0)
    authenticator, new = Authenticator(provider.policy), new_key()

    async with running(authenticator):
        assert await outcome(authenticator, provider.authorization()) == WHO
        provider.keys = [jwk(new, kid="second")]

        assert await outcome(authenticator, provider.authorization("second", key=new)) == WHO
        assert await outcome(authenticator, provider.authorization(jti="another")) is InvalidCredentials


async def test_a_key_that_was_taken_back_is_forgotten_though_nobody_asks_for_another(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0)
    authenticator = Authenticator(provider.policy)

    async with running(authenticator):
        assert await outcome(authenticator, provider.authorization()) == WHO
        provider.keys = [jwk(new_key(), kid="second")]
        before = provider.asked
        await eventually(lambda: asked(provider), lambda times: times > before + 1)

        assert await outcome(authenticator, provider.authorization(jti="another")) is InvalidCredentials


async def test_what_is_odd_in_a_key_set_is_passed_over(provider: IdentityProvider) -> None:
    odd: list[Any] = [
        7,
        "first",
        {"kid": ["first"], "kty": "EC"},
        {"kid": "first", "kty": "oct", "k": "a2V5"},
        {"kid": "first", "kty": "EC", "crv": "P-256", "x": "AQAB"},
        RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True) | {"kid": "first"},
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True) | {"kid": "first"},
        jwk(new_key(), kid="first", use="enc"),
        ECAlgorithm.to_jwk(provider.key, as_dict=True) | {"kid": "private"},
    ]
    provider.keys = odd + provider.keys
    authenticator = Authenticator(provider.policy)

    assert await outcome(authenticator, provider.authorization()) == WHO
    assert await outcome(authenticator, provider.authorization("private")) is InvalidCredentials


def test_the_command_line_cannot_sign_for_a_provider(provider: IdentityProvider) -> None:
    with pytest.raises(ValueError, match="signed by the identity provider"):
        sign(provider.policy, caller=None, lifetime=timedelta(hours=1))  # type: ignore[arg-type]
