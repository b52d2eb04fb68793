"""SIGHUP with and without a terminal."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

# Its standard streams are its terminal where there is one.
SCRIPT = """
import asyncio, fcntl, os, sys, termios, LOOP
from app.parent import on_hangup

async def main():
    gone = asyncio.Event()
    on_hangup(lambda: None, terminal_gone=gone.set)
    open(sys.argv[1] + '.ready', 'w').close()
    await gone.wait()
    open(sys.argv[1] + '.gone', 'w').close()

if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
LOOP.run(main())
"""


def started(script: str, path: Path, stream: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", script, str(path)]
    process = subprocess.Popen(command, stdin=stream, stdout=stream, stderr=stream, start_new_session=True)
    os.close(stream)
    return process


def outlives(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.3)
    return process.poll() is None


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("has_terminal", [True, False])
def test_only_a_terminal_that_goes_ends_a_process(tmp_path: Path, loop: str, *, has_terminal: bool) -> None:
    ready, gone = tmp_path / "it.ready", tmp_path / "it.gone"
    ours, its = os.openpty() if has_terminal else os.pipe()
    process = started(SCRIPT.replace("LOOP", loop), tmp_path / "it", its)
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert outlives(process, signal.SIGHUP)
        os.close(ours)
        if has_terminal:
            assert process.wait(20) == 0
        else:
            assert outlives(process, signal.SIGHUP)
    finally:
        process.kill()
        process.wait()
    assert gone.exists() == has_terminal
