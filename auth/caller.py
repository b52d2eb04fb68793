"""Who calls, as a token says."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from auth.errors import AdminRequired

# In characters (RFC 5321, section 4.5.3.1.3, less the brackets).
LONGEST_EMAIL = 254
# `UUID` takes all that `int` takes, and would give several names one id.
UUID_TEXT = re.compile(r"(urn:uuid:)?\{?[0-9A-Fa-f-]+\}?")


class Role(StrEnum):
    """What a caller may do."""

    USER = "user"
    ADMIN = "admin"


class AccountStatus(StrEnum):
    """Whether the identity provider lets the account act."""

    ACTIVE = "active"
    PENDING = "pending"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Caller:
    """A person whose token was verified; the same person with a newer token is the same caller.

    `expires_at` is until when the token is accepted, by requests and by streams alike: the leeway for clocks that
    differ is in it. `is_admin_by_row` says that the role is not the token's.
    """

    user_id: UUID
    email: str | None
    role: Role = Role.USER
    status: AccountStatus = AccountStatus.ACTIVE
    expires_at: datetime | None = field(default=None, compare=False)
    is_admin_by_row: bool = field(default=False, compare=False)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may see and do what is not their own."""
        return self.role is Role.ADMIN

    def require_admin(self) -> None:
        """Raise `AdminRequired` unless the caller is an admin."""
        if not self.is_admin:
            raise AdminRequired


def email_of(text: str) -> str | None:
    """Return an address as accounts have it, in small letters and in NFC; None where the text cannot be one."""
    email = unicodedata.normalize("NFC", text.strip().lower())
    return email if 0 < len(email) <= LONGEST_EMAIL and email.isprintable() else None
