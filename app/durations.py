"""How long something is, as a command line says it: 90m, 12h, 1d."""

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=36_525)


def duration(text: str) -> timedelta:
    """Return what a text says; raise `ValueError` where that is nothing, or more than a century."""
    match = re.fullmatch(r"([0-9]{1,8})([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write a number and s, m, h, d or w, such as 12h")
    found = timedelta(**{UNITS[match[2]]: int(match[1])})
    if not timedelta() < found <= LONGEST:
        raise ValueError(f"{text} is out of range: write 1s to {LONGEST.days}d")
    return found
