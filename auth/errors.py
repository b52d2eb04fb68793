"""Why a caller is refused. Each error has a code that never changes and a sentence for a person."""

from typing import ClassVar

# When it is worth to ask again where an identity provider could not be reached; it is not asked any sooner.
IDENTITY_PROVIDER_RETRY_SECONDS = 5


class AccessDenied(Exception):
    """Base of the refusals that come before any rule about looks and jobs."""

    code: ClassVar[str]
    sentence: str

    def __init__(self) -> None:
        self.message = self.sentence
        super().__init__(self.message)


class InvalidCredentials(AccessDenied):
    """The token is missing, malformed, or signed by somebody else."""

    code = "UNAUTHENTICATED"
    legacy_message: ClassVar[str] = "Could not validate credentials"
    """What the REST contract answers, whatever is wrong."""
    sentence = legacy_message


class NotABearerToken(InvalidCredentials):
    """There are credentials, of another scheme than `Bearer` (RFC 6750)."""

    code = "NOT_A_BEARER_TOKEN"
    sentence = "The authorization is not 'Bearer', a space and a token"


class TokenExpired(InvalidCredentials):
    """The token was good until its `exp`."""

    code = "TOKEN_EXPIRED"
    sentence = "The token has expired. Please sign in again."


class IdentityProviderUnavailable(AccessDenied):
    """The keys that tokens are verified with cannot be fetched, and the token's is not known from before."""

    code = "IDENTITY_PROVIDER_UNAVAILABLE"
    retry_seconds: ClassVar[int] = IDENTITY_PROVIDER_RETRY_SECONDS
    sentence = "Credentials cannot be checked at the moment. Please try again."


class AccountNotActive(AccessDenied):
    """The token is good but its account is pending or suspended."""

    code = "ACCOUNT_NOT_ACTIVE"

    def __init__(self, status: str) -> None:
        self.sentence = f"This account is {status}. Please contact support."
        super().__init__()


class AdminRequired(AccessDenied):
    """The caller is known but not an admin."""

    code = "ADMIN_REQUIRED"
    sentence = "Admin privileges are required"
