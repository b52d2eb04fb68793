"""Schemathesis over the committed OpenAPI document: all checks and phases, as a user and as an admin."""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auth.caller import Caller, Role
from bench.figures import NotThere
from bench.trust.findings import Effort, Finding
from bench.trust.installation import Installation

DOCUMENT = Path(__file__).parents[2] / "rest_compat" / "openapi.json"
PROGRAM = Path(sys.executable).with_name("schemathesis")
SECONDS = 400
# Rules beyond a schema (a prompt or an image, a look of one's own, a limit, a token left) refuse what fits the schema,
# and real videos, for which nothing is configured here, are refused with 503.
CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses =
    ["2xx", "3xx", "400", "401", "402", "403", "404", "409", "422", "429"]

[parameters]
"path.video_job_id" = "{kept_job}"
"path.look_id" = "{kept_look}"
"path.user_id" = "{user}"

[[operations]]
include-method = "DELETE"
parameters = {{ "path.video_job_id" = "{job}", "path.look_id" = "{look}" }}

[[operations]]
include-path = "/api/v1/video-jobs"
include-method = "POST"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
checks.positive_data_acceptance.expected-statuses =
    ["2xx", "3xx", "400", "401", "402", "403", "404", "409", "422", "429", "503"]
"""
# It takes what is described as the whole stream for the shape of one event, as OpenAPI 3.2 has it.
EVENTS = "/events$"
# Of reads it says so where a list's filter is empty, which counts as none, and where an id is one of those above.
ACCEPTED, READS = "ST201", ("GET ", "Stateful tests")


async def explore(installation: Installation, effort: Effort) -> list[Finding]:
    """Let it ask as each kind of caller."""
    house = installation.house
    callers = {role: await house.user(10**6, role) for role in (Role.USER, Role.ADMIN)}
    return [await _explored(installation, effort, caller) for caller in callers.values()]


async def _explored(installation: Installation, effort: Effort, caller: Caller) -> Finding:
    finding = Finding(f"REST document with Schemathesis, as {caller.role}")
    with TemporaryDirectory(prefix="lookreel-") as name:
        folder = Path(name)
        configuration = await _configuration(installation, caller)
        (folder / "schemathesis.toml").write_text(configuration)
        report = await _report(folder, installation.house.base_url, effort, installation.house.headers(caller))
    finding.tried = f"{report['test_cases']['generated']:,} requests, {report['operations']['tested']} operations"
    for failure in report["failures"]:
        operations = [
            name for name in failure["operations"] if failure["code"] != ACCEPTED or not name.startswith(READS)
        ]
        if operations:
            finding.lost.append(f"{failure['title']} ({failure['code']}): {', '.join(operations)}")
    finding.lost += [str(error) for error in report["errors"]]
    await installation.close_books(finding)
    return finding


async def _configuration(installation: Installation, caller: Caller) -> str:
    """Name what there is, so that more than 404 comes back: something to keep, and something to delete."""
    house = installation.house
    ids = {
        "kept_job": await house.create(caller),
        "job": await house.create(caller),
        "kept_look": (await house.look(caller)).id,
        "look": (await house.look(caller)).id,
        "user": (await house.user()).user_id,
    }
    one_line = CONFIGURATION.replace("=\n   ", "=")
    return one_line.format(**ids)


async def _report(folder: Path, url: str, effort: Effort, headers: dict[str, str]) -> dict[str, Any]:
    if not PROGRAM.exists():
        raise NotThere("Schemathesis is not installed")
    path = folder / "report.json"
    options: dict[str, object] = {
        "--url": url,
        "--checks": "all",
        "--max-examples": effort.examples,
        "--request-timeout": 30,
    }
    options |= {"--report": "json", "--report-json-path": path, "--suppress-health-check": "all"}
    options |= {"--max-time": effort.rest_seconds, "--exclude-path-regex": EVENTS}
    options |= {"--header": f"Authorization: {headers['Authorization']}"}
    arguments = ["run", DOCUMENT, *(part for option in options.items() for part in option), "--continue-on-failure"]
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *map(str, arguments), cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise NotThere("Schemathesis has not come to an end") from None
    if not path.exists():
        raise NotThere(f"Schemathesis has made no report: {printed[-500:].decode()}")
    report: dict[str, Any] = json.loads(path.read_text())
    return report
