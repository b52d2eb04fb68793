"""Accounts whose period has ended and renews: a new one begins also for those whom nobody looks at."""

from auth.caller import Caller
from db import accounts
from resolvers.accounts import lock_account
from worker.context import WorkerContext

BATCH = 500


async def renew_periods(context: WorkerContext) -> None:
    """Begin the periods that are due, each account in a transaction of its own."""
    policy = context.catalogue.policy
    for name, tier in policy.tiers.items():
        due = await accounts.with_ended_period(context.database.reader, name, BATCH) if tier.renews else []
        for user_id in due:
            async with context.database.transaction() as transaction:
                await lock_account(transaction, Caller(user_id, None), policy)
