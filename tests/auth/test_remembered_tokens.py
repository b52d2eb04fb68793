"""A token is verified once, and never verified longer than it says itself, or than its key is known to be good."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from auth import key_set, tokens
from auth.caller import Caller
from auth.errors import InvalidCredentials
from auth.policy import TokenPolicy
from auth.tokens import Authenticator, sign

KEY = "a key that only this test knows, long enough for the longest of the HMAC algorithms"
POLICY = TokenPolicy(algorithm="HS256", secret_key=KEY)
CALLER = Caller(UUID("11111111-1111-4111-8111-111111111111"), "a@b.example")
TICK = timedelta(microseconds=1)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the tokens that are looked into."""
    looked_into: list[str] = []
    decode = jwt.decode

    def counted(token: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        looked_into.append(token)
        return decode(token, *arguments, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    return looked_into


def header(lifetime: timedelta = timedelta(hours=1)) -> str:
    return f"Bearer {sign(POLICY, CALLER, lifetime)}"


async def test_a_token_is_verified_once_until_it_expires(verified: list[str]) -> None:
    authenticator, authorization = Authenticator(POLICY), header()
    caller = await authenticator.authenticate(authorization)
    expiry = caller.expires_at
    assert expiry is not None

    assert await authenticator.authenticate(authorization) is caller
    assert await authenticator.authenticate(authorization, now=expiry - TICK) is caller
    assert len(verified) == 1
    for late in (expiry, expiry + TICK):
        with pytest.raises(InvalidCredentials):
            await authenticator.authenticate(authorization, now=late)
    assert len(verified) == 3


class Keys:
    """What a provider's key set has at present."""

    def __init__(self, *_: str) -> None:
        self.current = KEY

    async def key(self, _kid: str) -> str:
        return self.current


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    keys = Keys()
    monkeypatch.setattr(key_set, "KeySet", lambda *_: keys)
    return keys


def providers_header(lifetime: timedelta = timedelta(hours=1)) -> str:
    claims = jwt.decode(header(lifetime).removeprefix("Bearer "), options={"verify_signature": False})
    return f"Bearer {jwt.encode(claims, KEY, headers={'kid': 'first'})}"


async def test_a_key_sets_token_is_verified_again_after_a_minute(keys: Keys, verified: list[str]) -> None:
    authenticator = Authenticator(TokenPolicy(algorithm="HS256", jwks_url="https://id.example/keys"))
    authorization, start = providers_header(), datetime.now(UTC)
    verified.clear()
    minute = timedelta(seconds=tokens.KEY_SET_SECONDS)

    for later, looks in ((timedelta(0), 1), (minute - TICK, 1), (minute, 2), (2 * minute - TICK, 2)):
        await authenticator.authenticate(authorization, now=start + later)
        assert len(verified) == looks
    keys.current = "another key, after the provider took one back"
    with pytest.raises(InvalidCredentials):
        await authenticator.authenticate(authorization, now=start + 2 * minute)


@pytest.mark.usefixtures("keys")
async def test_a_key_sets_token_that_expires_sooner_is_refused_then() -> None:
    authenticator = Authenticator(TokenPolicy(algorithm="HS256", jwks_url="https://id.example/keys"))
    authorization = providers_header(timedelta(seconds=30))
    expiry = (await authenticator.authenticate(authorization)).expires_at
    assert expiry is not None

    await authenticator.authenticate(authorization, now=expiry - TICK)
    with pytest.raises(InvalidCredentials):
        await authenticator.authenticate(authorization, now=expiry)


async def test_what_is_wrong_is_not_remembered_and_what_is_remembered_is_bounded(
    verified: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED_TOKENS", 2)
    authenticator = Authenticator(POLICY)
    first, second, third = (header(timedelta(hours=hours)) for hours in (1, 2, 3))
    padded = "Bearer" + " " * tokens.LONGEST_REMEMBERED + first.removeprefix("Bearer ")

    for authorization in (first, second, first, second, third, first):
        await authenticator.authenticate(authorization)
    assert len(verified) == 4
    for _ in range(2):
        await authenticator.authenticate(padded)
        with pytest.raises(InvalidCredentials):
            await authenticator.authenticate("Bearer rubbish")
    assert len(verified) == 8
