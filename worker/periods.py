"""Accounts whose period has ended and renews: a new one begins also for those whom nobody looks at."""

from auth.caller import Caller
from db import accounts
from resolvers.accounts import lock_account
from worker.workshop import Workshop

BATCH = 500


async def renew_periods(workshop: Workshop) -> None:
    """Begin the periods that are due, each account in a transaction of its own."""
    policy = workshop.catalogue.policy
    for name, tier in policy.tiers.items():
        due = await accounts.with_ended_period(workshop.database.reader, name, BATCH) if tier.renews else []
        for user_id in due:
            async with workshop.database.transaction() as transaction:
                await lock_account(transaction, Caller(user_id, None), policy)
