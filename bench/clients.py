"""`make clients`: what generators, linters and compilers from npm make of the committed descriptions of both APIs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.report import table

ROOT = Path(__file__).parents[1]
OPENAPI, SCHEMA = ROOT / "rest_compat" / "openapi.json", ROOT / "schema" / "schema.graphql"
SECONDS = 300
SHOWN = 600
RELAY_SOURCE = """import { graphql } from 'relay-runtime';
graphql`fragment clientsJob on VideoJob @refetchable(queryName: "clientsJobRefetch") { id status progressPercentage }`;
graphql`fragment clientsLook on Look @refetchable(queryName: "clientsLookRefetch") {
  id title videos { id videoJob { ...clientsJob } } }`;
graphql`query clientsQuery($id: ID!, $first: Int = 8) {
  look(id: $id) { ...clientsLook } videoJobs(first: $first) { edges { cursor node { ...clientsJob } } } }`;
graphql`mutation clientsMutation($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) { videoJob { id } errors { code message field } } }`;
graphql`subscription clientsSubscription($id: ID!, $after: Int = 0) {
  videoJob(id: $id, afterVersion: $after) { ...clientsJob } }`;
"""
FILES = {
    ".spectral.yaml": 'extends: ["spectral:oas"]\n',
    "source/clients.js": RELAY_SOURCE,
    "orval.config.cjs": (
        'module.exports = { api: { input: "./openapi.json", output: { target: "./api.ts", client: "fetch" } } };\n'
    ),
}


class Tool(NamedTuple):
    """A package, its version, and how it is called in a folder with both descriptions."""

    package: str
    version: str
    command: tuple[str, ...]


TOOLS = {
    "Redocly lint": Tool("@redocly/cli", "2.77.0", ("redocly", "lint", "openapi.json")),
    "Spectral, spectral:oas": Tool(
        "@stoplight/spectral-cli", "6.16.3", ("spectral", "lint", "openapi.json", "--fail-severity", "error")
    ),
    "orval, a client of fetch": Tool("orval", "8.38.0", ("orval", "--config", "orval.config.cjs")),
    "Relay's compiler": Tool(
        "relay-compiler",
        "21.0.1",
        ("relay-compiler", "--src", "source", "--schema", "schema.graphql", "--artifactDirectory", "made"),
    ),
}


def main() -> int:
    """Print a table of what each tool has said; return 1 where one of them did not accept what it was given."""
    if shutil.which("npm") is None:
        print("npm is not installed; these tools come from there.")
        return 69
    with TemporaryDirectory(prefix="lookreel-clients-") as name:
        folder = Path(name)
        _furnish(folder)
        rows = [_row(folder, title, tool) for title, tool in TOOLS.items()]
    print(table(("tool", "version", "accepts", "seconds"), [row[:4] for row in rows]))
    print("\n\n".join(["", *(row[4] for row in rows if row[4])]))
    return 1 if any(row[4] for row in rows) else 0


def _furnish(folder: Path) -> None:
    for file in (OPENAPI, SCHEMA):
        shutil.copy(file, folder)
    for path, text in {"package.json": '{"private": true}', "made/.keep": "", **FILES}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


def _row(folder: Path, title: str, tool: Tool) -> Sequence[str]:
    """Install a tool and let it read; the last cell is what it has said where it refuses."""
    package = f"{tool.package}@{tool.version}"
    installed = _run(folder, ("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", package))
    if installed.returncode:
        return title, tool.version, "not installed", "", installed.stderr[-SHOWN:]
    began = time.monotonic()
    done = _run(folder, ("npx", "--no-install", *tool.command))
    seconds = f"{time.monotonic() - began:.1f}"
    if done.returncode:
        return title, tool.version, "**no**", seconds, f"{title}:\n{(done.stdout + done.stderr)[-SHOWN:]}"
    return title, tool.version, "yes", seconds, ""


def _run(folder: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - what this file names
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} has not come to an end in {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
