"""`/api/v1/admin/users/{id}/subscription`: any account's tokens, for admins."""

from typing import Annotated

from fastapi import Path

from resolvers import tokens
from resolvers.tokens import Order, Whose
from rest_compat.services import AuthenticatedCaller, Services, router_at
from rest_compat.token_bodies import AccountBody, AccountChangedBody, TierChangeBody, TopUpBody
from rest_compat.wire import RefusalBody

ADMIN_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "What is asked for breaks a rule"},
    401: {"model": RefusalBody, "description": "No valid token"},
    403: {"model": RefusalBody, "description": "The caller is no admin"},
    404: {"model": RefusalBody, "description": "There is no such user"},
}
UserId = Annotated[str, Path(alias="user_id", description="The user's id")]

router = router_at("/api/v1/admin/users", "tokens", responses=ADMIN_REFUSALS)


@router.get("/{user_id}/subscription")
async def read_account(caller: AuthenticatedCaller, services: Services, user_id: UserId) -> AccountBody:
    """Read an account with the newest entry of its ledger."""
    async with services.database.transaction() as transaction:
        return AccountBody.seen(*await tokens.wallet_of(transaction, caller, Whose(user_id), services.catalogue.policy))


@router.put("/{user_id}/subscription/tier")
async def set_tier(
    caller: AuthenticatedCaller, services: Services, user_id: UserId, body: TierChangeBody
) -> AccountChangedBody:
    """Put an account into a tier: the balance becomes the tier's share, a period begins."""
    async with services.database.transaction() as transaction:
        change = await tokens.set_tier(transaction, caller, Whose(user_id), body.tier, services.catalogue.policy)
    return AccountChangedBody.of(change, f"The account is in tier '{body.tier}' now.")


@router.post("/{user_id}/subscription/topup")
async def top_up(
    caller: AuthenticatedCaller, services: Services, user_id: UserId, body: TopUpBody
) -> AccountChangedBody:
    """Add tokens to an account, or take some away."""
    order = Order(body.amount, body.description)
    async with services.database.transaction() as transaction:
        change = await tokens.adjust(transaction, caller, Whose(user_id), order, services.catalogue.policy)
    done = f"{abs(body.amount)} tokens {'added' if body.amount > 0 else 'taken away'}."
    return AccountChangedBody.of(change, done)


@router.post("/{user_id}/subscription/reset-period")
async def reset_period(caller: AuthenticatedCaller, services: Services, user_id: UserId) -> AccountChangedBody:
    """Begin a new period of an account: the balance becomes the tier's share, nothing is spent yet."""
    async with services.database.transaction() as transaction:
        change = await tokens.reset_period(transaction, caller, Whose(user_id), services.catalogue.policy)
    return AccountChangedBody.of(change, "A new period has begun.")
