"""Bearer tokens: a signed JWT (RFC 7519) becomes a caller, and the command line can sign one."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pkgutil import resolve_name
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt
from cryptography.exceptions import UnsupportedAlgorithm

from auth.caller import UUID_TEXT, AccountStatus, Caller, Role, email_of
from auth.errors import InvalidCredentials, NotABearerToken, TokenExpired
from auth.policy import HMAC_ALGORITHMS, InvalidTokenPolicy, TokenPolicy

REMEMBERED_TOKENS = 10_000
# In characters of the header: one token can be spelled in many headers, by spaces that count for nothing.
LONGEST_REMEMBERED = 4_000
# Of a token, in characters: servers and proxies take no longer header. A WebSocket's first message could bring more.
LONGEST_TOKEN = 32_000
# How long a token is remembered whose key the identity provider may take back.
KEY_SET_SECONDS = 60.0
# Whoever signs tokens has a clock of their own (contract.md, 'Authentication').
LEEWAY = timedelta(seconds=10)
# In characters (OpenID Connect Core 1.0, section 2).
LONGEST_SUBJECT = 255

EPOCH = datetime.fromtimestamp(0, UTC)


class Authenticator:
    """Turns `Authorization` headers into callers."""

    def __init__(self, policy: TokenPolicy) -> None:
        """Verify by a policy.

        Raises InvalidTokenPolicy: its key is none for its algorithm.
        """
        self._policy = policy
        # What talks to a provider takes longer to load than all the rest here.
        self._key_set = (
            resolve_name("auth.key_set:KeySet")(policy.jwks_url, policy.algorithm) if policy.jwks_url else None
        )
        self._keys = [
            _verification_key(policy, secret) for secret in filter(None, [policy.secret_key, *policy.other_keys])
        ]
        # Callers, and until when in seconds since the epoch their token is good without another look at it. Nothing
        # that is wrong is remembered: only who holds a key can put anything here.
        self._remembered: dict[str, tuple[Caller, float]] = {}

    async def run(self) -> None:
        """Keep the keys of the identity provider fresh until cancelled, where there is one."""
        if self._key_set is not None:
            await self._key_set.run()

    async def authenticate(self, authorization: str | None, now: datetime | None = None) -> Caller:
        """Read the header `Authorization: Bearer <JWT>` (RFC 6750).

        A token is verified once, and its caller remembered by the very header until it expires; for a minute where a
        key set may take its key back.

        Raises:
            InvalidCredentials: whatever is wrong with the header or its token.
            IdentityProviderUnavailable: the token's key is not known and cannot be fetched.

        """
        now = now or datetime.now(UTC)
        verified = self._remembered.get(authorization or "")
        if verified is not None and now.timestamp() < verified[1]:
            return verified[0]
        caller = await self._verified(authorization or "")
        if caller.expires_at is None or caller.expires_at <= now:
            raise TokenExpired
        self._remember(authorization or "", caller, caller.expires_at.timestamp(), now.timestamp())
        return caller

    async def _verified(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if authorization and (scheme.lower() != "bearer" or not token):
            raise NotABearerToken
        if len(token) > LONGEST_TOKEN:
            raise InvalidCredentials
        try:
            return caller_of(self._decode(token, await self._keys_for(token)))
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise InvalidCredentials from error

    def _remember(self, authorization: str, caller: Caller, expiry: float, now: float) -> None:
        if len(authorization) > LONGEST_REMEMBERED:
            return
        if len(self._remembered) >= REMEMBERED_TOKENS:
            self._remembered.clear()
        until = expiry if self._key_set is None else min(expiry, now + KEY_SET_SECONDS)
        self._remembered[authorization] = caller, until

    async def _keys_for(self, token: str) -> list[Any]:
        if self._key_set is None:
            return self._keys
        # The provider is not asked for the sake of a token that could not be good.
        header = jwt.get_unverified_header(token)
        if header.get("alg") != self._policy.algorithm or "kid" not in header:
            raise InvalidCredentials
        return [await self._key_set.key(header["kid"])]

    def _decode(self, token: str, keys: list[Any]) -> dict[str, Any]:
        """Return the claims; of several keys, only one has signed."""
        for key in keys[:-1]:
            with suppress(jwt.InvalidSignatureError):
                return self._decoded(token, key)
        return self._decoded(token, keys[-1])

    def _decoded(self, token: str, key: Any) -> dict[str, Any]:  # noqa: ANN401 - PyJWT takes whatever its algorithm uses as a key
        return jwt.decode(
            token,
            key,
            algorithms=[self._policy.algorithm],
            audience=self._policy.audience,
            issuer=self._policy.issuer,
            leeway=LEEWAY,
            # PyJWT takes no number for a subject, nor for the token's own id, which nothing is read from.
            options={
                "require": ["exp", "sub"],
                "verify_aud": self._policy.audience is not None,
                "verify_sub": False,
                "verify_jti": False,
            },
        )


def user_id_of(subject: str, issuer: str) -> UUID:
    """Map a token's subject to a user id: a UUID is itself, any other name gets a UUIDv5 of issuer and subject.

    Raises ValueError: the subject is blank or too long, or UTF-8 has no way to write it.
    """
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise ValueError(f"A user's id has 1 to {LONGEST_SUBJECT} characters")
    with suppress(ValueError):
        if UUID_TEXT.fullmatch(subject):
            return UUID(subject)
    return uuid5(NAMESPACE_URL, f"{issuer}#{subject}")


def sign(policy: TokenPolicy, caller: Caller, lifetime: timedelta) -> str:
    """Issue a token for a caller.

    Raises InvalidTokenPolicy when only the identity provider has the key that signs.
    """
    if policy.secret_key is None:
        raise InvalidTokenPolicy("Tokens of this server are signed by the identity provider behind JWT_JWKS_URL")
    key = _secret_key(policy, policy.secret_key)
    if not hasattr(key, "public_key") and policy.algorithm not in HMAC_ALGORITHMS:
        raise InvalidTokenPolicy("JWT_SECRET_KEY is a public key: tokens are signed where the private one is")
    claims = {
        "sub": str(caller.user_id),
        "email": caller.email,
        "role": caller.role.value,
        "status": caller.status.value,
        "exp": datetime.now(UTC) + lifetime,
        "iss": policy.issuer,
        "aud": policy.audience,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=policy.algorithm)


def caller_of(claims: dict[str, Any]) -> Caller:
    """Read a verified token's claims.

    Raises ValueError, OverflowError when a claim makes no sense.
    """
    email = claims.get("email")
    # That nobody knows whose the address is, some providers say as a text or a number.
    is_unverified = str(claims.get("email_verified", True)).strip().lower() in {"false", "0", "no", "off", ""}
    return Caller(
        user_id=user_id_of(_subject(claims["sub"]), str(claims.get("iss", ""))),
        email=email_of(email) if isinstance(email, str) and not is_unverified else None,
        # Identity providers have role names of their own; only one name gives more rights.
        role=Role.ADMIN if claims.get("role") == Role.ADMIN else Role.USER,
        status=AccountStatus.ACTIVE if claims.get("status") is None else AccountStatus(claims["status"]),
        expires_at=EPOCH + timedelta(seconds=int(claims["exp"])) + LEEWAY,
    )


def _subject(claim: object) -> str:
    """Return a subject as text: it may be a whole number (contract.md, 'Authentication')."""
    if isinstance(claim, str):
        return claim
    if isinstance(claim, int) and not isinstance(claim, bool):
        return str(claim)
    raise ValueError("The subject is neither a text nor a whole number")


def _secret_key(policy: TokenPolicy, secret: str) -> Any:  # noqa: ANN401 - PyJWT takes whatever its algorithm uses as a key
    """Return a key as the policy's algorithm uses it; raises InvalidTokenPolicy."""
    try:
        return jwt.get_algorithm_by_name(policy.algorithm).prepare_key(secret)
    except (jwt.PyJWTError, UnsupportedAlgorithm, NotImplementedError, TypeError, ValueError) as error:
        raise InvalidTokenPolicy(f"JWT_SECRET_KEY is no key for JWT_ALGORITHM {policy.algorithm}: {error}") from error


def _verification_key(policy: TokenPolicy, secret: str) -> Any:  # noqa: ANN401 - see _secret_key
    """Return the key that verifies: of a pair, the public one."""
    key = _secret_key(policy, secret)
    return key.public_key() if hasattr(key, "public_key") else key
