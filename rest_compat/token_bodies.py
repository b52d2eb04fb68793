"""The bodies about tokens, as the legacy frontend knows them (contract.md, 'Tokens')."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from db.enums import ActorKind, LedgerEntryKind
from db.ledger import LedgerRow
from resolvers.policy import Tier
from resolvers.tokens import Change, Wallet
from rest_compat.bodies import columns_of
from rest_compat.wire import Asked, Wire

# How this wire says that there is no limit.
UNLIMITED = -1

TransactionType = Literal["consumption", "refund", "topup", "admin_deduction", "reset", "tier_change"]
_TYPES: dict[LedgerEntryKind, TransactionType] = {
    LedgerEntryKind.WELCOME: "topup",
    LedgerEntryKind.GRANT: "topup",
    LedgerEntryKind.CHARGE: "consumption",
    LedgerEntryKind.REFUND: "refund",
    LedgerEntryKind.RESET: "reset",
    LedgerEntryKind.TIER_CHANGE: "tier_change",
}


def _whole(value: object) -> object:
    """Read a number as a form's field may have it; what else Pydantic would make one of, such as true, is refused."""
    is_number = (
        re.fullmatch(r"[+-]?[0-9]+", value.strip(" ")) if isinstance(value, str) else not isinstance(value, bool)
    )
    return value if is_number else [value]


class TokenInfoBody(Wire):
    """An account, in tokens."""

    tier: str
    total_tokens: int = Field(description="What this period gave; -1 where unlimited")
    available_tokens: int = Field(description="The balance; -1 where unlimited")
    consumed_tokens: int
    lifetime_consumed: int
    used_tokens: int = Field(description="The same as `lifetimeConsumed`")
    is_unlimited: bool
    period_start: datetime
    period_end: datetime

    @classmethod
    def of(cls, wallet: Wallet) -> "TokenInfoBody":
        """Show a wallet."""
        return cls(**_info(wallet))


class CostsBody(Wire):
    """What operations cost, in tokens."""

    costs: dict[str, int]


class TierBody(Wire):
    """A tier that an account can be in."""

    tier: str
    name: str
    tokens_per_month: int = Field(description="The share of a period; -1 where unlimited")
    is_unlimited: bool

    @classmethod
    def of(cls, name: str, tier: Tier) -> "TierBody":
        """Show a tier of the policy."""
        share = UNLIMITED if tier.unlimited else tier.share
        return cls(tier=name, name=tier.name, tokens_per_month=share, is_unlimited=tier.unlimited)


class TiersBody(Wire):
    """All tiers."""

    tiers: list[TierBody]


class ConsumeBody(Asked):
    """What is about to be done."""

    operation: str = Field(description="A name of `costs`")
    description: str | None = Field(default=None, description="What the history says of it")


class ConsumedBody(Wire):
    """Whether the balance covered it; where not, nothing was taken."""

    success: bool
    cost: int
    available_tokens: int = Field(description="The balance after it; -1 where unlimited")
    consumed_tokens: int
    message: str


class TransactionBody(Wire):
    """One change of a balance, or use of an unlimited account: the latter with balances of -1."""

    id: UUID
    type: TransactionType
    kind: LedgerEntryKind
    amount: int
    balance_before: int
    balance_after: int
    description: str | None
    reference: str | None
    operation: str | None
    admin_email: str | None
    video_job_id: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, row: LedgerRow) -> "TransactionBody":
        """Show a ledger's entry."""
        shown = columns_of(row) | {"type": _type(row)}
        if row.uncharged > 0:
            use = -row.uncharged if row.kind == LedgerEntryKind.CHARGE else row.uncharged
            shown |= {"amount": use, "balance_before": UNLIMITED, "balance_after": UNLIMITED}
        admin_email = row.actor_email if row.actor == ActorKind.ADMIN else None
        return cls.model_validate(shown | {"admin_email": admin_email})


class HistoryBody(Wire):
    """A page of the ledger."""

    transactions: list[TransactionBody]
    total: int
    skip: int
    limit: int


class AccountBody(TokenInfoBody):
    """An account, as an admin sees it."""

    user_id: UUID
    user_email: str | None
    last_transaction: TransactionBody | None

    @classmethod
    def seen(cls, wallet: Wallet, newest: LedgerRow | None) -> "AccountBody":
        """Show a wallet with the newest entry of its ledger."""
        return cls(
            **_info(wallet),
            user_id=wallet.account.id,
            user_email=wallet.account.email,
            last_transaction=newest and TransactionBody.of(newest),
        )


class TierChangeBody(Asked):
    """The tier that an account is to be in."""

    tier: str = Field(description="A name of `tiers`")


class TopUpBody(Asked):
    """By how much a balance is to change."""

    amount: Annotated[int, BeforeValidator(_whole)] = Field(description="In tokens, not 0; negative to take some away")
    description: str | None = Field(default=None, description="What the history says of it")


class AccountChangedBody(Wire):
    """The account after a change."""

    status: Literal["success"] = "success"
    message: str
    subscription: TokenInfoBody

    @classmethod
    def of(cls, change: Change, message: str) -> "AccountChangedBody":
        """Show what a change has left."""
        return cls(message=message, subscription=TokenInfoBody.of(change.wallet))


def _type(row: LedgerRow) -> TransactionType:
    if row.kind == LedgerEntryKind.ADJUSTMENT:
        return "topup" if row.amount > 0 else "admin_deduction"
    return _TYPES[LedgerEntryKind(row.kind)]


def _info(wallet: Wallet) -> dict[str, object]:
    account, unlimited = wallet.account, wallet.tier.unlimited
    return {
        "tier": account.tier,
        "total_tokens": UNLIMITED if unlimited else wallet.total,
        "available_tokens": UNLIMITED if unlimited else account.tokens,
        "consumed_tokens": account.spent,
        "lifetime_consumed": account.lifetime_spent,
        "used_tokens": account.lifetime_spent,
        "is_unlimited": unlimited,
        "period_start": account.period_start,
        "period_end": account.period_end,
    }
