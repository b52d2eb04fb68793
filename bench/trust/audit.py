"""`make audit`: whether an advisory names a version of the lock; and a sentence where nobody could be asked."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = "requirements.lock"
COMMAND = ("pip-audit", "--requirement", LOCK, "--disable-pip", "--progress-spinner", "off", "--format", "json")
UNREACHED = (
    "No source of advisories could be reached, so that none of the {count} packages in the lock was audited. Run "
    "`make audit` where PyPI's JSON API answers."
)
SECONDS = 300


def main() -> int:
    """Print what was found; return 1 where an advisory applies, 69 (unavailable) where something was not audited."""
    program = Path(sys.executable).with_name(COMMAND[0])
    try:
        audit = subprocess.run(  # noqa: S603 - a tool of ours
            (program, *COMMAND[1:]), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        audit = None
    lines, code = verdict(audit.stdout if audit else "")
    print("\n".join(lines))
    return code


def verdict(printed: str) -> tuple[list[str], int]:
    """Return what there is to say, and the exit code, of the JSON that pip-audit has printed, if any."""
    try:
        packages: Sequence[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    count = (ROOT / LOCK).read_text().count("==")
    skipped = [f"{package['name']}: {package['skip_reason']}" for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return [UNREACHED.format(count=count)], os.EX_UNAVAILABLE
    found = [
        f"{package['name']} {package['version']}: {each['id']}, mended in {each['fix_versions'] or 'no version'}"
        for package in packages
        for each in package.get("vulns", [])
    ]
    lines = [*found, *skipped, f"{len(packages) - len(skipped)} packages audited, {len(found)} advisories apply."]
    return lines, 1 if found else os.EX_UNAVAILABLE if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
