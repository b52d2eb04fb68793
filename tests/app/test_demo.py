"""`lookreel demo` from start to end, on a fresh folder and again on the same one."""

import asyncio
import re
import signal
from pathlib import Path

import httpx
import pytest

from app.demo import where_to_open
from app.settings import Settings
from tests.app.processes import END_SECONDS, LOOKREEL, environment, lookreel, processes_of
from tests.house import eventually


async def test_the_demo_shows_a_video_in_a_look_and_leaves_nothing_behind(data_dir: Path) -> None:
    for videos in (1, 2):
        played = lookreel("demo", DATA_DIR=data_dir, MOCK_SECONDS=1)

        assert played.returncode == 0, played.stderr
        assert "POST /api/v1/video-jobs -> 202 PENDING, 50 tokens charged" in played.stdout
        assert f"shows {videos} video(s)" in played.stdout
        assert played.stdout.count("SUCCEEDED") == videos
        assert re.search(r"The MP4 is video/mp4, \d+ kB, 1280x720, 8.0 s, AVC, with sound", played.stdout)
        assert '{"Authorization": "Bearer ' in played.stdout
        assert played.stderr == ""
        assert await eventually(lambda: processes_of(data_dir), lambda left: not left, seconds=10) == []

    # The third time it stays, until Ctrl-C.
    log = data_dir.parent / "log"
    settings = environment({"DATA_DIR": data_dir, "MOCK_SECONDS": 1})
    with log.open("w") as output:
        staying = await asyncio.create_subprocess_exec(LOOKREEL, "demo", "--stay", env=settings, stdout=output)

    async def studio() -> str:
        found = re.search(r"Studio is at (http://127\.0\.0\.1:\d+/) until you press Ctrl-C", log.read_text())
        return found[1] if found else ""

    address = await eventually(studio, bool)
    async with httpx.AsyncClient() as http:
        page = await http.get(address)
    staying.send_signal(signal.SIGINT)

    assert '<meta name="demo" content="studio/demo">' in page.text
    assert "shows 3 video(s)" in log.read_text()
    assert await asyncio.wait_for(staying.wait(), END_SECONDS) == 0
    assert await eventually(lambda: processes_of(data_dir), lambda left: not left, seconds=10) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ":\n  http://127.0.0.1:8000/"),
        ({"host": "::1", "port": 8001}, ":\n  http://[::1]:8001/"),
        ({"port": 0}, " at the address that it tells."),
        ({"host": "unix:/run/api.sock"}, " by the proxy in front of unix:/run/api.sock."),
        ({"host": "unix:/run/api.sock", "public_url": "https://a.example/b"}, ":\n  https://a.example/b/"),
    ],
)
def test_the_demo_says_where_studio_will_be(settings: dict[str, object], said: str) -> None:
    assert where_to_open(Settings.model_validate(settings)) == said
