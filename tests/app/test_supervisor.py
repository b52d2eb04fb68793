import asyncio
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.child import Child
from app.parent import SUPERVISED, on_parent_death
from app.supervisor import Record, supervise
from tests.app.children import (
    DEAF,
    GREET,
    HEAD,
    IDLE,
    LISTENING,
    READY,
    TIDY,
    child,
    ended,
    greeted_by,
    listening,
    no_child_left,
    pids,
    started,
    supervised,
    supervising_process,
    until,
)

__all__ = ["no_child_left"]


async def test_children_start_and_end_with_stop(tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    async with supervised(*(child(IDLE, path) for path in paths)):
        running = await started(*paths)
        assert all(psutil.pid_exists(pid) for pid in running)
    assert not any(psutil.pid_exists(pid) for pid in running)


async def test_a_child_has_its_own_group_and_environment(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    extra = Child("child", (sys.executable, "-c", IDLE, str(path)), env={"EXTRA": "yes"})
    async with supervised(extra):
        [pid] = await started(path)
        environment = psutil.Process(pid).environ()
        assert os.getpgid(pid) == pid
    assert (environment["EXTRA"], environment[SUPERVISED]) == ("yes", "1")
    assert environment["PATH"] == os.environ["PATH"]


async def test_a_killed_child_is_restarted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    async with supervised(*(child(IDLE, path) for path in paths)):
        first, other = await started(*paths)
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(pids(paths[0])) > 1)
        assert pids(paths[0])[1] != first
        assert pids(paths[1]) == [other]
        assert not psutil.pid_exists(first)
    assert f"child (pid {first}) ended with SIGKILL: restarting in 0.2 s" in caplog.messages


async def test_a_child_that_ignores_sigterm_is_killed_with_its_group(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    helped = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[1]])\n" + DEAF
    async with supervised(replace(child(helped, path, DEAF), grace_seconds=0.2)):
        await until(lambda: len(pids(path)) > 1)
    # The helper is an orphan now, which somebody else reaps.
    await until(lambda: all(map(ended, pids(path))))


