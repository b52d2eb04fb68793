"""Valid requests with something broken in them: each is answered, and none with a fault of ours or for nothing."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from random import Random

import httpx

from bench.trust.findings import Effort, Finding
from bench.trust.installation import Installation
from db.tables import LedgerEntry
from tests.app.raw_websocket import PING, TEXT, RawWebSocket, frame
from tests.house import FORM, House
from tests.media.photographs import FORMATS, photograph
from tests.test_odd_tokens import REFUSED, signed

SEED = 20_26
AT_ONCE = 8
ANSWER_SECONDS = 10.0
LOUDEST_FAULT = 500
MOST_CUT = 40
PATH = "/api/v1/video-jobs"
BOUNDARY = "----LookreelBoundary"
# Between the messages of the protocol, what has a meaning for a parser.
ODD = [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"type":"subscribe"}', b"[" * 2000, b'{"type":"ping","payload":[]}']


async def attack(installation: Installation, effort: Effort) -> list[Finding]:
    """Break forms, images, tokens and WebSocket messages."""
    house, chance = installation.house, Random(SEED)  # noqa: S311 - repeatable, not secret
    kinds = {
        "Broken multipart forms": _forms(chance),
        "Broken images in forms": _images(chance),
    }
    findings = [await _posted(house, effort, name, kind) for name, kind in kinds.items()]
    findings += [await _tokens(house, chance, effort), await _messages(house, chance, effort)]
    for finding in findings:
        await installation.close_books(finding)
    return findings


def broken(data: bytes, chance: Random) -> bytes:
    """Cut, double, flip or swap some bytes."""
    at, length = chance.randrange(len(data)), chance.randrange(1, MOST_CUT)
    piece = data[at : at + length]
    match chance.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + piece * 2 + data[at + length :]
        case 3:
            return data[:at] + bytes(byte ^ (1 << chance.randrange(8)) for byte in piece) + data[at + length :]
        case _:
            return data[:at] + chance.randbytes(length) + data[at:]


def form(image: bytes) -> bytes:
    """Return a form as browsers write it."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in FORM.items()]
    head = b'Content-Disposition: form-data; name="initialImage"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    mark = f"--{BOUNDARY}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in [*parts, head + image]) + mark + b"--\r\n"


def _forms(chance: Random) -> Iterator[bytes]:
    whole = form(photograph("PNG"))
    while True:
        yield broken(whole, chance)


def _images(chance: Random) -> Iterator[bytes]:
    images = [photograph(kind) for kind in FORMATS]
    while True:
        yield form(broken(chance.choice(images), chance))


async def _posted(house: House, effort: Effort, what: str, bodies: Iterator[bytes]) -> Finding:
    finding, statuses = Finding(what), Counter[int]()
    charged = LedgerEntry.amount < 0
    jobs, charges = await house.count(), await house.count(charged, table=LedgerEntry)
    for _ in range(0, effort.odd, AT_ONCE):
        sent = [next(bodies) for _ in range(AT_ONCE)]
        answers = await asyncio.gather(*(_post(house, body) for body in sent))
        statuses.update(answers)
        bad = [body for body, status in zip(sent, answers, strict=True) if status >= LOUDEST_FAULT]
        finding.lost += [f"{len(body)} bytes were answered with a fault of ours" for body in bad]
    made = await house.count() - jobs
    finding.check(
        made == statuses[202] == await house.count(charged, table=LedgerEntry) - charges, f"{made} jobs for {statuses}"
    )
    finding.tried = f"{statuses.total():,} ({_counted(statuses)})"
    return finding


async def _post(house: House, body: bytes) -> int:
    headers = house.headers(await house.user()) | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return (await house.http.post(PATH, content=body, headers=headers)).status_code


async def _tokens(house: House, chance: Random, effort: Effort) -> Finding:
    finding, statuses = Finding("Forged and broken tokens"), Counter[int]()
    good = house.headers(await house.user())["Authorization"].removeprefix("Bearer ")
    key = house.settings.jwt_secret_key or ""
    forged = [signed(*parts, key=key) for parts in REFUSED.values()]
    forged += [_other_token(good, chance) for _ in range(effort.odd)]
    for token in forged:
        status = await _status(house, f"Bearer {token}")
        statuses[status] += 1
        finding.check(status in {400, 401, 431}, f"{status} for {token[:60]}")
    finding.tried = f"{len(forged):,} ({_counted(statuses)})"
    return finding


def _other_token(good: str, chance: Random) -> str:
    """Break what is signed, or the signature, so that a part of it says something else."""
    while True:
        letters = broken(good.encode(), chance).decode("latin-1").encode("ascii", "ignore").decode()
        token = "".join(letter for letter in letters if letter.isprintable()).strip()
        # The last letter of a signature has bits that say nothing.
        if token[:-1] != good[:-1] and token:
            return token


async def _status(house: House, authorization: str) -> int:
    try:
        answer = await house.http.get("/api/v1/subscription/info", headers={"Authorization": authorization})
    except httpx.LocalProtocolError:
        return 400
    return answer.status_code


async def _messages(house: House, chance: Random, effort: Effort) -> Finding:
    finding, ends = Finding("Broken WebSocket messages"), Counter[str]()
    message = json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }"}}).encode()
    choices: list[Callable[[], bytes]] = [
        lambda: frame(TEXT, broken(message, chance)),
        lambda: frame(TEXT, chance.choice(ODD)),
        lambda: broken(frame(TEXT, message), chance),
        lambda: frame(chance.randrange(16), message, fin=chance.random() < 1 / 2),
        lambda: frame(PING, b"x" * chance.randrange(125)) * 50,
    ]
    for number in range(effort.odd):
        end = await _sent(house, [choices[number % len(choices)]() for _ in range(3)], initialised=number % 2 == 0)
        ends[end] += 1
    finding.check(
        await _status(house, house.headers(await house.user())["Authorization"]) == HTTPStatus.OK, "no answer any more"
    )
    finding.tried = f"{effort.odd:,} ({_counted(ends)})"
    return finding


async def _sent(house: House, frames: list[bytes], *, initialised: bool) -> str:
    async with RawWebSocket.opened(house) as socket:
        if initialised:
            await socket.initialise(house)
        await socket.send(*frames, frame(8, b"\x03\xe8"))
        begun = time.monotonic()
        try:
            code = await asyncio.wait_for(socket.close_code(), ANSWER_SECONDS)
        except TimeoutError:
            return f"open for {time.monotonic() - begun:.0f} s"
    return f"closed with {code}"


def _counted(counter: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common(5))
