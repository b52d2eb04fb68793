"""How lines of the log are written: for people, or as JSON for what collects them. Both carry the context's ids."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from resolvers.observing import bound

# The request's id, as the error bodies and `X-Request-ID` give it, stands in brackets.
# Put there by asgi_correlation_id's filter, in processes that answer requests.
TEXT = "%(asctime)s %(levelname)-7s %(name)s [%(correlation_id)s]: %(message)s"
COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}


class TextFormatter(logging.Formatter):
    """A line for people, in colour where a terminal shows it, with the ids in the end."""

    def __init__(self, *, in_colour: bool) -> None:
        super().__init__(TEXT)
        self._in_colour = in_colour

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's
        """Return the first line; a traceback follows it."""
        record.correlation_id = getattr(record, "correlation_id", None) or "-"
        line = super().formatMessage(record)
        if ids := bound():
            line += f" ({', '.join(f'{name} {value}' for name, value in ids.items())})"
        colour = COLOURS.get(record.levelno) if self._in_colour else None
        return f"\033[{colour}m{line}\033[0m" if colour else line


class JsonFormatter(logging.Formatter):
    """One object a line: time in UTC, level, logger, message, ids, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request_id := getattr(record, "correlation_id", None):
            line["request_id"] = request_id
        line |= bound()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def formatter(wanted: Literal["text", "json"]) -> logging.Formatter:
    """Return what writes lines as an operator wants them."""
    return JsonFormatter() if wanted == "json" else TextFormatter(in_colour=sys.stderr.isatty())
