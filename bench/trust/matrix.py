"""The permission matrix: every operation over both wires and all streams, by every kind of caller."""

import asyncio
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import NotThere
from bench.trust.findings import FULL, Effort, Finding

ROOT = Path(__file__).parents[2]
MATRIX = ("tests/test_permissions.py", "tests/test_suspended_accounts.py")
SECONDS = 300


async def try_all(effort: Effort) -> Finding:
    """Run the tests of permissions; the quick run takes those of the streams."""
    finding = Finding("Permissions: operations over both wires and streams, by kind of caller")
    some = () if effort is FULL else ("-k", "Subscription")
    with TemporaryDirectory(prefix="lookreel-") as folder:
        path = Path(folder) / "report.xml"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={path}", *some, *MATRIX),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS):
                printed, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            raise NotThere("The matrix has not come to an end") from None
        if not path.exists():
            raise NotThere(f"The matrix could not be tried: {printed[-300:].decode()}")
        cases = list(ET.fromstring(path.read_text()).iter("testcase"))  # noqa: S314 - pytest's own
    wrong = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    finding.lost += [str(case.get("name")) for case in wrong]
    finding.tried = f"{len(cases):,} requests"
    finding.check(bool(cases), "nothing was tried")
    return finding
