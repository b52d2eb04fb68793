"""SIGHUP to the supervisor: children are replaced one by one, and none goes whose successor cannot start."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.app.children import HEAD, READY, child, ended, no_child_left, pids, started, supervised, until

__all__ = ["no_child_left"]

# From its second start on, it is ready only once a file is there, or ends with the exit code that the file holds.
LATER = (
    HEAD
    + """
import pathlib, time
number = len(open(sys.argv[1]).readlines())
go = pathlib.Path(f'{sys.argv[1]}.{number}')
while number > 1 and not go.exists(): time.sleep(0.01)
if number > 1 and go.read_text(): sys.exit(int(go.read_text()))
"""
    + READY.removeprefix(HEAD)
)


@asynccontextmanager
async def two(tmp_path: Path) -> AsyncIterator[tuple[Path, Path]]:
    paths = tmp_path / "one", tmp_path / "two"
    async with supervised(*(child(LATER, path) for path in paths)):
        await started(*paths)
        yield paths


def go(path: Path, number: int, exit_code: str = "") -> None:
    Path(f"{path}.{number}").write_text(exit_code)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


async def test_each_child_is_replaced_once_its_successor_is_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lookreel.supervisor")
    async with two(tmp_path) as (one, other):
        hang_up()
        await until(lambda: len(pids(one)) == 2)
        assert not any(map(ended, pids(one)))
        go(one, 2)
        await until(lambda: len(pids(other)) == 2)
        assert [ended(pid) for pid in pids(one)] == [True, False]
        assert not any(map(ended, pids(other)))
        go(other, 2)
        await until(lambda: "All processes are replaced" in caplog.messages)
        # What has come is kept running as what was there before.
        os.kill(pids(one)[1], signal.SIGKILL)
        await until(lambda: len(pids(one)) == 3)
        assert [ended(pid) for pid in pids(other)] == [True, False]


async def test_a_successor_that_cannot_start_takes_nobody_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with two(tmp_path) as (one, other):
        hang_up()
        go(one, 2, "78")
        await until(lambda: "The processes that have not been replaced go on as they are" in caplog.messages)
        assert [ended(pid) for pid in (pids(one)[0], *pids(other))] == [False, False]
        hang_up()
        go(one, 3)
        await until(lambda: len(pids(other)) == 2)
    assert f"child (pid {pids(one)[1]}) ended with exit code 78 before it was ready" in caplog.messages


async def test_the_end_does_not_wait_for_a_successor(tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        async with two(tmp_path) as (one, _):
            hang_up()
            await until(lambda: len(pids(one)) == 2)
    assert not any(map(psutil.pid_exists, pids(one)))


async def test_a_child_that_cannot_start_again_does_not_take_those_along_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.supervisor._HOPELESS_DELAY_SECONDS", 0.1)
    misconfigured = child(HEAD + "sys.exit(78)", tmp_path / "misconfigured")
    async with supervised(child(READY, tmp_path / "pids"), replace(misconfigured, waits=True)):
        await until(lambda: len(pids(tmp_path / "misconfigured")) == 3)
        assert len(pids(tmp_path / "pids")) == 1
    assert "exit code 78, a configuration error: the others go on, trying again in 0 s" in caplog.text
