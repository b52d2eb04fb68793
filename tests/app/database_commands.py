"""Commands on databases of which something is wrong, and a look at what they have done."""

from pathlib import Path
from subprocess import CompletedProcess

import httpx

from db.engine.limits import UNLIMITED
from tests.app.processes import lookreel
from tests.db.connecting import at, opened

KEY = "a key that only this test knows, long enough"
RIGHT = "right"
COMMANDS = [
    ("serve",),
    ("worker",),
    ("migrate",),
    ("token", "--email", "a@b.example"),
    ("grant", "--email", "a@b.example", "--tokens", "5"),
    ("sample", "--email", "a@b.example"),
    ("doctor",),
]
ONCE = [command for command in COMMANDS if command[0] not in {"serve", "worker", "doctor"}]


def run(command: tuple[str, ...], url: str, data_dir: Path) -> CompletedProcess[str]:
    done = lookreel(*command, DATABASE_URL=url, JWT_SECRET_KEY=KEY, DATA_DIR=data_dir, PORT=0)
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr
    return done


def url_of(folder: str, role: str, password: str = RIGHT) -> str:
    return at(folder, user=f"{role}:{password}", database=role)


async def health(http: httpx.AsyncClient) -> tuple[int, str | None]:
    try:
        answer = await http.get("/healthz")
    except httpx.TransportError:
        return 0, None
    return answer.status_code, answer.json().get("code")


async def said(log: str) -> str:
    return log


async def tables(folder: str, database: str) -> int:
    async with opened(at(folder, database=database), UNLIMITED) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return count


async def execute(folder: str, database: str, sql: str) -> None:
    async with opened(at(folder, database=database), UNLIMITED) as connection:
        await connection.execute(sql)
