"""Sums of a user's ledger, which its account must show."""

from collections.abc import Sequence
from uuid import UUID

from db.enums import LedgerEntryKind
from db.tables import LedgerEntry, User


def check_balance(user: User, entries: Sequence[LedgerEntry]) -> None:
    """Add up a user's ledger, oldest entry first."""
    balance = 0
    for entry in entries:
        balance += entry.amount
        assert entry.balance_before == balance - entry.amount
        assert entry.balance_after == balance >= 0
    assert user.tokens == balance


def check_use(user: User, entries: Sequence[LedgerEntry]) -> None:
    """Add up what a user has used in the period, and ever, paid or not; a refund counts where its charge does."""
    charges: dict[UUID | None, int] = {}
    spent = lifetime = 0
    for entry in entries:
        used = abs(entry.amount) + entry.uncharged
        assert not (entry.amount and entry.uncharged)
        if entry.kind in {LedgerEntryKind.RESET, LedgerEntryKind.TIER_CHANGE}:
            spent, charges = 0, {}
        elif entry.kind == LedgerEntryKind.CHARGE:
            charges[entry.video_job_id] = used
            spent, lifetime = spent + used, lifetime + used
        elif entry.kind == LedgerEntryKind.REFUND:
            spent, lifetime = spent - charges.get(entry.video_job_id, 0), lifetime - used
    assert (user.spent, user.lifetime_spent) == (spent, lifetime)
