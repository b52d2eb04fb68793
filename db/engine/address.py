"""What DATABASE_URL says, read by libpq's rules: https://www.postgresql.org/docs/current/libpq-connect.html.

Most of it is then the driver's to understand (`db.engine.connections`). Here is what it lacks, and what tells a person
at the start what is wrong. No message has a part of the URL that may be a part of the password.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from db.engine.errors import InvalidDatabaseUrl

LARGEST_PORT = 65535

# As libpq, the first @ in front of the first slash ends user and password.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9.-]*)(?:\+\w+)?://"
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>\d*))?")

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_ONLY = _SSL_MODES[3:]
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_SESSIONS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
# What the driver understands by itself.
_OF_DRIVER = frozenset({
    "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "passfile", "service", "krbsrvname", "gsslib",
})  # fmt: skip
# What is the server's: the first two are libpq's, the others what drivers of other languages take beside them.
_OF_SERVER = frozenset({
    "application_name", "options",
    "search_path", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
})  # fmt: skip
_OF_ADDRESS = frozenset({"host", "port", "user", "password", "dbname", "target_session_attrs"})
# Those with a few values. Some of them need nothing done: the rest of their values would, which nobody here can do.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": _SSL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "target_session_attrs": _SESSIONS,
    "gsslib": ("gssapi", "sspi"),
    # The driver cannot bind passwords to TLS; `require` is taken for a wish for TLS, since Neon hands it out.
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer"),
    "sslcompression": ("0", "1"),
    "sslsni": ("1",),
    "client_encoding": ("auto", "utf8", "UTF8", "utf-8", "UTF-8"),
    "load_balance_hosts": ("disable", "random"),
    "keepalives": ("0", "1"),
}
_NUMBERS = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_KNOWN = _OF_DRIVER | _OF_SERVER | _OF_ADDRESS | _CHOICES.keys() | {*_NUMBERS, "fallback_application_name"}


@dataclass(frozen=True)
class DatabaseAddress:
    """Where PostgreSQL is and how it is reached; what the URL does not say is None or not there.

    `driver` are parameters that asyncpg understands, `server` settings of the session, `numbers` seconds and counts by
    libpq's names. `context` is there where the system's certificates are to be trusted, which asyncpg does not offer.
    """

    hosts: tuple[tuple[str, int | None], ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    sessions: str | None
    driver: Mapping[str, str] = field(repr=False)
    server: Mapping[str, str]
    numbers: Mapping[str, int]
    any_host_first: bool = False
    context: ssl.SSLContext | None = None


def parsed(url: str) -> DatabaseAddress:
    """Read a URL.

    Raises InvalidDatabaseUrl naming the parameter at fault.
    """
    parts = _parts(url.strip())
    given = dict(_given(parts["query"] or ""))
    hosts = tuple(_hosts(parts["hosts"], given))
    _check(given)
    _want_tls(given)
    if "fallback_application_name" in given:
        given.setdefault("application_name", given["fallback_application_name"])
    return DatabaseAddress(
        hosts=hosts,
        user=given.get("user") or _decoded(parts["user"]),
        password=given.get("password") or _decoded(parts["password"]),
        database=given.get("dbname") or _decoded(parts["dbname"]),
        sessions=given.get("target_session_attrs"),
        driver={name: value for name, value in given.items() if name in _OF_DRIVER},
        server={name: value for name, value in given.items() if name in _OF_SERVER},
        numbers={name: int(given[name]) for name in (*_NUMBERS, "keepalives") if name in given},
        any_host_first=given.get("load_balance_hosts") == "random",
        context=_trusting_the_system(given) if given.get("sslrootcert") == "system" else None,
    )


def _parts(url: str) -> dict[str, str | None]:
    match = _URL.fullmatch(url)
    if match is None or match["scheme"] not in {"postgres", "postgresql"}:
        raise InvalidDatabaseUrl("it has to begin with postgresql:// or postgres://")
    # Whatever else has an @ may be the rest of a password, which must not get into a name that is shown.
    if "@" in f"{match['hosts']}{match['dbname']}" or (match["hosts"] and not match["user"] and "@" in url):
        raise InvalidDatabaseUrl("write / and @ in user, password and database as %2F and %40")
    return match.groupdict()


def _decoded(text: str | None) -> str | None:
    """Undo percent-encoding; None where nothing is left."""
    decoded = unquote(text or "")
    if "\0" in decoded:
        raise InvalidDatabaseUrl("it has a NUL character")
    return decoded or None


def _given(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters; the last one of a name counts, and an empty one is none."""
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name == "database":
            name = "dbname"
        elif name == "ssl":  # as JDBC and libpq have it, and as asyncpg has it
            name, value = "sslmode", "require" if value == "true" else value
        # A plus is a plus to libpq, but no option has one, and most libraries write a space so.
        decoded = _decoded(value.replace("+", " ") if name == "options" else value)
        if decoded is not None:
            yield name, decoded


