"""Which tokens are verified."""

from dataclasses import dataclass

# The key signs and verifies; with all others it is a pair, of which only the public one is known here.
HMAC_ALGORITHMS = ("HS256", "HS384", "HS512")
ALGORITHMS = (
    *HMAC_ALGORITHMS,
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "ES256K", "EdDSA"),
)
"""Names of signature algorithms (RFC 7518, section 3.1; RFC 8037; RFC 8812) that PyJWT verifies."""


class InvalidTokenPolicy(ValueError):
    """Tokens cannot be verified, or not be signed, with the keys that were set. The message tells an operator why."""


@dataclass(frozen=True)
class TokenPolicy:
    """Which tokens are verified: one algorithm, one key or key set, and the claims that must match.

    `secret_key` signs and verifies where `jwks_url` is None, and `other_keys` verify, too; with a `jwks_url`, the key
    is fetched from there by its `kid`.
    """

    algorithm: str
    secret_key: str | None = None
    other_keys: tuple[str, ...] = ()
    jwks_url: str | None = None
    audience: str | None = None
    issuer: str | None = None
