"""`/api/v1/subscription`: the caller's tokens, what everybody may know of costs and tiers, and any account for admins.

Theirs is `/api/v1/admin/users/{id}/subscription`.
"""

from typing import Annotated

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute

from db.ledger import Ledger
from resolvers import tokens
from resolvers.errors import InsufficientTokens, InvalidInput
from resolvers.texts import checked_text
from resolvers.tokens import LONGEST_DESCRIPTION, Consumption, Order, Whose, consume
from rest_compat.paging import DEFAULT_PAGE, Limit, Skip
from rest_compat.services import IN_TURN, Call, no_body, no_key, no_parameters, router_at, services_of
from rest_compat.token_bodies import (
    UNLIMITED,
    AccountBody,
    AccountChangedBody,
    ConsumeBody,
    ConsumedBody,
    CostsBody,
    HistoryBody,
    TierBody,
    TierChangeBody,
    TiersBody,
    TokenInfoBody,
    TopUpBody,
    TransactionBody,
)
from rest_compat.wire import IdempotencyKey, InvalidRequestBody, RefusalBody

router = router_at("/api/v1/subscription", "tokens", responses={401: {"model": RefusalBody}})
public_router = router_at("/api/v1/subscription", "tokens", APIRoute)

NO_PARAMETERS = [Depends(no_parameters)]
KEY_REFUSALS: dict[int | str, dict[str, object]] = {
    422: {
        "model": InvalidRequestBody | RefusalBody,
        "description": "A member is missing, or the key was used for something else",
    },
}
CONSUME_REFUSALS = {400: {"model": RefusalBody, "description": "There is no such operation"}} | KEY_REFUSALS
ADMIN_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "What is asked for breaks a rule"},
    401: {"model": RefusalBody, "description": "No valid token"},
    403: {"model": RefusalBody, "description": "The caller is no admin"},
    404: {"model": RefusalBody, "description": "There is no such user"},
}
UserId = Annotated[str, Path(alias="user_id", description="The user's id")]

admin_router = router_at("/api/v1/admin/users", "tokens", responses=ADMIN_REFUSALS)


@router.get("/info")
async def read_token_info(call: Call) -> TokenInfoBody:
    """Read the caller's balance, tier and period."""
    async with call.transaction() as transaction:
        return TokenInfoBody.of(await tokens.wallet(transaction, call.caller, call.services.catalogue.policy))


@public_router.get("/costs")
async def read_costs(request: Request) -> CostsBody:
    """Read what operations cost; for everybody."""
    return CostsBody(costs=services_of(request).catalogue.policy.operations)


@public_router.get("/tiers")
async def read_tiers(request: Request) -> TiersBody:
    """Read which tiers there are; for everybody."""
    tiers = services_of(request).catalogue.policy.tiers
    return TiersBody(tiers=[TierBody.of(name, tier) for name, tier in tiers.items()])


@router.post("/consume", responses=CONSUME_REFUSALS, dependencies=NO_PARAMETERS)
async def consume_tokens(
    call: Call, body: ConsumeBody, response: Response, idempotency_key: IdempotencyKey = None
) -> ConsumedBody:
    """Pay for an operation of another service before it is done; a balance that does not cover it is an answer, too."""
    caller, policy = call.caller, call.services.catalogue.policy
    async with call.transaction() as transaction:
        try:
            consumed = await consume(
                transaction,
                caller,
                policy,
                body.operation,
                description=body.description,
                idempotency_key=idempotency_key,
            )
        except InsufficientTokens as refusal:
            spent = (await tokens.wallet(transaction, caller, policy)).account.spent
            return _refused(refusal, spent)
    if consumed.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return _consumed(consumed, body.operation)


@router.get("/history", dependencies=[IN_TURN])
async def read_token_history(call: Call, skip: Skip = 0, limit: Limit = DEFAULT_PAGE) -> HistoryBody:
    """Read the caller's ledger, newest first."""
    page = await Ledger(call.caller.user_id).offset_page(call.reader, skip=skip, limit=limit)
    entries = [TransactionBody.of(entry) for entry in page.rows]
    return HistoryBody(transactions=entries, total=page.total, skip=skip, limit=limit)


@admin_router.get("/{user_id}/subscription")
async def read_account(call: Call, user_id: UserId) -> AccountBody:
    """Read an account with the newest entry of its ledger."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        return AccountBody.seen(*await tokens.wallet_of(transaction, call.caller, Whose(user_id), policy))


@admin_router.put("/{user_id}/subscription/tier", dependencies=[*NO_PARAMETERS, Depends(no_key)])
async def set_tier(call: Call, user_id: UserId, body: TierChangeBody) -> AccountChangedBody:
    """Put an account into a tier: the balance becomes the tier's share, a period begins."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        change = await tokens.set_tier(transaction, call.caller, Whose(user_id), body.tier, policy)
    return AccountChangedBody.of(change, f"The account is in tier '{body.tier}' now.")


@admin_router.post("/{user_id}/subscription/topup", responses=KEY_REFUSALS, dependencies=NO_PARAMETERS)
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


@admin_router.post(
    "/{user_id}/subscription/reset-period", dependencies=[*NO_PARAMETERS, Depends(no_key), Depends(no_body)]
)
async def reset_period(call: Call, user_id: UserId) -> AccountChangedBody:
    """Begin a new period of an account: the balance becomes the tier's share, nothing is spent yet."""
    policy = call.services.catalogue.policy
    async with call.transaction() as transaction:
        change = await tokens.set_tier(transaction, call.caller, Whose(user_id), None, policy)
    return AccountChangedBody.of(change, "A new period has begun.")


def _consumed(consumed: Consumption, operation: str) -> ConsumedBody:
    left = UNLIMITED if consumed.is_unlimited else consumed.entry.balance_after
    rest = "the account is unlimited" if consumed.is_unlimited else f"{left} are left"
    return ConsumedBody(
        success=True,
        cost=consumed.cost,
        available_tokens=left,
        consumed_tokens=consumed.spent,
        message=f"Used {consumed.cost} tokens for '{operation}'; {rest}.",
    )


def _refused(refusal: InsufficientTokens, spent: int) -> ConsumedBody:
    return ConsumedBody(
        success=False,
        cost=refusal.cost,
        available_tokens=refusal.available_tokens,
        consumed_tokens=spent,
        message=refusal.message,
    )
