"""The one place that opens connections to PostgreSQL: asyncpg's, with limits on how long their work may take.

The driver understands most of DATABASE_URL by itself; `db.engine.address` reads it, here the rest is done. What goes
wrong is raised as one of `db.engine.errors`, with a sentence for operators that has no password in it.
"""

import random
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import asyncpg

from db.engine.address import DatabaseAddress, parsed
from db.engine.error_names import DRIVER_ERRORS, first_line, named
from db.engine.errors import DatabaseTooOld, DatabaseUnavailable, InvalidDatabaseUrl
from db.engine.limits import Limits, PoolerMode

OLDEST_POSTGRESQL = 15
CLOSE_SECONDS = 2.0
DEFAULT_PORT = 5432
CACHED_STATEMENTS = 100

# Those that nobody has decided about: what is set for a role, a database, the server or in the URL stays.
_SET_LIMITS = """
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS ours(name, value)
JOIN pg_settings USING (name) WHERE source = 'default'
"""
# In which PostgreSQL's text of a time is read as it stands.
_TIMES = {"TimeZone": "UTC", "DateStyle": "ISO"}
_KEEPALIVES = {
    "keepalives_idle": (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
    "keepalives_interval": (socket.IPPROTO_TCP, "TCP_KEEPINTVL"),
    "keepalives_count": (socket.IPPROTO_TCP, "TCP_KEEPCNT"),
    "tcp_user_timeout": (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
}
# A listening connection says nothing for hours; by these it is noticed within a minute or two that it is cut off.
_DEFAULT_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Server:
    """A PostgreSQL server, or several of which one is wanted, as a URL names it, or a pooler in front of it.

    Raises InvalidDatabaseUrl.
    """

    def __init__(self, url: str, application_name: str = "lookreel", mode: PoolerMode = PoolerMode.SESSION) -> None:
        self.address = parsed(url)
        self.url, self.mode = url, mode
        self._settings = {"application_name": application_name, **_TIMES, **self.address.server}

    async def connect(self, limits: Limits) -> asyncpg.Connection:
        """Open a connection: of several hosts, the first one that is as `target_session_attrs` says.

        Raises DatabaseUnavailable, and InvalidDatabaseUrl: the driver cannot use what the URL says.
        """
        hosts = list(self.address.hosts) or [("", None)]
        if self.address.any_host_first:
            random.shuffle(hosts)
        wanted = self.address.sessions
        trouble: DatabaseUnavailable | None = None
        for sessions in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
            for host, port in hosts:
                try:
                    return await self._connect(host, port, sessions, limits)
                except DatabaseUnavailable as error:
                    # Another host may be better: this one is not there, none that was asked for, or is starting.
                    if type(error) is not DatabaseUnavailable:
                        raise
                    trouble = error
        raise trouble or DatabaseUnavailable

    @asynccontextmanager
    async def opened(self, limits: Limits) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection, and close it; raises DatabaseUnavailable."""
        connection = await self.connect(limits)
        try:
            yield connection
        finally:
            await close(connection)

    async def _connect(self, host: str, port: int | None, sessions: str | None, limits: Limits) -> asyncpg.Connection:
        address = self.address
        seconds = float(max(address.numbers.get("connect_timeout", 0), 0)) or limits.connect
        parameters = {**address.driver} | ({"target_session_attrs": sessions} if sessions else {})
        with _sentences(host, port, seconds):
            connection = await asyncpg.connect(
                f"postgresql://?{urlencode(parameters, quote_via=quote)}" if parameters else None,
                host=host or None,
                port=port,
                user=address.user,
                password=address.password,
                database=address.database,
                ssl=address.context,
                server_settings=self._settings,
                timeout=seconds,
                command_timeout=limits.answer,
                statement_cache_size=0 if self.mode is PoolerMode.UNNAMED else CACHED_STATEMENTS,
            )
            try:
                _require_version(connection)
                _keep_alive(connection, address)
                await _read_times_as_text(connection)
                if self.mode is PoolerMode.SESSION:
                    settings = limits.settings()
                    await connection.fetch(_SET_LIMITS, list(settings), list(settings.values()), timeout=seconds)
            except BaseException:
                connection.terminate()
                raise
        return connection


async def close(connection: asyncpg.Connection) -> None:
    """Close a connection, whatever state it and the server are in, within `CLOSE_SECONDS`."""
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (OSError, *DRIVER_ERRORS):
        connection.terminate()


def _require_version(connection: asyncpg.Connection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST_POSTGRESQL:
        raise DatabaseTooOld(
            f"PostgreSQL {version.major} is too old: upgrade the server to {OLDEST_POSTGRESQL} or newer."
        )


async def _read_times_as_text(connection: asyncpg.Connection) -> None:
    """Let Python read times, which takes a quarter of the driver's adding of microseconds to an epoch.

    Not where a pooler has decided otherwise about what they are in.
    """
    told = connection.get_settings()
    if told.TimeZone == _TIMES["TimeZone"] and told.DateStyle.startswith(_TIMES["DateStyle"]):
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_time_as_text, decoder=datetime.fromisoformat
        )


def _time_as_text(time: datetime) -> str:
    # PostgreSQL reads no offset of 16 hours or more, and none with a part of a second; Python has both.
    return time.astimezone(UTC).isoformat()


def _keep_alive(connection: asyncpg.Connection, address: DatabaseAddress) -> None:
    """Let the kernel look whether the other side is there, as libpq does unless it is told not to."""
    transport = connection._transport  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way to it
    used: socket.socket | None = transport.get_extra_info("socket")
    if used is None or used.family == socket.AF_UNIX or not address.numbers.get("keepalives", 1):
        return
    used.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    numbers = {**_DEFAULT_KEEPALIVES, **address.numbers}
    for name, (level, option) in _KEEPALIVES.items():
        if numbers.get(name, 0) > 0 and hasattr(socket, option):
            used.setsockopt(level, getattr(socket, option), numbers[name])


@contextmanager
def _sentences(host: str, port: int | None, seconds: float) -> Iterator[None]:
    """Say in a sentence why there is no connection, and what to do."""
    where = f"PostgreSQL at {host}, port {port or DEFAULT_PORT}," if host else "PostgreSQL on this machine"
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise InvalidDatabaseUrl(first_line(error)) from error
    except asyncpg.InvalidPasswordError as error:
        raise named(error, f"{where} refuses the user or the password. Correct DATABASE_URL.") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise named(
            error, f"{where} has no such database: {first_line(error)}. Create it, or correct DATABASE_URL."
        ) from error
    except asyncpg.TargetServerAttributeNotMatched as error:
        raise DatabaseUnavailable(f"{where} is not what target_session_attrs in DATABASE_URL asks for.") from error
    except DRIVER_ERRORS as error:
        raise named(error, f"{where} refuses the connection: {first_line(error)}.") from error
    except (OSError, KeyError) as error:
        why = _why(error, where, seconds)
        raise DatabaseUnavailable(f"The database cannot be reached: {why}. Check DATABASE_URL.") from error


def _why(error: OSError | KeyError, where: str, seconds: float) -> str:
    match error:
        case KeyError():  # the operating system has no name for who runs this
            return "it names no user, and there is no other name to take"
        case TimeoutError():
            return f"{where} does not answer within {seconds:g} s"
        case socket.gaierror():
            return f"{where} cannot be found: {error.strerror}"
        case ssl.SSLCertVerificationError():
            return f"{where} shows a certificate that cannot be trusted: {error.verify_message.rstrip('.')}"
        case ssl.SSLError():
            return f"{where} fails to speak TLS: {error.reason or error}"
        case _:
            return f"{where} refuses: {first_line(error)}"
