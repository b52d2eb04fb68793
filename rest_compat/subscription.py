"""`/api/v1/subscription`: the caller's tokens."""

from resolvers import tokens
from resolvers.prices import COSTS
from rest_compat.paging import DEFAULT_PAGE, Limit, Skip
from rest_compat.services import AdmittedCaller, Services, router_at
from rest_compat.wire import CostsBody, HistoryBody, RefusalBody, TokenInfoBody, TransactionBody

router = router_at("/api/v1/subscription", "tokens", responses={401: {"model": RefusalBody}})


@router.get("/info")
async def read_token_info(caller: AdmittedCaller, services: Services) -> TokenInfoBody:
    """Read the caller's balance and its use."""
    async with services.database.transaction() as transaction:
        use = await tokens.use(transaction, caller)
    return TokenInfoBody(available_tokens=use.balance, total_tokens=use.received, used_tokens=use.spent)


@router.get("/costs")
async def read_costs(_caller: AdmittedCaller) -> CostsBody:
    """Read what operations cost."""
    return CostsBody(costs=COSTS)


@router.get("/history")
async def read_token_history(
    caller: AdmittedCaller,
    services: Services,
    skip: Skip = 0,
    limit: Limit = DEFAULT_PAGE,
) -> HistoryBody:
    """Read the caller's ledger, newest first."""
    page = await tokens.offset_page(services.database.reader, caller, skip=skip, limit=limit)
    entries = [TransactionBody.model_validate(entry, from_attributes=True) for entry in page.rows]
    return HistoryBody(transactions=entries, total=page.total, skip=skip, limit=limit)
