"""The `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers): how many more jobs one may have in progress."""

# Nobody knows when one of the caller's jobs ends; the fastest take some seconds.
SLOT_RETRY_SECONDS = 10

_POLICY = '"active-jobs"'


def rate_limit_headers(free_slots: int, slots: int) -> dict[str, str]:
    """Tell how many jobs may be in progress, and how many more; there is no window, a slot lasts as long as its job."""
    return {"RateLimit-Policy": f"{_POLICY};q={slots}", "RateLimit": f"{_POLICY};r={free_slots}"}
