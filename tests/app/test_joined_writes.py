"""What uvicorn writes one by one comes in one piece, in its order, and none of it is lost."""

import asyncio
from collections.abc import Iterable

import pytest

from app.http.protocol import JoinedWrites


class Recorded(asyncio.Transport):
    """Notes what it is told to do."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls: list[object] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append([bytes(piece) for piece in list_of_data])

    def close(self) -> None:
        self.calls.append("closed")


@pytest.fixture
async def transport() -> Recorded:
    return Recorded()


@pytest.fixture
async def joined(transport: Recorded) -> JoinedWrites:
    return JoinedWrites(transport)


async def turn() -> None:
    await asyncio.sleep(0)


async def test_a_head_goes_with_its_body(transport: Recorded, joined: JoinedWrites) -> None:
    joined.write(b"head")
    assert transport.calls == []
    joined.write(b"body")

    assert transport.calls == [[b"head", b"body"]]
    await turn()
    assert transport.calls == [[b"head", b"body"]]


async def test_what_comes_alone_waits_for_one_turn(transport: Recorded, joined: JoinedWrites) -> None:
    joined.write(b"head")
    await turn()
    joined.write(b"piece")
    await turn()

    assert transport.calls == [b"head", b"piece"]


async def test_no_more_than_one_write_is_kept(transport: Recorded, joined: JoinedWrites) -> None:
    for number in range(5):
        joined.write(b"%d" % number)
    assert transport.calls == [[b"0", b"1"], [b"2", b"3"]]

    await turn()
    assert transport.calls == [[b"0", b"1"], [b"2", b"3"], b"4"]


async def test_what_is_kept_is_written_before_the_end(transport: Recorded, joined: JoinedWrites) -> None:
    joined.write(b"head")
    joined.close()

    assert transport.calls == [b"head", "closed"]


async def test_a_client_that_has_gone_is_no_error(
    transport: Recorded, joined: JoinedWrites, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_data: bytes) -> None:
        raise RuntimeError("the handler is closed")

    monkeypatch.setattr(transport, "write", refuse)
    joined.write(b"head")
    joined.flush()
    await turn()

    assert transport.calls == []


async def test_what_is_kept_is_written_before_another_protocol_writes(
    transport: Recorded, joined: JoinedWrites
) -> None:
    joined.write(b"head")
    joined.unwrapped().write(b"frame")

    assert transport.calls == [b"head", b"frame"]


async def test_everything_else_is_the_transports(joined: JoinedWrites) -> None:
    assert joined.get_extra_info("peername") == ("127.0.0.1", 1)
