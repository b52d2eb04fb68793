"""Times as callers write them."""

from datetime import UTC, datetime

from resolvers.errors import InvalidInput


def in_utc(time: datetime | None, field: str) -> datetime | None:
    """Return the same time in UTC, which is what one without a zone means; None stays None.

    Raises:
        InvalidInput: there is no such time, as at the ends of the calendar

    """
    if time is None:
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{field} is beyond the calendar", field=field) from None
