"""README's three lines from a key to a real video: what its last line sends is made with a key alone."""

import re
import shlex
from pathlib import Path

from tests.house import multipart
from tests.worker.omni.house import OmniStudio
from tests.worker.studio import CHARGED

README = (Path(__file__).parents[3] / "README.md").read_text()


async def test_a_newcomers_walk_ends_with_a_real_video(studio: OmniStudio) -> None:
    (walk,) = re.findall(r"```sh\n(export GEMINI_API_KEY=.+?)```", README, re.DOTALL)
    export, serve, create = walk.splitlines()
    words = shlex.split(create)
    form = dict(words[place + 1].split("=", 1) for place, word in enumerate(words) if word == "-F")
    caller = await studio.house.user()

    answer = await studio.house.http.post(
        re.sub(r"^http://[^/]+", "", words[1]), files=multipart(form), headers=studio.house.headers(caller)
    )
    async with studio.working():
        job = await studio.house.finished(answer.json()["id"])

    assert (export.split("=")[0], serve.split("#")[0].strip()) == ("export GEMINI_API_KEY", "make serve")
    assert (answer.status_code, job.status, job.provider, job.mock_mode) == (202, "SUCCEEDED", "omni", False)
    assert len(studio.omni.creates) == 1
    assert await studio.money(caller) == CHARGED
