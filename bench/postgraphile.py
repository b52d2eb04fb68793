"""PostGraphile 5 and the Node that it needs: installed by npm, in the exact versions that `package.json` names."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.figures import NotThere
from bench.harness import Harness, Server, bound, serving

SOURCE = Path(__file__).parent / "peers" / "postgraphile"
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")


@asynccontextmanager
async def postgraphile(harness: Harness) -> AsyncIterator[Server]:
    """Run it in one process."""
    folder = await installed()
    environment = harness.environment() | {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with bound() as listener:
        node = folder / "node_modules" / ".bin" / "node"
        command = (str(node), str(folder / "server.mjs"), str(listener.fileno()))
        async with serving(listener, command, environment) as server:
            yield server


async def installed() -> Path:
    """Return the folder that it is installed in, and install it there first where it is not.

    Raises:
        NotThere: npm is missing or cannot install it.

    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "lookreel-bench" / "postgraphile"
    wanted = (SOURCE / "package.json").read_text()
    done = folder / "installed.json"
    if not done.exists() or done.read_text() != wanted:
        await _install(folder)
        done.write_text(wanted)
    shutil.copy(SOURCE / "server.mjs", folder)
    return folder


async def _install(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise NotThere("there is no npm")
    _empty(folder)
    process = await asyncio.create_subprocess_exec(*INSTALL, cwd=folder)
    if await process.wait() != 0:
        raise NotThere("npm cannot install it")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(SOURCE / "package.json", folder)
