"""A DateTime scalar whose values are left to the encoder, which writes them much sooner than Python does."""

from datetime import UTC, datetime


def utc_date_time(value: datetime) -> datetime:
    """Return the same time in UTC; `http_answers.as_json` encodes it, with a `Z`."""
    return value.astimezone(UTC)


def parse_date_time(value: object) -> datetime:
    """Read ISO 8601.

    Raises:
        TypeError, ValueError: it is no such text.

    """
    if not isinstance(value, str):
        raise TypeError("A DateTime is a string in ISO 8601")
    return datetime.fromisoformat(value)