async def test_a_child_that_left_its_group_is_killed_too(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    elsewhere = child("import os; os.setpgid(0, os.getpgid(os.getppid()))\n" + DEAF, path)
    async with supervised(replace(elsewhere, grace_seconds=0.2)):
        [pid] = await started(path)
    assert not psutil.pid_exists(pid)


async def test_each_child_has_its_own_time_to_end(tmp_path: Path) -> None:
    tidy, deaf = tmp_path / "tidy", tmp_path / "deaf"
    async with supervised(child(TIDY, tidy), replace(child(DEAF, deaf), grace_seconds=0.05)):
        await started(tidy, deaf)
    assert (tmp_path / "tidy.tidy").exists()
    assert not psutil.pid_exists(pids(deaf)[0])


async def test_exit_code_78_ends_everything(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    # It waits until the other one runs.
    misconfigured = child("import os, sys\nwhile not os.path.exists(sys.argv[1]): pass\nsys.exit(78)", path)
    assert await supervise([child(IDLE, path), misconfigured]) == 78
    assert len(pids(path)) == 1


async def test_a_child_that_always_fails_at_once_ends_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, other = tmp_path / "pids", tmp_path / "other"
    assert await supervise([child(HEAD + "sys.exit(3)", path), child(IDLE, other)]) == 1
    assert len(pids(path)) == 5
    assert len(pids(other)) == 1
    end = f"(pid {pids(path)[-1]}) ended with exit code 3, the 5th quick failure in a row: stopping everything"
    assert end in caplog.text


async def test_a_program_that_does_not_exist_ends_everything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert await supervise([Child("gone", (str(tmp_path / "gone"),))]) == 1
    assert "gone could not be started" in caplog.text


def waiting_child(path: Path) -> Child:
    return Child("waiting", (sys.executable, "-c", IDLE, str(path)), waits=True)


async def test_a_child_starts_when_another_one_is_ready(tmp_path: Path) -> None:
    path, other, go = tmp_path / "pids", tmp_path / "other", tmp_path / "other.go"
    hesitating = READY.replace("os.write", "\nwhile not os.path.exists(sys.argv[1] + '.go'): pass\nos.write")
    async with supervised(waiting_child(path), child(hesitating, other)):
        await started(other)
        assert not path.exists()
        go.touch()
        [first] = await started(path)
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(pids(path)) > 1)


async def test_a_child_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.supervisor._LONGEST_WAIT_SECONDS", 0.1)
    async with supervised(waiting_child(tmp_path / "pids")):
        await started(tmp_path / "pids")


async def test_stop_does_not_wait_for_a_child_that_waits(tmp_path: Path) -> None:
    async with asyncio.timeout(5), supervised(waiting_child(tmp_path / "pids")):
        pass
    assert not (tmp_path / "pids").exists()


async def test_stop_does_not_wait_for_the_next_restart(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.supervisor._FIRST_DELAY_SECONDS", 60.0)
    async with asyncio.timeout(10), supervised(child("import sys; sys.exit(3)")):
        await until(lambda: "restarting in 60.0 s" in caplog.text)


@pytest.mark.parametrize(
    ("lives", "delays", "quick_failures"),
    [
        ([(1, 0.1)] * 7, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0], 7),
        ([(1, 0.1), (1, 0.1), (1, 10.0), (1, 0.1)], [0.2, 0.4, 0.2, 0.4], 1),
        ([(-9, 0.1), (1, 3.0), (0, 0.1)], [0.2, 0.4, 0.8], 0),
        # Slow to find out that it cannot run: no reason to go on for ever.
        ([(1, 3.0), (2, 9.0), (70, 5.0)], [0.2, 0.4, 0.8], 3),
        ([(1, 3.0), (-9, 3.0)], [0.2, 0.4], 0),
    ],
)
def test_the_delay_doubles_until_a_child_lives(
    lives: list[tuple[int, float]], delays: list[float], quick_failures: int
) -> None:
    record = Record()
    seen = []
    for code, seconds in lives:
        record.add(code, seconds)
        seen.append(record.delay_seconds)
    assert seen == pytest.approx(delays)
    assert record.quick_failures == quick_failures


async def test_a_stop_set_before_the_start_leaves_nothing(tmp_path: Path) -> None:
    async with supervised(child(IDLE, tmp_path / "pids")) as stop:
        stop.set()


async def test_the_end_is_announced_once_before_any_child_hears_of_it(tmp_path: Path) -> None:
    path, stop, announced = tmp_path / "pids", asyncio.Event(), list[bool]()

    def announce() -> None:
        [pid] = pids(path)
        announced.append(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)

    running = asyncio.create_task(supervise([child(IDLE, path)], stop=stop, on_end=announce))
    await started(path)
    before = list(announced)
    stop.set()
    assert await running == 0
    assert (before, announced) == ([], [True])


async def test_cancelling_stops_the_children(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    running = asyncio.create_task(supervise([child(IDLE, path)]))
    [pid] = await started(path)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(pid)


async def test_an_ordinary_exit_is_restarted_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pids"
    with caplog.at_level(logging.INFO, "lookreel.supervisor"):
        async with supervised(child(HEAD, path)):
            await until(lambda: len(pids(path)) > 1)
    first, second = pids(path)[:2]
    assert f"child (pid {first}) ended with exit code 0: restarting in 0.2 s" in caplog.messages
    assert f"child (pid {second}) started" in caplog.messages


async def test_children_share_a_listening_socket() -> None:
    with listening() as listener:
        fd = listener.fileno()
        pair = [child(GREET, os.devnull, fd, pass_fds=(fd,)) for _ in range(2)]
        async with supervised(*pair):
            # The first child is busy with the first connection, so only the other can take the second.
            first, held = await greeted_by(listener)
            second, other = await greeted_by(listener)
            for writer in (held, other):
                writer.close()
                await writer.wait_closed()
    assert first != second


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_children_and_the_parent(tmp_path: Path, number: signal.Signals) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    async with supervising_process((one, IDLE), (two, IDLE)) as process:
        running = await started(one, two)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        assert not any(psutil.pid_exists(pid) for pid in running)


async def test_one_request_that_arrives_twice_kills_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    async with supervising_process((path, TIDY)) as process:
        await started(path)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    assert (tmp_path / "pids.tidy").exists()


async def test_a_second_signal_kills_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    async with supervising_process((path, DEAF)) as process:
        [pid] = await started(path)
        process.send_signal(signal.SIGINT)
        # A second one counts after 0.5 s. A third would meet the interpreter's end, where nobody handles it.
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.7)
        process.send_signal(signal.SIGINT)
        # Less than the 10 s of grace.
        await asyncio.wait_for(process.wait(), 5)
        assert process.returncode == 0
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_children_end_when_the_parent_is_killed(tmp_path: Path, loop: str) -> None:
    one, deaf, two = tmp_path / "one", tmp_path / "deaf", tmp_path / "two"
    script = LISTENING.replace("LOOP", loop)
    # The deaf child outlives its parent: if it held the others' pipes open, they would never see the end of theirs.
    async with supervising_process((one, script), (deaf, DEAF), (two, script)) as process:
        running = await started(one, deaf, two)
        process.kill()
        await process.wait()
        await until(lambda: ended(running[0]) and ended(running[2]))
        assert not ended(running[1])
        assert (tmp_path / "one.gone").exists()
        assert (tmp_path / "two.gone").exists()


async def test_without_a_supervisor_nothing_watches_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SUPERVISED, raising=False)
    on_parent_death(lambda: None)
    assert not asyncio.get_running_loop().remove_reader(0)


def test_the_parent_imports_only_the_standard_library() -> None:
    script = """
import sys
before = set(sys.modules)
import app.supervisor
print(*{name.split('.')[0] for name in sys.modules.keys() - before} - sys.stdlib_module_names)
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["app"]
