"""`lookreel demo` from start to end, on a fresh folder and again on the same one."""

import re
from pathlib import Path

from tests.app.processes import lookreel, processes_of
from tests.house import eventually


async def test_the_demo_shows_a_video_in_a_look_and_leaves_nothing_behind(data_dir: Path) -> None:
    for videos in (1, 2, 3):
        played = lookreel("demo", DATA_DIR=data_dir, MOCK_SECONDS=1)

        assert played.returncode == 0, played.stderr
        assert "POST /api/v1/video-jobs -> 202 PENDING, 50 tokens charged" in played.stdout
        assert f"shows {videos} video(s)" in played.stdout
        assert played.stdout.count("SUCCEEDED") == videos
        assert re.search(r"The MP4 is video/mp4, \d+ kB, 1280x720, 8.0 s, AVC, with sound", played.stdout)
        assert '{"Authorization": "Bearer ' in played.stdout
        assert played.stderr == ""
        assert await eventually(lambda: processes_of(data_dir), lambda left: not left, seconds=10) == []
