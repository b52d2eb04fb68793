"""Which tokens are believed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from auth.caller import AccountStatus, Role
from auth.errors import InvalidCredentials
from auth.policy import TokenPolicy
from auth.tokens import Authenticator, user_id_of

KEY = "a key that only this test knows, long enough for the longest of the HMAC algorithms"
POLICY = TokenPolicy(algorithm="HS256", secret_key=KEY)
USER_ID = UUID("11111111-1111-4111-8111-111111111111")


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    merged = {"sub": str(USER_ID), "email": "A@b.example", "exp": soon} | claims
    return jwt.encode({name: value for name, value in merged.items() if value is not None}, key, algorithm=algorithm)


async def test_claims_become_a_caller() -> None:
    caller = await Authenticator(POLICY).authenticate(f"Bearer {token(role='admin', status='suspended')}")

    assert (caller.user_id, caller.email) == (USER_ID, "a@b.example")
    assert (caller.role, caller.status) == (Role.ADMIN, AccountStatus.SUSPENDED)


@pytest.mark.parametrize("role", ["superuser", "Admin", 7, None])
async def test_only_the_exact_admin_role_gives_more_rights(role: object) -> None:
    assert (await Authenticator(POLICY).authenticate(f"bearer {token(role=role)}")).role is Role.USER


async def test_a_foreign_subject_gets_the_same_id_every_time_and_another_one_per_issuer() -> None:
    ids = [
        (await Authenticator(POLICY).authenticate(f"Bearer {token(sub='auth0|7', iss=issuer)}")).user_id
        for issuer in ("https://a.example", "https://a.example", "https://b.example")
    ]

    assert ids[0] == ids[1] == user_id_of("auth0|7", "https://a.example")
    assert ids[0] != ids[2]
    assert ids[0].version == 5


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer a.b.c",
        f"Basic {token()}",
        f"Bearer {token(exp=datetime(2020, 1, 1, tzinfo=UTC))}",
        f"Bearer {token(exp=None)}",
        f"Bearer {token(sub=None)}",
        f"Bearer {token(sub='')}",
        f"Bearer {token(status='unheard of')}",
        f"Bearer {token(key='some other key, which is long enough for every algorithm here, too: 64 bytes')}",
        f"Bearer {token(algorithm='HS512')}",
        f"Bearer {jwt.encode({'sub': str(USER_ID), 'exp': 9999999999}, '', algorithm='none')}",
    ],
)
async def test_any_other_token_is_refused_alike(header: str | None) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await Authenticator(POLICY).authenticate(header)

    assert str(refusal.value) == "Could not validate credentials"


@pytest.mark.parametrize(("claim", "value"), [("aud", "somebody else"), ("iss", "https://b.example"), ("aud", None)])
async def test_audience_and_issuer_are_checked_where_they_are_set(claim: str, value: str | None) -> None:
    policy = TokenPolicy(algorithm="HS256", secret_key=KEY, audience="lookreel", issuer="https://a.example")
    good: dict[str, Any] = {"aud": "lookreel", "iss": "https://a.example"}

    assert (await Authenticator(policy).authenticate(f"Bearer {token(**good)}")).user_id == USER_ID
    with pytest.raises(InvalidCredentials):
        await Authenticator(policy).authenticate(f"Bearer {token(**good | {claim: value})}")
