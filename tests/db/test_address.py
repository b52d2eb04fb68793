"""DATABASE_URL as hosts hand it out is understood; what cannot be is named, and no password with it."""

from pathlib import Path

import pytest

from db.engine.address import parsed
from db.engine.errors import InvalidDatabaseUrl
from tests.doubles.certificates import authority, written


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@h/db", ((("h", None),), "u", "p", "db")),
        ("postgresql://u:p@h:5433/db", ((("h", 5433),), "u", "p", "db")),
        ("postgresql+asyncpg://u:p@h/db", ((("h", None),), "u", "p", "db")),
        ("postgresql+psycopg2://u:p@h/db", ((("h", None),), "u", "p", "db")),
        (" postgres://u:p@h/db\n", ((("h", None),), "u", "p", "db")),
        ("postgres://u:p%40%2F%3A%25@h/d%20b", ((("h", None),), "u", "p@/:%", "d b")),
        ("postgres://u%40corp:p@h/db", ((("h", None),), "u@corp", "p", "db")),
        ("postgres://u:p#q?r:s@h/db", ((("h", None),), "u", "p#q?r:s", "db")),
        ("postgres://u:a+b@h/db", ((("h", None),), "u", "a+b", "db")),
        ("postgres://u@h", ((("h", None),), "u", None, None)),
        ("postgres://u@h/", ((("h", None),), "u", None, None)),
        ("postgres://", ((), None, None, None)),
        ("postgres:///db", ((), None, None, "db")),
        ("postgres://:5433/db", ((("", 5433),), None, None, "db")),
        ("postgres://h:/db", ((("h", None),), None, None, "db")),
        ("postgres://[::1]:5433/db", ((("::1", 5433),), None, None, "db")),
        ("postgres://[fe80::1%25eth0]/db", ((("fe80::1%eth0", None),), None, None, "db")),
        ("postgres://%2Fvar%2Frun/db", ((("/var/run", None),), None, None, "db")),
        ("postgres://a:1,b:2,[::1]:3/db", ((("a", 1), ("b", 2), ("::1", 3)), None, None, "db")),
        ("postgres://a,b:2/db", ((("a", None), ("b", 2)), None, None, "db")),
        ("postgres:///db?host=/var/run&port=99", ((("/var/run", 99),), None, None, "db")),
        ("postgres:///?host=a,b&port=1,2&dbname=db", ((("a", 1), ("b", 2)), None, None, "db")),
        ("postgres://a,b/db?port=7", ((("a", 7), ("b", 7)), None, None, "db")),
        ("postgres:///db?host=a:1,b:2", ((("a", 1), ("b", 2)), None, None, "db")),
        ("postgres://::1/db", ((("::1", None),), None, None, "db")),
        ("postgres:///db?host=::1", ((("::1", None),), None, None, "db")),
        ("postgres:///x?user=u&password=a%26b&database=db", ((), "u", "a&b", "db")),
        ("postgres://h/db?user=u&user=v&password=", ((("h", None),), "v", None, "db")),
    ],
)
def test_where_the_database_is(url: str, expected: tuple[object, ...]) -> None:
    address = parsed(url)

    assert (address.hosts, address.user, address.password, address.database) == expected


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_mode_of_tls_is_the_drivers(mode: str) -> None:
    assert parsed(f"postgres://h/db?sslmode={mode}").driver == {"sslmode": mode}


@pytest.mark.parametrize(
    ("query", "driver", "server", "numbers"),
    [
        ("sslmode=require&channel_binding=require", {"sslmode": "require"}, {}, {}),
        ("channel_binding=require", {"sslmode": "require"}, {}, {}),
        ("channel_binding=prefer", {}, {}, {}),
        ("channel_binding=require&sslmode=verify-ca", {"sslmode": "verify-ca"}, {}, {}),
        ("ssl=true", {"sslmode": "require"}, {}, {}),
        ("ssl=prefer", {"sslmode": "prefer"}, {}, {}),
        ("sslmode=", {}, {}, {}),
        ("sslnegotiation=direct&sslmode=require", {"sslnegotiation": "direct", "sslmode": "require"}, {}, {}),
        ("gssencmode=disable&sslsni=1&sslcompression=0&client_encoding=utf8", {}, {}, {}),
        ("application_name=a%20b&fallback_application_name=c", {}, {"application_name": "a b"}, {}),
        ("fallback_application_name=c", {}, {"application_name": "c"}, {}),
        ("options=-c%20search_path%3Da,b", {}, {"options": "-c search_path=a,b"}, {}),
        ("options=-csearch_path=a+--lock_timeout=5s", {}, {"options": "-csearch_path=a --lock_timeout=5s"}, {}),
        ("statement_timeout=5s&search_path=a", {}, {"statement_timeout": "5s", "search_path": "a"}, {}),
        ("connect_timeout=7&keepalives=0", {}, {}, {"connect_timeout": 7, "keepalives": 0}),
        (
            "keepalives_idle=1&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=4",
            {},
            {},
            {"keepalives_idle": 1, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 4},
        ),
        ("&&", {}, {}, {}),
    ],
)
def test_what_parameters_mean(
    query: str, driver: dict[str, str], server: dict[str, str], numbers: dict[str, int]
) -> None:
    address = parsed(f"postgres://h/db?{query}")

    assert (address.driver, address.server, address.numbers) == (driver, server, numbers)


def test_files_are_looked_at_and_passed_on(tmp_path: Path) -> None:
    ca = authority()
    root, (certificate, key) = written(tmp_path / "ca.pem", ca.certificate), ca.issued("client").files(tmp_path, b"pw")

    address = parsed(f"postgres://h/db?sslrootcert={root}&sslcert={certificate}&sslkey={key}&sslpassword=pw")

    assert set(address.driver) == {"sslrootcert", "sslcert", "sslkey", "sslpassword"}
    assert address.context is None


def test_the_systems_certificates_are_trusted_with_the_hosts_name() -> None:
    address = parsed("postgres://h/db?sslrootcert=system")

    assert address.driver["sslmode"] == "verify-full"
    assert address.context is not None
    assert address.context.check_hostname


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("mysql://u:hush@h/db", "postgresql://"),
        ("sqlite:///db", "postgresql://"),
        ("jdbc:postgresql://h/db?password=hush", "postgresql://"),
        ("host=h password=hush", "postgresql://"),
        ("postgres:/h/db", "postgresql://"),
        ("hush", "postgresql://"),
        ("postgres://u:hu@sh@h/db", "%40"),
        ("postgres://u:hu/sh@h/db", "%2F"),
        ("postgres://u:12/hush?hush=1@h/db", "%2F"),
        ("postgres://h:hush/db", "a host is"),
        ("postgres://h:1:2/hush", "a host is"),
        ("postgres://h:0/db", "a port"),
        ("postgres:///db?host=h&port=\u0661", "a port"),
        ("postgres://h/db?connect_timeout=\u0661", "connect_timeout has to be a whole number"),
        ("postgres://u:hush@a..b/db", "'a..b' cannot be the name of a host"),
        (f"postgres:///db?host=/tmp,{'h' * 64}", "cannot be the name of a host"),
        ("postgres://h:65536/db", "a port"),
        ("postgres://h:123456789012345678901234567890/db", "a port"),
        ("postgres:///db?host=h&port=hush", "a port"),
        ("postgres://a,b/db?port=1,2,3", "3 ports for 2 hosts"),
        ("postgres://a,,b/db", "empty"),
        ("postgres://u:hush%00@h/db", "NUL"),
        ("postgres://u:hush@h/db?sslmod=require", "'sslmod'"),
        ("postgres://u:hush@h/db?hostaddr=1.2.3.4", "'hostaddr'"),
        ("postgres://u:hush@h/db?require_auth=scram-sha-256", "'require_auth'"),
        ("postgres://u:hush@h/db?SSLMODE=require", "'SSLMODE'"),
        ("postgres://u:hush@h/db?sslmode=on", "sslmode"),
        ("postgres://u:hush@h/db?ssl=on", "sslmode"),
        ("postgres://u:hush@h/db?sslnegotiation=on", "sslnegotiation"),
        ("postgres://u:hush@h/db?sslnegotiation=direct", "sslnegotiation"),
        ("postgres://u:hush@h/db?channel_binding=on", "channel_binding"),
        ("postgres://u:hush@h/db?channel_binding=require&sslmode=disable", "channel_binding"),
        ("postgres://u:hush@h/db?gssencmode=require", "gssencmode"),
        ("postgres://u:hush@h/db?target_session_attrs=master", "target_session_attrs"),
        ("postgres://u:hush@h/db?ssl_min_protocol_version=TLSv9", "ssl_min_protocol_version"),
        ("postgres://u:hush@h/db?client_encoding=latin1", "client_encoding"),
        ("postgres://u:hush@h/db?connect_timeout=soon", "connect_timeout"),
        ("postgres://u:hush@h/db?keepalives=maybe", "keepalives"),
        ("postgres://u:hush@h/db?keepalives_idle=1e3", "keepalives_idle"),
        ("postgres://u:hush@h/db?sslrootcert=/no/such/file", "sslrootcert names '/no/such/file'"),
        ("postgres://u:hush@h/db?sslcert=/no/such/file", "sslcert names"),
        ("postgres://u:hush@h/db?sslkey=/no/such/file", "sslkey names"),
        ("postgres://u:hush@h/db?sslcrl=/no/such/file", "sslcrl names"),
        ("postgres://u:hush@h/db?passfile=/", "passfile names"),
        (f"postgres://u:hush@h/db?sslrootcert={__file__}", "sslrootcert has no certificate"),
        (f"postgres://u:hush@h/db?sslcrl={__file__}", "sslcrl has no certificate"),
        (f"postgres://u:hush@h/db?sslcert={__file__}&sslkey={__file__}", "sslcert, sslkey or sslpassword"),
        ("postgres://u:hush@h/db?sslrootcert=system&sslmode=require", "sslrootcert=system"),
    ],
)
def test_what_cannot_be_understood_is_named_without_the_password(url: str, named: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as raised:
        parsed(url)

    assert str(raised.value).startswith("DATABASE_URL cannot be used: ")
    assert named in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_wrong_password_of_the_key_is_named(tmp_path: Path) -> None:
    certificate, key = authority().issued("client").files(tmp_path, b"pw")

    with pytest.raises(InvalidDatabaseUrl, match="sslpassword") as raised:
        parsed(f"postgres://h/db?sslcert={certificate}&sslkey={key}&sslpassword=hush")

    assert "hush" not in str(raised.value)


def test_an_address_can_be_printed() -> None:
    assert "hush" not in repr(parsed("postgres://u:hush@h/db?sslpassword=hush"))
