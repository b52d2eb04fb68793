"""`HOST=unix:/path`: the API at a Unix socket, for a proxy of this machine."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.demo_user import DemoSignIn
from app.environment import InvalidSettings, read_settings
from app.listening import listen
from app.settings import Settings
from tests.app.processes import lookreel, running
from tests.app.test_rolling_restart import replace
from tests.house import House, eventually
from tests.test_following import healthy

HOST = "studio.example"


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path: those in pytest's own folders are too long on some machines."""
    with TemporaryDirectory(prefix="lookreel-") as folder:
        yield Path(folder) / "api.sock"


@asynccontextmanager
async def websocket(path: Path, client: str) -> AsyncIterator[int]:
    """Connect as the proxy does for a client; yield the status of the answer."""
    options = {"subprotocols": [Subprotocol("graphql-transport-ws")], "additional_headers": {"X-Forwarded-For": client}}
    try:
        async with unix_connect(str(path), f"ws://{HOST}/graphql", **options):
            yield httpx.codes.SWITCHING_PROTOCOLS
    except InvalidStatus as refused:
        yield refused.response.status_code


def inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


async def test_a_proxy_of_this_machine_is_served_and_trusted(house: House, path: Path, tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": house.settings.database_url,
        "JWT_SECRET_KEY": house.settings.jwt_secret_key,
        "DATA_DIR": house.settings.data_dir,
        "HOST": f"unix:{path}",
        "MEDIA_URLS": "plain",
        "WEBSOCKETS_PER_ADDRESS": 1,
    }
    caller = await house.user()
    look = await house.look(caller)
    with running("serve", "--no-worker", log=tmp_path / "serve.log", **environment) as server:
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
            there = House(house.settings, house.database, http)
            await eventually(lambda: healthy(there), bool)
            for scheme in ("https", "http"):
                headers = house.headers(caller) | {"X-Forwarded-Proto": scheme}
                answer = await http.get(f"/api/v1/looks/{look.id}", headers=headers)
                assert answer.json()["generatedImageUrl"] == f"{scheme}://{HOST}/media/sample_look.jpg"
            # What a client has written itself stands in front of what the proxy adds.
            async with (
                websocket(path, "192.0.2.7, 198.51.100.1") as first,
                websocket(path, "198.51.100.2") as other,
                websocket(path, "192.0.2.8, 198.51.100.1") as again,
            ):
                assert (first, other, again) == (101, 101, 429)

            before = inode(path)
            second_server = lookreel("serve", **environment)
            await replace(server, times=1)
            assert (await http.get("/livez")).status_code == httpx.codes.OK
            assert inode(path) == before is not None
        assert server.stop() == 0

    said = f"Cannot listen on unix:{path}: somebody listens there. Set HOST to another address.\n"
    assert (second_server.returncode, second_server.stderr) == (78, said)
    assert f"At unix:{path}, for a proxy: Studio at /" in server.log
    assert inode(path) is None


def test_a_socket_that_a_killed_process_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    with listen(f"unix:{path}", 0), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert path.stat().st_mode & 0o777 == 0o666
    assert not path.exists()


def test_a_socket_that_others_have_put_in_its_place_stays(path: Path) -> None:
    with listen(f"unix:{path}", 0):
        path.unlink()
        others = listen(f"unix:{path}", 0)
    assert path.is_socket()
    others.close()


@pytest.mark.parametrize(
    ("prepare", "below", "said"),
    [
        (lambda path: path.write_text("mine"), "", "there is a file, which is no socket"),
        (lambda path: path.mkdir(), "", "there is a file, which is no socket"),
        (lambda _: None, "api.sock", "there is no folder {}"),
    ],
)
def test_what_is_no_place_for_a_socket_is_told(
    prepare: Callable[[Path], object], below: str, said: str, path: Path
) -> None:
    prepare(path)
    with pytest.raises(InvalidSettings) as refusal:
        listen(f"unix:{path / below}", 0)

    told = f"Cannot listen on unix:{path / below}: {said.format(path)}. Set HOST to another address."
    assert str(refusal.value) == told


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("unix:", "HOST: '' must be an absolute path, such as unix:/run/lookreel/api.sock"),
        ("unix:api.sock", "HOST: 'api.sock' must be an absolute path, such as unix:/run/lookreel/api.sock"),
        (f"unix:/{'é' * 54}", "HOST: the path of a Unix socket has 107 bytes at most"),
    ],
)
def test_what_is_no_address_of_a_socket_is_told(monkeypatch: pytest.MonkeyPatch, host: str, said: str) -> None:
    monkeypatch.setenv("HOST", host)
    with pytest.raises(InvalidSettings) as refusal:
        read_settings()

    assert str(refusal.value) == said


def test_nobody_is_signed_in_as_the_demo_user_through_a_proxy() -> None:
    offered = {host: DemoSignIn.is_offered(Settings(host=host)) for host in ("127.0.0.1", "unix:/run/api.sock")}

    assert offered == {"127.0.0.1": True, "unix:/run/api.sock": False}
