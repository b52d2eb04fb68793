"""`/api/v1/admin/users/{id}/subscription`: any account's tokens, for admins."""

from typing import Annotated

from fastapi import Depends, Path, Response

from resolvers import tokens
from resolvers.errors import InvalidInput
from resolvers.texts import checked_text
from resolvers.tokens import LONGEST_DESCRIPTION, Order, Whose
from rest_compat.services import Call, no_body, no_key, no_parameters, router_at
from rest_compat.token_bodies import AccountBody, AccountChangedBody, TierChangeBody, TopUpBody
from rest_compat.wire import IdempotencyKey, InvalidRequestBody, RefusalBody

ADMIN_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "What is asked for breaks a rule"},
    401: {"model": RefusalBody, "description": "No valid token"},
    403: {"model": RefusalBody, "description": "The caller is no admin"},
    404: {"model": RefusalBody, "description": "There is no such user"},
}
TOP_UP_REFUSALS: dict[int | str, dict[str, object]] = {
    422: {
        "model": InvalidRequestBody | RefusalBody,
        "description": "A member is missing, or the key was used for something else",
    },
}
UserId = Annotated[str, Path(alias="user_id", description="The user's id")]

NO_PARAMETERS = [Depends(no_parameters)]

router = router_at("/api/v1/admin/users", "tokens", responses=ADMIN_REFUSALS)


@router.get("/{user_id}/subscription")
async def read_account(call: Call, user_id: UserId) -> AccountBody:
    """Read an account with the newest entry of its ledger."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        return AccountBody.seen(*await tokens.wallet_of(transaction, call.caller, Whose(user_id), policy))


@router.put("/{user_id}/subscription/tier", dependencies=[*NO_PARAMETERS, Depends(no_key)])
async def set_tier(call: Call, user_id: UserId, body: TierChangeBody) -> AccountChangedBody:
    """Put an account into a tier: the balance becomes the tier's share, a period begins."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        change = await tokens.set_tier(transaction, call.caller, Whose(user_id), body.tier, policy)
    return AccountChangedBody.of(change, f"The account is in tier '{body.tier}' now.")


@router.post("/{user_id}/subscription/topup", responses=TOP_UP_REFUSALS, dependencies=NO_PARAMETERS)
async def top_up(
    call: Call, user_id: UserId, body: TopUpBody, response: Response, idempotency_key: IdempotencyKey = None
) -> AccountChangedBody:
    """Add tokens to an account, or take some away."""
    description = checked_text(body.description, "description", LONGEST_DESCRIPTION)
    order = Order(body.amount, description, idempotency_key=idempotency_key)
    policy = call.services.catalogue.policy
    try:
        async with call.transaction() as transaction:
            change = await tokens.adjust(transaction, call.caller, Whose(user_id), order, policy)
    except InvalidInput as refusal:
        # The rule's name of it is not this body's.
        raise InvalidInput(refusal.message, field="amount" if refusal.field == "tokens" else refusal.field) from None
    if change.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    done = f"{abs(body.amount)} tokens {'added' if body.amount > 0 else 'taken away'}."
    return AccountChangedBody.of(change, done)


@router.post("/{user_id}/subscription/reset-period", dependencies=[*NO_PARAMETERS, Depends(no_key), Depends(no_body)])
async def reset_period(call: Call, user_id: UserId) -> AccountChangedBody:
    """Begin a new period of an account: the balance becomes the tier's share, nothing is spent yet."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        change = await tokens.reset_period(transaction, call.caller, Whose(user_id), policy)
    return AccountChangedBody.of(change, "A new period has begun.")
