"""Bearer tokens: a signed JWT (RFC 7519) becomes a caller, and the command line can sign one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt

from auth.caller import AccountStatus, Caller, Role
from auth.errors import InvalidCredentials
from auth.policy import TokenPolicy

REMEMBERED_TOKENS = 10_000
# In characters of the header: one token can be spelled in many headers, by spaces that count for nothing.
LONGEST_REMEMBERED = 4_000
# How long a token is believed after the identity provider may have taken its key back.
KEY_SET_SECONDS = 60.0


class _Believed(NamedTuple):
    """A caller, and until when in seconds since the epoch their token is good without another look at it."""

    caller: Caller
    until: float


class Authenticator:
    """Turns `Authorization` headers into callers."""

    def __init__(self, policy: TokenPolicy) -> None:
        self._policy = policy
        self._key_set = jwt.PyJWKClient(policy.jwks_url) if policy.jwks_url else None
        # Nothing that is wrong is remembered: only who holds a key can put anything here.
        self._believed: dict[str, _Believed] = {}

    async def authenticate(self, authorization: str | None, now: datetime | None = None) -> Caller:
        """Read the header `Authorization: Bearer <JWT>` (RFC 6750).

        A token is verified once, and its caller remembered by the very header until it expires; for a minute where a
        key set may take its key back.

        Raises:
            InvalidCredentials: whatever is wrong with the header or its token.

        """
        now = now or datetime.now(UTC)
        believed = self._believed.get(authorization or "")
        if believed is not None and now.timestamp() < believed.until:
            return believed.caller
        caller = await self._verified(authorization or "")
        if caller.expires_at is None or caller.expires_at <= now:
            raise InvalidCredentials
        self._remember(authorization or "", caller, caller.expires_at.timestamp(), now.timestamp())
        return caller

    async def _verified(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredentials
        try:
            return caller_of(self._decode(token.strip(), await self._key(token.strip())))
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidCredentials from error

    def _remember(self, authorization: str, caller: Caller, expiry: float, now: float) -> None:
        if len(authorization) > LONGEST_REMEMBERED:
            return
        if len(self._believed) >= REMEMBERED_TOKENS:
            self._believed.clear()
        until = expiry if self._key_set is None else min(expiry, now + KEY_SET_SECONDS)
        self._believed[authorization] = _Believed(caller, until)

    async def _key(self, token: str) -> Any:  # noqa: ANN401 - PyJWT takes whatever its algorithm uses as a key
        if self._key_set is None:
            return self._policy.secret_key
        # The key set is fetched with a blocking client, and then cached by it.
        return (await asyncio.to_thread(self._key_set.get_signing_key_from_jwt, token)).key

    def _decode(self, token: str, key: Any) -> dict[str, Any]:  # noqa: ANN401 - see _key
        return jwt.decode(
            token,
            key,
            algorithms=[self._policy.algorithm],
            audience=self._policy.audience,
            issuer=self._policy.issuer,
            options={"require": ["exp", "sub"], "verify_aud": self._policy.audience is not None},
        )


def user_id_of(subject: str, issuer: str) -> UUID:
    """Map a token's subject to a user id: a UUID is itself, any other name gets a UUIDv5 of issuer and subject."""
    try:
        return UUID(subject)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{issuer}#{subject}")


def sign(policy: TokenPolicy, caller: Caller, lifetime: timedelta) -> str:
    """Issue a token for a caller.

    Raises:
        ValueError: when tokens are verified by a key set, whose private keys the identity provider keeps.

    """
    if policy.secret_key is None:
        raise ValueError("Tokens of this server are signed by the identity provider behind JWT_JWKS_URL")
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
    return jwt.encode(claims, policy.secret_key, algorithm=policy.algorithm)


def caller_of(claims: dict[str, Any]) -> Caller:
    """Read a verified token's claims.

    Raises:
        ValueError: when a claim makes no sense.

    """
    if not claims["sub"]:
        raise ValueError("The subject is empty")
    email = claims.get("email")
    return Caller(
        user_id=user_id_of(claims["sub"], str(claims.get("iss", ""))),
        email=email.strip().lower() if isinstance(email, str) and email.strip() else None,
        # Identity providers have role names of their own; only one name gives more rights.
        role=Role.ADMIN if claims.get("role") == Role.ADMIN else Role.USER,
        status=AccountStatus(claims.get("status", AccountStatus.ACTIVE)),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )
