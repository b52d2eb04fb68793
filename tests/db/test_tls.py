"""TLS to the database as DATABASE_URL asks for it; a certificate that is not trusted is refused in a sentence."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from db.engine.connections import Server
from db.engine.errors import InvalidDatabaseUrl
from db.engine.limits import FOR_REQUESTS
from tests.db.connecting import opened, over_tcp, refused
from tests.doubles.certificates import authority, written
from tests.doubles.postgres_proxy import PostgresProxy, proxied, server_context


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Certificate and key of `localhost`, and the authority's certificate."""
    ca = authority()
    return *ca.issued("localhost").files(tmp_path), written(tmp_path / "ca.pem", ca.certificate)


@pytest.fixture
async def encrypting(socket_folder: str, certificates: tuple[Path, Path, Path]) -> AsyncIterator[PostgresProxy]:
    async with proxied(socket_folder, server_context(*certificates[:2])) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("query", "encrypted"),
    [
        ("sslmode=disable", 0),
        ("sslmode=allow", 0),
        ("sslmode=prefer", 1),
        ("", 1),
        ("sslmode=require", 1),
        ("ssl=true", 1),
        ("channel_binding=require", 1),
        ("sslmode=require&channel_binding=require", 1),
        ("sslmode=verify-ca&sslrootcert=CA", 1),
        ("sslmode=verify-full&sslrootcert=CA", 1),
        ("sslmode=require&ssl_min_protocol_version=TLSv1.3", 1),
    ],
)
async def test_tls_as_it_is_asked_for(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path], query: str, encrypted: int
) -> None:
    url = over_tcp(encrypting, query.replace("CA", quote(str(certificates[2]))), host="localhost")

    async with opened(url) as connection:
        assert await connection.fetchval("SELECT 1") == 1

    assert encrypting.encrypted == encrypted


async def test_the_systems_certificates(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = over_tcp(encrypting, "sslrootcert=system", host="localhost")
    assert "certificate that cannot be trusted" in await refused(url)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[2]))
    async with opened(url) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert encrypting.encrypted == 1


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_certificate_of_another_authority_is_refused(
    encrypting: PostgresProxy, tmp_path: Path, mode: str
) -> None:
    root = written(tmp_path / "other.pem", authority().certificate)

    sentence = await refused(over_tcp(encrypting, f"sslmode={mode}&sslrootcert={quote(str(root))}", "localhost"))

    assert "certificate that cannot be trusted" in sentence
    assert "DATABASE_URL" in sentence


async def test_a_certificate_of_another_host_is_refused(
    encrypting: PostgresProxy, certificates: tuple[Path, Path, Path]
) -> None:
    sentence = await refused(over_tcp(encrypting, f"sslmode=verify-full&sslrootcert={quote(str(certificates[2]))}"))

    assert "certificate that cannot be trusted" in sentence
    assert "DATABASE_URL" in sentence


async def test_a_client_shows_its_certificate(
    socket_folder: str, certificates: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    clients = authority()
    trusted = written(tmp_path / "clients.pem", clients.certificate)
    (tmp_path / "client").mkdir()
    certificate, key = clients.issued("client").files(tmp_path / "client", b"p w")
    shows = f"sslmode=require&sslcert={quote(str(certificate))}&sslkey={quote(str(key))}&sslpassword=p%20w"

    async with proxied(socket_folder, server_context(*certificates[:2], trusted)) as proxy:
        async with opened(over_tcp(proxy, shows)) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await refused(over_tcp(proxy, "sslmode=require"))


async def test_a_server_without_tls_is_not_used_where_tls_is_asked_for(proxy: PostgresProxy) -> None:
    sentence = await refused(over_tcp(proxy, "sslmode=require"))

    assert "rejected SSL upgrade" in sentence


async def test_a_missing_certificate_of_the_authority_is_named(
    proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidDatabaseUrl, match=r"root certificate file .*root\.crt"):
        await Server(over_tcp(proxy, "sslmode=verify-full")).connect(FOR_REQUESTS)
