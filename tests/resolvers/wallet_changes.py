"""What admins change of a wallet, as documents, and what they are answered."""

from tests.schema.mutate import ERRORS

CHANGED = (
    """{ balance replayed transaction { id kind amount balanceBefore balanceAfter description reference actor
  actorEmail } tokens { id userId balance tier isUnlimited total consumed lifetimeConsumed } """
    f"{ERRORS} }}"
)
GRANT = f"grantTokens(input: $input) {CHANGED}"
ADJUST = f"adjustTokens(input: $input) {CHANGED}"
SET_TIER = f"setTier(input: $input) {CHANGED}"
RESET = f"resetPeriod(input: $input) {CHANGED}"