def _check(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in _KNOWN:
            raise InvalidDatabaseUrl(f"there is no parameter {name!r}, or it means nothing here")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InvalidDatabaseUrl(f"{name} has to be one of {', '.join(_CHOICES[name])}, not {value!r}")
        if name in _NUMBERS and not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise InvalidDatabaseUrl(f"{name} has to be a whole number, not {value!r}")
    for name in _FILES:
        if name in given and not (name == "sslrootcert" and given[name] == "system"):
            _read(name, given[name])
    _load_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), given)


def _read(name: str, path: str) -> None:
    try:
        with open(path, "rb"):  # noqa: PTH123 - as the driver opens it
            pass
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidDatabaseUrl(f"{name} names {path!r}, which cannot be read: {why}") from None


def _load_certificates(context: ssl.SSLContext, given: Mapping[str, str]) -> None:
    """Load what files the parameters name, the system's own aside."""
    name = "sslrootcert"
    try:
        if given.get(name, "system") != "system":
            context.load_verify_locations(given[name])
        name = "sslcrl"
        if name in given:
            context.load_verify_locations(given[name])
        name = "sslcert, sslkey or sslpassword"
        if "sslcert" in given:
            password = given.get("sslpassword", "")
            context.load_cert_chain(given["sslcert"], given.get("sslkey"), lambda: password)
    except ssl.SSLError as error:
        raise InvalidDatabaseUrl(
            f"{name} has no certificate or key that can be used: {error.reason or error}"
        ) from None


def _want_tls(given: dict[str, str]) -> None:
    """Make up the `sslmode` that other parameters depend on; complain where it says otherwise."""
    mode = given.get("sslmode")
    if given.get("sslrootcert") == "system":
        # As libpq: whoever trusts a public authority has to look at the name, too.
        if given.setdefault("sslmode", "verify-full") != "verify-full":
            raise InvalidDatabaseUrl(f"sslrootcert=system needs sslmode=verify-full, not {mode}")
    elif given.get("channel_binding") == "require" and mode not in _TLS_ONLY:
        if mode == "disable":
            raise InvalidDatabaseUrl("channel_binding=require needs TLS, but sslmode is disable")
        given["sslmode"] = "require"
    if given.get("sslnegotiation") == "direct" and given.get("sslmode") not in _TLS_ONLY:
        raise InvalidDatabaseUrl(f"sslnegotiation=direct needs sslmode={', '.join(_TLS_ONLY)}")


def _trusting_the_system(given: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])  # PostgreSQL 17 wants to be asked by name
    _load_certificates(context, given)
    if "sslcrl" in given:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    for end, attribute in (("min", "minimum_version"), ("max", "maximum_version")):
        if f"ssl_{end}_protocol_version" in given:
            version = given[f"ssl_{end}_protocol_version"].replace(".", "_")
            setattr(context, attribute, ssl.TLSVersion[version])
    return context


def _hosts(in_authority: str | None, given: Mapping[str, str]) -> Iterator[tuple[str, int | None]]:
    """Yield each host with its port, those of the query if it has any; the host is empty where only a port is given."""
    hosts, ports = [_host(spec) for spec in (in_authority or "").split(",")], given.get("port", "").split(",")
    if "host" in given:
        hosts = [(name, None) if "/" in name else _host(name) for name in given["host"].split(",")]
    if len(ports) > 1 and len(ports) != len(hosts):
        raise InvalidDatabaseUrl(f"it has {len(ports)} ports for {len(hosts)} hosts")
    if len(hosts) > 1 and not all(name for name, _ in hosts):
        raise InvalidDatabaseUrl("one of its hosts is empty")
    for number, (name, port) in enumerate(hosts):
        in_query = ports[number] if len(ports) > 1 else ports[0]
        if name or port or in_query:
            yield _sought(name), _port(in_query or port)


def _sought(name: str) -> str:
    """Return a host that can be looked for: whoever looks for another, such as `a..b`, ends with a `UnicodeError`."""
    try:
        _ = "/" in name or name.encode("idna")
    except UnicodeError:
        raise InvalidDatabaseUrl(f"{name[:40]!r} cannot be the name of a host") from None
    return name


def _host(spec: str) -> tuple[str, str | None]:
    # Several colons without brackets: an IPv6 address that stands alone, as `host=::1` does.
    match = _HOST.fullmatch(spec)
    if match is None and re.fullmatch(r"[0-9A-Fa-f:.]+(%\w+)?", spec):
        return spec, None
    if match is None:
        raise InvalidDatabaseUrl("a host is a name or an address, with :port behind it at most; IPv6 stands in []")
    return _decoded(match["ipv6"] or match["name"]) or "", match["port"]


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= LARGEST_PORT:
        raise InvalidDatabaseUrl(f"a port is a number from 1 to {LARGEST_PORT}")
    return int(text)
