"""Which tokens are believed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenPolicy:
    """Which tokens are believed: one algorithm, one key or key set, and the claims that must match.

    `secret_key` verifies where `jwks_url` is None; with a `jwks_url`, the key is fetched from there by its `kid`.
    """

    algorithm: str
    secret_key: str | None = None
    jwks_url: str | None = None
    audience: str | None = None
    issuer: str | None = None
