"""`lookreel doctor` and what it reports."""

import asyncio
from subprocess import CompletedProcess

from tests.app.processes import lookreel

NOTHING_OUTSIDE = (
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_EXPRESS_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDINARY_URL",
)


async def doctor(**settings: object) -> CompletedProcess[str]:
    """Run the command in a process of its own, while the doubles answer in this one."""
    return await asyncio.to_thread(lookreel, "doctor", **{**dict.fromkeys(NOTHING_OUTSIDE, ""), **settings})


def states(report: CompletedProcess[str]) -> dict[str, str]:
    """Return the state of each subject."""
    assert "Traceback" not in report.stderr
    return {line[9:28].strip(): line.split()[0] for line in report.stdout.splitlines()}


def line(report: CompletedProcess[str], subject: str) -> str:
    return next(line for line in report.stdout.splitlines() if line[9:28].strip() == subject)
