"""A creation goes through few of our files: whoever wants to understand it has to read no more than those."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.house import FORM, House, multipart

ROOT = Path(__file__).parents[1]
TIMES = 4
MOST = 33
CREATE = """mutation ($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) { videoJob { id status } errors { __typename } } }"""


@contextmanager
def entering(files: set[str]) -> Iterator[None]:
    """Note the files of ours whose functions are called in this thread, those of the tests aside."""

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            files.add(str(path.relative_to(ROOT)))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/video-jobs"])
async def test_a_creation_enters_few_files(house: House, path: str) -> None:
    walks = []
    for _ in range(TIMES):
        caller = await house.user()
        form = FORM | {"lookId": str((await house.look(caller)).id)}
        document = {"query": CREATE, "variables": {"input": {**form, "mockMode": True}}}
        sent: dict[str, Any] = {"json": document} if path == "/graphql" else {"files": multipart(form)}
        headers, entered = house.headers(caller), set[str]()
        with entering(entered):
            await house.http.post(path, headers=headers, **sent)
        assert await house.charges(caller) == 1
        walks.append(entered)

    # What runs beside it now and then is no part of it.
    entered = {file for file in set.intersection(*walks) if not file.startswith(("tests/", ".venv/"))}
    assert len(entered) <= MOST, sorted(entered)
