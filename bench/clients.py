"""`make clients`: what generators, linters and compilers from npm make of the committed descriptions of both APIs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.trust.findings import Finding, table

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
    "relay.config.json": (
        '{"src": "./source", "schema": "./schema.graphql", "artifactDirectory": "./made", "language": "javascript"}'
    ),
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
    "Relay's compiler": Tool("relay-compiler", "21.0.1", ("relay-compiler",)),
}


def main() -> int:
    """Print a table of what each tool has said; return 1 where one of them did not accept what it was given."""
    if shutil.which("npm") is None:
        print("npm is not installed; these tools come from there.")
        return 69
    with TemporaryDirectory(prefix="lookreel-clients-") as name:
        folder = Path(name)
        _furnish(folder)
        findings = [_tried(folder, title, tool) for title, tool in TOOLS.items()]
    print(table(findings))
    return 1 if any(finding.lost for finding in findings) else 0


def _furnish(folder: Path) -> None:
    for file in (OPENAPI, SCHEMA):
        shutil.copy(file, folder)
    for path, text in {"package.json": '{"private": true}', "made/.keep": "", **FILES}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


def _tried(folder: Path, title: str, tool: Tool) -> Finding:
    """Install a tool and let it read; lost is what it has said where it refuses."""
    package = f"{tool.package}@{tool.version}"
    finding = Finding(title, package)
    installed = _run(folder, ("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", package))
    if installed.returncode:
        finding.lost.append(f"not installed: {installed.stderr[-SHOWN:]}")
        return finding
    began = time.monotonic()
    done = _run(folder, ("npx", "--no-install", *tool.command))
    finding.tried = f"{package}, {time.monotonic() - began:.1f} s"
    finding.check(done.returncode == 0, (done.stdout + done.stderr)[-SHOWN:])
    return finding


def _run(folder: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - what this file names
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} has not come to an end in {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
