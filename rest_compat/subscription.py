"""`/api/v1/subscription`: the caller's tokens, and what everybody may know of costs and tiers."""

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from db.ledger import Ledger
from resolvers import tokens
from resolvers.consumption import Consumption, consume
from resolvers.errors import InsufficientTokens
from rest_compat.paging import DEFAULT_PAGE, Limit, Skip
from rest_compat.services import IN_TURN, Call, no_parameters, router_at, services_of
from rest_compat.token_bodies import (
    UNLIMITED,
    ConsumeBody,
    ConsumedBody,
    CostsBody,
    HistoryBody,
    TierBody,
    TiersBody,
    TokenInfoBody,
    TransactionBody,
)
from rest_compat.wire import IdempotencyKey, InvalidRequestBody, RefusalBody

router = router_at("/api/v1/subscription", "tokens", responses={401: {"model": RefusalBody}})
public_router = router_at("/api/v1/subscription", "tokens", APIRoute)

CONSUME_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "There is no such operation"},
    422: {
        "model": InvalidRequestBody | RefusalBody,
        "description": "A member is missing, or the key was used for something else",
    },
}


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


@router.post("/consume", responses=CONSUME_REFUSALS, dependencies=[Depends(no_parameters)])
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
