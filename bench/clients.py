"""`make clients`: what generators, linters and compilers make of the committed descriptions of both APIs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.trust.findings import Finding, table

ROOT = Path(__file__).parents[1]
OPENAPI, SCHEMA = ROOT / "rest_compat" / "openapi.json", ROOT / "schema" / "schema.graphql"
EXAMPLES = ROOT / "examples"
SECONDS = 300
SHOWN = 600
NOT_INSTALLED = "not installed"
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
    "tsconfig.json": """{
  "compilerOptions": {
    "strict": true, "noEmit": true, "skipLibCheck": true, "target": "es2022", "module": "esnext",
    "moduleResolution": "bundler", "lib": ["es2022", "dom", "dom.iterable"], "types": []
  },
  "include": ["fetch/**/*.ts", "api.ts", "hey/**/*.ts", "generated/**/*.ts"]
}
""",
}


NPX = ("npx", "--no-install")


class Tool(NamedTuple):
    """What is installed, how it is called in a folder with both descriptions, and what tries that which it has made."""

    packages: tuple[str, ...]
    command: tuple[str, ...]
    trial: tuple[str, ...] = ()


JAR = "python/openapi_generator_cli/openapi-generator.jar"
GENERATE = ("java", "-jar", JAR, "generate", "-i", "openapi.json")
"""openapi-generator, as PyPI has it; the package of the same name on npm fetches it from Maven."""
OPENAPI_GENERATOR = ("openapi-generator-cli==7.26.0",)

TOOLS = {
    "Redocly lint": Tool(("@redocly/cli@2.77.0",), (*NPX, "redocly", "lint", "openapi.json")),
    "Spectral, spectral:oas": Tool(
        ("@stoplight/spectral-cli@6.16.3",), (*NPX, "spectral", "lint", "openapi.json", "--fail-severity", "error")
    ),
    "openapi-generator, a client of fetch": Tool(
        OPENAPI_GENERATOR, (*GENERATE, "-g", "typescript-fetch", "-o", "fetch")
    ),
    "openapi-generator, a client for Python": Tool(
        OPENAPI_GENERATOR,
        (*GENERATE, "-g", "python", "-o", "client"),
        (sys.executable, "-c", "import sys; sys.path.insert(0, 'client'); import openapi_client"),
    ),
    "orval, a client of fetch": Tool(("orval@8.38.0",), (*NPX, "orval", "--config", "orval.config.cjs")),
    "hey-api, a client of fetch": Tool(
        ("@hey-api/openapi-ts@0.99.0", "typescript@5.9.3"), (*NPX, "openapi-ts", "-i", "openapi.json", "-o", "hey")
    ),
    "graphql-codegen, the client preset": Tool(
        ("@graphql-codegen/cli@7.4.3", "@graphql-codegen/client-preset@6.2.0", "graphql@16.15.0"),
        (*NPX, "graphql-codegen", "--config", "codegen.ts"),
    ),
    "TypeScript, over what these four made": Tool(
        ("typescript@5.9.3", "@graphql-typed-document-node/core@3.2.0", "graphql@16.15.0"),
        (*NPX, "tsc", "--project", "tsconfig.json"),
    ),
    "Relay's compiler": Tool(("relay-compiler@21.0.1",), (*NPX, "relay-compiler")),
}


def main() -> int:
    """Print a table of what each tool has said; return 1 where one of them did not accept what it was given."""
    if shutil.which("npm") is None:
        print("npm is not installed; these tools come from there.")
        return 69
    with TemporaryDirectory(prefix="lookreel-clients-") as name:
        folder = Path(name)
        furnish(folder)
        findings = [tried(folder, title, tool) for title, tool in TOOLS.items()]
    print(table(findings))
    return 1 if any(finding.lost for finding in findings) else 0


def furnish(folder: Path) -> None:
    """Put into a folder what the tools read, and how they are configured."""
    for file in (OPENAPI, SCHEMA, EXAMPLES / "codegen.ts"):
        shutil.copy(file, folder)
    shutil.copytree(EXAMPLES / "screens", folder / "screens")
    for path, text in {"package.json": '{"private": true}', "made/.keep": "", **FILES}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


def tried(folder: Path, title: str, tool: Tool) -> Finding:
    """Install a tool and let it read; lost is what it has said where it refuses."""
    finding = Finding(title, ", ".join(tool.packages))
    program = tool.command[0]
    if shutil.which(program) is None:
        finding.tried = f"skipped: {program} is not installed"
        return finding
    for install in _installs(tool.packages):
        installed = _run(folder, install)
        if installed.returncode:
            finding.lost.append(f"{NOT_INSTALLED}: {installed.stderr[-SHOWN:]}")
            return finding
    began = time.monotonic()
    for command in filter(None, (tool.command, tool.trial)):
        done = _run(folder, command)
        finding.check(done.returncode == 0, (done.stdout + done.stderr)[-SHOWN:])
    finding.tried += f", {time.monotonic() - began:.1f} s"
    return finding


def _installs(packages: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield what installs them: with pip those whose version is given as pip wants it, with npm the others."""
    if of_pip := [package for package in packages if "==" in package]:
        yield (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target=python", *of_pip)
    elif packages:
        yield ("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", *packages)


def _run(folder: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - what this file names
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} has not come to an end in {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
