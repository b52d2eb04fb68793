"""What the HTTP server may write into the log: no addresses with what clients put into them, no heads, no frames."""

import logging


class Discreet(logging.Filter):
    """Cuts queries, which may hold tokens, and drops DEBUG, by which heads with credentials and frames are written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written, once its addresses are cut."""
        if isinstance(record.args, tuple) and "WebSocket" in str(record.msg):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return record.levelno > logging.DEBUG


_DISCREET = Discreet()


def keep_logs_discreet() -> None:
    """Have it hold for all that the server's own loggers write; done twice, it is done once."""
    for name in ("uvicorn.error", "websockets.server"):
        logging.getLogger(name).addFilter(_DISCREET)
