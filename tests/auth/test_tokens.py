"""Which tokens are verified."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from auth.caller import AccountStatus, Caller, Role
from auth.errors import InvalidCredentials, NotABearerToken
from auth.policy import ALGORITHMS, InvalidTokenPolicy, TokenPolicy
from auth.tokens import LEEWAY, Authenticator, sign, user_id_of

KEY = "a key that only this test knows, long enough for the longest of the HMAC algorithms"
POLICY = TokenPolicy(algorithm="HS256", secret_key=KEY)
USER_ID = UUID("11111111-1111-4111-8111-111111111111")


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    soon = datetime.now(UTC) + timedelta(hours=5)
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
        "Bearer a.b.c",
        f"Bearer {token(exp=None)}",
        f"Bearer {token(sub=None)}",
        f"Bearer {token(sub='')}",
        f"Bearer {token(status='unheard of')}",
        f"Bearer {token(key='some other key, which is long enough for every algorithm here, too: 64 bytes')}",
        f"Bearer {token(algorithm='HS512')}",
        f"Bearer {jwt.encode({'sub': str(USER_ID), 'exp': 9999999999}, '', algorithm='none')}",
        pytest.param(f"Bearer {token(more='x' * 24_000)}", id="too long"),
    ],
)
async def test_any_other_token_is_refused_alike(header: str | None) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await Authenticator(POLICY).authenticate(header)

    assert (refusal.value.code, str(refusal.value)) == ("UNAUTHENTICATED", "Could not validate credentials")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", f"Basic {token()}", token(), f"Bearer: {token()}", " "])
async def test_what_is_no_bearer_token_is_told_apart(header: str) -> None:
    with pytest.raises(NotABearerToken):
        await Authenticator(POLICY).authenticate(header)


@pytest.mark.parametrize("key", [KEY, "some other key, which is long enough for every algorithm here, too: 64 bytes"])
async def test_only_a_token_of_ours_is_said_to_have_expired(key: str) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await Authenticator(POLICY).authenticate(f"Bearer {token(key=key, exp=datetime(2020, 1, 1, tzinfo=UTC))}")

    assert refusal.value.code == ("TOKEN_EXPIRED" if key == KEY else "UNAUTHENTICATED")


@pytest.mark.parametrize(("claim", "value"), [("aud", "somebody else"), ("iss", "https://b.example"), ("aud", None)])
async def test_audience_and_issuer_are_checked_where_they_are_set(claim: str, value: str | None) -> None:
    policy = TokenPolicy(algorithm="HS256", secret_key=KEY, audience="lookreel", issuer="https://a.example")
    good: dict[str, Any] = {"aud": "lookreel", "iss": "https://a.example"}

    assert (await Authenticator(policy).authenticate(f"Bearer {token(**good)}")).user_id == USER_ID
    with pytest.raises(InvalidCredentials):
        await Authenticator(policy).authenticate(f"Bearer {token(**good | {claim: value})}")


@pytest.mark.parametrize("subject", [7, 0, -7, 10**200])
async def test_a_subject_may_be_a_number(subject: int) -> None:
    caller = await Authenticator(POLICY).authenticate(f"Bearer {token(sub=subject, iss='https://a.example')}")

    assert caller.user_id == user_id_of(str(subject), "https://a.example")


@pytest.mark.parametrize("subject", [True, 7.0, [], ["7"], {}, {"id": 7}, "", " \t", "x" * 256, 10**255, "\ud800"])
async def test_any_other_subject_is_refused(subject: object) -> None:
    with pytest.raises(InvalidCredentials):
        await Authenticator(POLICY).authenticate(f"Bearer {token(sub=subject)}")


@pytest.mark.parametrize(("claim", "sign"), [("exp", -1), ("nbf", 1), ("iat", 1)])
async def test_clocks_may_differ_by_ten_seconds(claim: str, sign: int) -> None:
    def off_by(seconds: int) -> str:
        claims: dict[str, Any] = {claim: datetime.now(UTC) + sign * timedelta(seconds=seconds)}
        return f"Bearer {token(**claims)}"

    assert (await Authenticator(POLICY).authenticate(off_by(5))).user_id == USER_ID
    with pytest.raises(InvalidCredentials):
        await Authenticator(POLICY).authenticate(off_by(15))


async def test_a_token_ends_when_it_is_no_longer_accepted() -> None:
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)

    caller = await Authenticator(POLICY).authenticate(f"Bearer {token(exp=end)}")

    assert caller.expires_at == end + LEEWAY


@pytest.mark.parametrize("email", ["", "  ", "x" * 250 + "@b.example", "a\0@b.example", "a\ud800@b.example", 7, {}, []])
async def test_an_address_that_cannot_be_one_is_not_known(email: object) -> None:
    assert (await Authenticator(POLICY).authenticate(f"Bearer {token(email=email)}")).email is None


def test_the_algorithms_are_those_that_the_library_has() -> None:
    # One of PyJWT's names is its own old misspelling of ES512.
    assert set(ALGORITHMS) == set(get_default_algorithms()) - {"none", "ES521"}


def pem(key: Any, *, public: bool) -> str:
    encoding = serialization.Encoding.PEM
    if public:
        text = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        text = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(text, "ascii")


RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("PS512", RSA), ("ES256", CURVE), ("EdDSA", EDWARDS)])
async def test_a_pair_of_keys_verifies_by_either_and_signs_by_the_private_one(algorithm: str, key: Any) -> None:
    private = TokenPolicy(algorithm=algorithm, secret_key=pem(key, public=False))
    public = TokenPolicy(algorithm=algorithm, secret_key=pem(key, public=True))
    signed = sign(private, Caller(USER_ID, None), timedelta(hours=1))

    for policy in (private, public):
        assert (await Authenticator(policy).authenticate(f"Bearer {signed}")).user_id == USER_ID
    with pytest.raises(InvalidTokenPolicy, match="public key"):
        sign(public, Caller(USER_ID, None), timedelta(hours=1))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", KEY),
        ("RS256", pem(RSA, public=True).replace("\n", "\\n")),
        ("RS256", pem(CURVE, public=True)),
        ("ES256", pem(RSA, public=True)),
        ("ES384", pem(CURVE, public=True)),
        ("EdDSA", pem(RSA, public=True)),
        ("HS256", pem(RSA, public=True)),
        ("HS256", '{"kty": "oct", "k": "a key that only this test knows"}'),
    ],
)
def test_a_key_that_can_verify_nothing_is_found_out_at_once(algorithm: str, key: str) -> None:
    with pytest.raises(InvalidTokenPolicy, match=f"JWT_SECRET_KEY is no key for JWT_ALGORITHM {algorithm}"):
        Authenticator(TokenPolicy(algorithm=algorithm, secret_key=key))


async def test_keys_are_rotated_with_no_token_refused() -> None:
    old, new = KEY, "the key that comes after it, which is long enough for every algorithm here: 64 bytes"
    rotating = Authenticator(TokenPolicy(algorithm="HS256", secret_key=new, other_keys=(old,)))

    found = [(await rotating.authenticate(f"Bearer {token(key=key)}")).user_id for key in (old, new)]

    assert found == [USER_ID, USER_ID]
    with pytest.raises(InvalidCredentials):
        await rotating.authenticate(f"Bearer {token(key='a third key, which is long enough for every algorithm, too')}")
    with pytest.raises(InvalidCredentials) as refusal:
        await rotating.authenticate(f"Bearer {token(key=old, exp=datetime(2020, 1, 1, tzinfo=UTC))}")
    assert refusal.value.code == "TOKEN_EXPIRED"
