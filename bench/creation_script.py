"""Turns what the server logs of one creation into a script for `pgbench`, with a random user and new ids each time.

It is run with the variable `n` set to 0.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench import data
from bench.figures import Failed
from bench.harness import POOL_SIZE, Harness, Server, ask
from db.engine.limits import UNLIMITED

LOGGING = ("ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_line_prefix = 'bench %p '")
NOT_LOGGING = ("ALTER SYSTEM RESET log_statement", "ALTER SYSTEM RESET log_line_prefix")
# The first creation on a connection prepares statements and learns types; each connection has had one after these.
CREATIONS = 3 * POOL_SIZE
SETTLE_SECONDS = 0.5

ENTRY = re.compile(r"^bench (\d+) (LOG|DETAIL):  (.*(?:\n\t.*)*)", re.MULTILINE)
STATEMENT = re.compile(r"(?:execute [^:]*|statement): (.*)", re.DOTALL)
PARAMETER = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")
PLACE = re.compile(r"\$(\d+)")
# Where a job is written: the names of its columns, and what goes into them; the ids come before what has commas.
INSERT = re.compile(r"INSERT INTO video_jobs \(([^)]*)\) VALUES \((.*?)\) RETURNING")
COMMENT = re.compile(r"--[^\n]*")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# `n` and `client_id` are pgbench's: ids that grow, as ours do, so that their indexes grow at one end.
VARIABLES = f"""\\set user random({data.FIRST_CREATOR}, {data.FIRST_CREATOR + data.CREATORS - 1})
\\set n :n + 1
\\set job :n * 1000 + :client_id
"""
NUMBERED = "'00000000-0000-{}-8000-' || lpad(to_hex(:{}::bigint), 12, '0')"
USER_ID, JOB_ID, ENTRY_ID = (
    NUMBERED.format("7000", "user"),
    NUMBERED.format("4000", "job"),
    NUMBERED.format("5000", "job"),
)


class Sent(NamedTuple):
    """A statement with its parameters, as SQL literals or NULL."""

    sql: str
    parameters: dict[int, str]


async def captured(harness: Harness, server: Server, creations: Sequence[str]) -> str:
    """Send a few of the requests, each a user's own, and return the script of the last creation's transactions."""
    log = log_of(harness)
    await data.clean(harness.database)
    await tell(harness, LOGGING)
    begin = log.stat().st_size
    for request in creations[:CREATIONS]:
        await ask(server.port, request)
    await asyncio.sleep(SETTLE_SECONDS)
    written = read_from(log, begin)
    await tell(harness, NOT_LOGGING)
    return script(transactions(written))


async def tell(harness: Harness, statements: tuple[str, ...]) -> None:
    """Have the server log all statements from now on, or no more."""
    async with harness.database.raw_connection(UNLIMITED) as connection:
        for statement in statements:
            await connection.execute(statement)
        await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(SETTLE_SECONDS)


def log_of(harness: Harness) -> Path:
    """Return where the server logs."""
    return harness.folder / "data" / "postgres" / "log"


def read_from(log: Path, begin: int) -> str:
    """Return what has been logged behind so many bytes."""
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode()


def transactions(log: str) -> list[list[Sent]]:
    """Return what each finished transaction has sent, in the order of their ends; a statement alone is one, too."""
    found: list[list[Sent]] = []
    last: dict[str, Sent] = {}
    unfinished: dict[str, list[Sent]] = {}
    for process, kind, text in ENTRY.findall(log):
        if kind == "DETAIL" and process in last:
            last[process].parameters.update((int(n), value) for n, value in PARAMETER.findall(text))
        elif statement := STATEMENT.fullmatch(text):
            sent = last[process] = Sent(COMMENT.sub("", statement[1].replace("\n\t", "\n")), {})
            current = unfinished.setdefault(process, [])
            current.append(sent)
            if not current[0].sql.startswith("BEGIN") or sent.sql.startswith(("COMMIT", "ROLLBACK")):
                found.append(unfinished.pop(process))
    return found


def script(found: list[list[Sent]]) -> str:
    """Return the last creation's transactions, and the wake-up's that follows it, for `pgbench`.

    Raises:
        Failed: there is no creation in the log.

    """
    writes = [index for index, sent in enumerate(found) if any(INSERT.search(one.sql) for one in sent)]
    if not writes:
        raise Failed("The server's log shows no creation")
    creation = found[writes[-1]]
    job, user = _ids(next(sent for sent in creation if INSERT.search(sent.sql)))
    wanted = [creation, *(after for after in found[writes[-1] + 1 :] if _wakes(after, job))]
    lines = [_line(sent, {user: USER_ID, job: JOB_ID}) for transaction in wanted for sent in transaction]
    return VARIABLES + "".join(lines)


def statements(written: str) -> int:
    """Count a script's statements."""
    return len(re.findall(r";$", written, re.MULTILINE))


def _wakes(transaction: list[Sent], job: str) -> bool:
    return any(
        "pg_notify" in sent.sql and any(job in value for value in sent.parameters.values()) for sent in transaction
    )


def _ids(insert: Sent) -> tuple[str, str]:
    """Find the job's and the user's id, wherever in the statement the job's row is inserted."""
    match = INSERT.search(insert.sql)
    places = dict(zip(match[1].split(", "), match[2].split(", "), strict=False)) if match else {}
    job, user = (insert.parameters[int(PLACE.findall(places[column])[0])] for column in ("id", "user_id"))
    return ID.findall(job)[0], ID.findall(user)[0]


def _line(sent: Sent, ids: dict[str, str]) -> str:
    sql = PLACE.sub(lambda place: _value(sent.parameters[int(place[1])], ids), sent.sql)
    return sql.strip().rstrip(";") + ";\n"


def _value(literal: str, ids: dict[str, str]) -> str:
    """Return a literal with ids made anew: a text, which the statement casts, or NULL."""
    if literal == "NULL":
        return literal
    text = literal[1:-1].replace("''", "'")
    hexadecimal = {known.encode().hex(): f"encode(convert_to({made}, 'UTF8'), 'hex')" for known, made in ids.items()}
    known = ids | hexadecimal
    pieces = re.split(f"({'|'.join((*known, ID.pattern))})", text)
    parts = [_escaped(piece) if not number % 2 else known.get(piece, ENTRY_ID) for number, piece in enumerate(pieces)]
    return "(" + " || ".join(part for part in parts if part != "E''" or len(parts) == 1) + ")"


def _escaped(text: str) -> str:
    r"""Spell a literal without what pgbench takes for the beginning of a variable."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\x3a")
    return f"E'{escaped}'"
