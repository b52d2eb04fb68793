"""An HTTP/1.1 client in a process of its own: a few connections that ask again and again, and note how long it took.

`python -m bench.load` reads a `Load` as JSON and prints an `Outcome`. It does as little as it can with each answer, so
that the server is what is measured; how much of a core it needs itself is told with the figures.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import psutil
import uvloop

from bench.figures import Effort, Failed, Outcome, Pairs, in_turns
from bench.places import CLIENT, pin

HEAD_END = b"\r\n\r\n"
WITHOUT_BODY = {204, 304}
# Both spellings of a GraphQL answer that carries at least one error.
ERRORS = (b'"errors":[{', b'"errors": [{')
# On top of the round: whoever does not answer for so long has died.
PATIENCE_SECONDS = 60.0


class Load(NamedTuple):
    """Who is asked what. The connections take the requests in turns: for ever, or each request once.

    `process` is the server's id.
    """

    port: int
    process: int
    requests: Sequence[str]
    seconds: float
    connections: int
    status: int = 200
    once: bool = False


class Tally:
    """What has come back so far."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.errors = 0
        self.last = time.perf_counter()

    def note(self, began: float, *, is_right: bool) -> None:
        """Count an answer."""
        self.last = time.perf_counter()
        self.milliseconds.append((self.last - began) * 1000)
        self.errors += not is_right


class Connection(asyncio.Protocol):
    """Asks, waits for the whole answer, and asks again until the deadline or until there is nothing left to ask."""

    _transport: asyncio.Transport

    def __init__(self, requests: Iterator[bytes], status: int, deadline: float, tally: Tally) -> None:
        self._requests = requests
        self._status = f" {status} ".encode()
        self._deadline = deadline
        self._tally = tally
        self._received = bytearray()
        self._needed = 0
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        self._received += data
        if not self._needed:
            end = self._received.find(HEAD_END)
            if end < 0:
                return
            self._needed = end + len(HEAD_END) + body_length(bytes(self._received[:end]))
        if len(self._received) >= self._needed:
            self._answered()

    def connection_lost(self, _error: Exception | None) -> None:
        """Count an answer that does not come any more."""
        if not self.done.done():
            self._tally.note(self._began, is_right=False)
            self.done.set_result(None)

    def _answered(self) -> None:
        has_failed = any(mark in self._received for mark in ERRORS)
        self._tally.note(self._began, is_right=self._status in self._received[:16] and not has_failed)
        self._received.clear()
        self._needed = 0
        self._ask()

    def _ask(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._deadline else None
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)


def body_length(head: bytes) -> int:
    """Read from an answer's head how many bytes follow.

    Raises:
        Failed: the head does not say.

    """
    lines = head.lower().split(b"\r\n")
    if int(lines[0].split()[1]) in WITHOUT_BODY:
        return 0
    for line in lines:
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise Failed(f"An answer does not tell its length: {head!r}")


async def play(load: Load) -> Outcome:
    """Ask for as long as the load says."""
    requests = [request.encode("latin-1") for request in load.requests]
    taken = iter(requests) if load.once else itertools.cycle(requests)
    loop, tally, began = asyncio.get_running_loop(), Tally(), time.perf_counter()
    deadline, cpu = began + load.seconds, (time.process_time(), cpu_seconds(load.process))
    opened = [
        loop.create_connection(lambda: Connection(taken, load.status, deadline, tally), "127.0.0.1", load.port)
        for _ in range(load.connections)
    ]
    connections = [connection for _, connection in await asyncio.gather(*opened)]
    await asyncio.wait_for(asyncio.gather(*(each.done for each in connections)), load.seconds + PATIENCE_SECONDS)
    client, server = time.process_time() - cpu[0], cpu_seconds(load.process) - cpu[1]
    return outcome(tally, tally.last - began, client, server)


def cpu_seconds(process: int) -> float:
    """Return how much processor time a process has used."""
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def outcome(tally: Tally, seconds: float, client: float, server: float) -> Outcome:
    """Sum up; `client` and `server` are seconds of processor time."""
    found = tally.milliseconds
    p50, p99, count = quantile(found, 0.5), quantile(found, 0.99), len(found)
    return Outcome(count / seconds, seconds, p50, p99, count, tally.errors, client / seconds, server * 1000 / count)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of them is."""
    if len(values) < 2:  # noqa: PLR2004 - which is what `quantiles` needs
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


async def under_load(load: Load) -> Outcome:
    """Play a load in a process of its own.

    Raises:
        Failed: an answer was wrong, or there was none.

    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate(json.dumps(load).encode())
    if process.returncode != 0:
        raise Failed(f"The load on port {load.port} broke off")
    found = Outcome(*json.loads(printed))
    if found.errors or not found.answers:
        raise Failed(f"{found.errors} of {found.answers} answers on port {load.port} were wrong: {load.requests[0]!r}")
    return found


async def warmed_up(loads: Iterable[Load], effort: Effort) -> None:
    """Play each load for a moment; what comes of it is forgotten."""
    for load in loads:
        await under_load(load._replace(seconds=effort.warm_up))


async def beside(ours: Load, theirs: Load, rounds: int) -> Pairs:
    """Play two loads in turns."""
    return await in_turns(lambda: under_load(ours), lambda: under_load(theirs), rounds)


def main() -> None:
    """Read the load, play it, print what came of it."""
    pin(CLIENT)
    load = Load(*json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(play(load))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
