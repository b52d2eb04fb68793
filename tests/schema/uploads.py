"""Requests that may bring files, and how to tell that a refused one has left nothing."""

from typing import Any

from auth.caller import Caller
from db.tables import Base, FileRemoval, Look
from tests.house import FORM, House
from tests.schema.mutate import ERRORS

JOB = {"model": FORM["model"], "resolution": "720p", "aspectRatio": "16:9", "prompt": "Turn", "mockMode": True}
CREATE = (
    f"mutation ($input: CreateVideoJobInput!) {{ it: createVideoJob(input: $input) {{ videoJob {{ id }} {ERRORS} }} }}"
)
QUOTE = f"query ($input: CreateVideoJobInput!) {{ it: videoJobQuote(input: $input) {{ {ERRORS} }} }}"
CREATE_LOOK = f"mutation ($input: CreateLookInput!) {{ it: createLook(input: $input) {{ look {{ id }} {ERRORS} }} }}"


async def nothing_written(house: House, caller: Caller) -> tuple[object, ...]:
    tables: list[type[Base]] = [Look, FileRemoval]
    rows = [await house.count(table=table) for table in tables]
    files = sorted(path.name for path in house.settings.media_folder.iterdir())
    return (await house.traces(caller), rows, files)


def refused(body: dict[str, Any], field: str) -> None:
    assert "errors" not in body, body
    (error,) = body["data"]["it"]["errors"]
    assert (error["__typename"], error["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert error["field"] in {field, f"{field}.0"}
    assert error["field"] in error["message"].split(" ")
