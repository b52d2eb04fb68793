"""What a command does whose output nobody can take."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.app import processes
from tests.app.processes import LOOKREEL

pytestmark = pytest.mark.usefixtures("house")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("command", ["--help", "policy", "queue", "doctor"])
def test_output_that_cannot_be_written_is_a_sentence(environment: dict[str, object], command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            (LOOKREEL, command),
            env=processes.environment(environment),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    said = "The output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (os.EX_IOERR, said)


@pytest.mark.parametrize("command", [("doctor",), ("policy",), ("queue",), ("--help",)])
def test_a_command_whose_output_nobody_reads_any_more_ends_quietly(
    environment: dict[str, object], command: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    settings = processes.environment(environment)
    ended = subprocess.run((LOOKREEL, *command), stdout=writer, stderr=subprocess.PIPE, env=settings, check=False)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, b"")
