import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.embedded.server import embedded_server, revive
from db.engine.errors import EmbeddedServerUnavailable
from tests.conftest import temporary_folder
from tests.db.embedded_users import User, alive, guardians, kill, pg_ctls, postmasters, run, wait_until

Use = Callable[[Path], User]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder of our own: each pytest that starts closes the parent of tmp_path to root's server."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


@pytest.fixture
def unmade(folder: Path) -> Path:
    """A data folder that does not exist."""
    return folder / "data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with temporary_folder() as folder:
        with embedded_server(folder):
            pass
        yield folder


@pytest.fixture
def data_dir(unmade: Path, made: Path) -> Path:
    """A data folder with a database that nobody uses: copied, since making one takes longer than most tests."""
    subprocess.run(("/bin/cp", "-a", made, unmade), check=True)
    return unmade


@pytest.fixture
def use(unmade: Path) -> Iterator[Use]:
    """Give a way to start programs that use the server of the folder; they are killed if the test did not end them."""
    users: list[User] = []

    def start(data_dir: Path) -> User:
        users.append(User(data_dir))
        return users[-1]

    yield start
    for user in users:
        user.kill()
    wait_until(lambda: not alive(unmade))


async def assert_works(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        assert await run(url, "SELECT 1") == 1
    wait_until(lambda: not alive(data_dir), 5.0)


async def test_a_program_may_enter_twice_and_leaves_nothing_behind(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        with embedded_server(data_dir) as again:
            assert again == url
        assert await run(url, "SELECT 1") == 1
        assert len(postmasters(data_dir)) == len(guardians(data_dir)) == 1
    wait_until(lambda: not alive(data_dir), 5.0)


async def test_a_second_program_joins_and_keeps_the_server(data_dir: Path, use: Use) -> None:
    first, second = use(data_dir), use(data_dir)
    assert first.url() == (url := second.url())
    before = postmasters(data_dir)
    first.leave()
    assert postmasters(data_dir) == before
    assert await run(url, "SELECT 1") == 1
    second.leave()
    wait_until(lambda: not alive(data_dir), 5.0)


async def test_many_starting_at_once_share_one_server(unmade: Path, use: Use) -> None:
    users = [use(unmade) for _ in range(4)]
    (url,) = {user.url() for user in users}
    assert await run(url, "SELECT 1") == 1
    assert len(postmasters(unmade)) == len(guardians(unmade)) == 1
    for user in users:
        user.leave()
    wait_until(lambda: not alive(unmade), 5.0)


def test_the_server_goes_when_its_only_user_is_killed(data_dir: Path, use: Use) -> None:
    user = use(data_dir)
    assert user.url()
    user.kill()
    wait_until(lambda: not alive(data_dir))


def test_nothing_stays_when_the_user_is_killed_at_any_moment_of_the_start(data_dir: Path, use: Use) -> None:
    for moment in (guardians, pg_ctls, postmasters):
        user = use(data_dir)
        wait_until(lambda moment=moment: moment(data_dir) or postmasters(data_dir))  # type: ignore[misc]
        user.kill()
        wait_until(lambda: not alive(data_dir))


async def test_data_outlives_a_crash_of_user_and_server(data_dir: Path, use: Use) -> None:
    user = use(data_dir)
    await run(user.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(postmasters(data_dir))
    user.kill()
    with embedded_server(data_dir) as url:
        assert await run(url, "SELECT answer FROM kept") == 42


async def test_a_crashed_server_is_started_anew_for_the_next_user(data_dir: Path, use: Use) -> None:
    assert use(data_dir).url()
    kill(postmasters(data_dir))
    with embedded_server(data_dir) as url:
        assert await run(url, "SELECT 1") == 1


async def test_a_crashed_server_is_revived_by_its_user(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        await run(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert not revive(data_dir)
        kill(postmasters(data_dir))

        assert revive(data_dir)

        assert await run(url, "SELECT answer FROM kept") == 42
        assert not revive(data_dir)
    wait_until(lambda: not alive(data_dir))


async def test_a_killed_guardian_is_replaced_by_the_next_user(data_dir: Path, use: Use) -> None:
    first = use(data_dir)
    url = first.url()
    kill(guardians(data_dir))
    second = use(data_dir)
    assert second.url() == url
    assert len(guardians(data_dir)) == 1
    first.leave()
    second.leave()
    wait_until(lambda: not alive(data_dir), 5.0)


def test_a_killed_guardian_is_replaced_by_the_leaving_user(data_dir: Path, use: Use) -> None:
    user = use(data_dir)
    assert user.url()
    kill(guardians(data_dir))
    user.leave()
    wait_until(lambda: not alive(data_dir), 5.0)


async def test_stale_pids_taken_by_another_process_are_no_server(data_dir: Path, use: Use) -> None:
    user = use(data_dir)
    assert user.url()
    kill(postmasters(data_dir))
    user.kill()
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        stale = data_dir / "postgres" / name
        stale.write_text("\n".join((str(os.getpid()), *stale.read_text().splitlines()[1:])) + "\n")
    await assert_works(data_dir)


async def test_half_a_pid_file_is_no_server(data_dir: Path) -> None:
    (data_dir / "postgres" / "postmaster.pid").touch()
    await assert_works(data_dir)


async def test_a_database_half_made_is_made_anew(unmade: Path, use: Use) -> None:
    user = use(unmade)
    wait_until(lambda: list(unmade.glob("postgres.new-*/PG_VERSION")))
    user.kill()
    left = unmade / "postgres.new-left"
    left.mkdir()
    (left / "PG_VERSION").write_text("18\n")
    await assert_works(unmade)
    assert not left.exists()


async def test_a_folder_relative_and_with_spaces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with embedded_server(Path("my data") / "here") as url:
        assert await run(url, "SELECT 1") == 1
    wait_until(lambda: not alive(folder / "my data" / "here"), 1.0)


async def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    data_dir = folder / ("long " * 20) / "it's, ünusual"
    with embedded_server(data_dir) as url:
        assert await run(url, "SELECT 1") == 1
        socket_dir = Path(await run(url, "SHOW unix_socket_directories"))
    wait_until(lambda: not alive(data_dir), 5.0)
    assert not socket_dir.exists()  # noqa: ASYNC240 - a test may block


def assert_unavailable(data_dir: Path, *words: str) -> None:
    with pytest.raises(EmbeddedServerUnavailable) as caught, embedded_server(data_dir):
        pass
    assert [word for word in (str(data_dir), *words) if word not in str(caught.value)] == []
    wait_until(lambda: not alive(data_dir), 5.0)


def test_a_file_where_the_folder_should_be(folder: Path) -> None:
    (folder / "file").touch()
    assert_unavailable(folder / "file", "File exists", "Choose a folder")
    assert_unavailable(folder / "file" / "data", "Not a directory", "Choose a folder")


def test_a_folder_with_other_files(unmade: Path) -> None:
    (unmade / "postgres").mkdir(parents=True)
    (unmade / "postgres" / "letter.txt").touch()
    assert_unavailable(unmade, "Move it away")


def test_a_server_that_does_not_start_is_quoted(data_dir: Path) -> None:
    with (data_dir / "postgres" / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    assert_unavailable(data_dir, "no_such_setting")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_database_of_another_user(data_dir: Path) -> None:
    os.chown(data_dir / "postgres", 54321, 54321)
    assert_unavailable(data_dir, "another user")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    folder.chmod(0o500)
    assert_unavailable(folder / "data", "Permission denied")
