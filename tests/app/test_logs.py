"""Lines of the log: JSON for what collects them, readable in a terminal, with ids and nothing that was written."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from asgi_correlation_id import CorrelationIdFilter, correlation_id

from app.logs import JsonFormatter, TextFormatter, formatter
from app.settings import Settings
from resolvers import observing
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving


def record(message: str, *arguments: object, level: int = logging.INFO, failing: bool = False) -> logging.LogRecord:
    error = sys.exc_info() if failing else None
    made = logging.LogRecord("lookreel.test", level, __file__, 1, message, arguments, error)
    CorrelationIdFilter().filter(made)
    return made


async def in_context(work: object, **ids: object) -> str:
    """Format in a task of its own, as a request or a job has."""
    observing.bind(**ids)
    correlation_id.set("req-1")
    return str(work())  # type: ignore[operator]


async def test_json_has_one_object_a_line_with_the_ids() -> None:
    text = await asyncio.create_task(
        in_context(lambda: JsonFormatter().format(record("Made %s\nof \u00e4", "it")), job_id="j", user_id="u")
    )

    line = json.loads(text)
    assert "\n" not in text
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line.pop("process") > 0
    assert line == {
        "level": "INFO",
        "logger": "lookreel.test",
        "message": "Made it\nof \u00e4",
        "request_id": "req-1",
        "job_id": "j",
        "user_id": "u",
    }


async def test_text_has_the_ids_in_the_end_and_colours_in_a_terminal_alone() -> None:
    async def lines(*, in_colour: bool) -> str:
        return await asyncio.create_task(
            in_context(lambda: TextFormatter(in_colour=in_colour).format(record("No", level=30)), job_id="j")
        )

    plain, coloured = await lines(in_colour=False), await lines(in_colour=True)

    assert plain.endswith("WARNING lookreel.test [req-1]: No (job_id j)")
    assert coloured.startswith("\033[33m")
    assert coloured.endswith("No (job_id j)\033[0m")
    assert TextFormatter(in_colour=True).format(record("Outside")).endswith("INFO    lookreel.test [-]: Outside")


@pytest.mark.parametrize("wanted", ["text", "json"])
def test_an_error_keeps_its_traceback(wanted: str) -> None:
    try:
        1 / 0  # noqa: B018 - it is to fail
    except ZeroDivisionError:
        text = formatter(wanted).format(record("Oh", failing=True))  # type: ignore[arg-type]

    assert "ZeroDivisionError: division by zero" in text
    assert (wanted == "json") == ("\n" not in text)


async def test_what_cannot_be_written_as_json_is_written_all_the_same() -> None:
    entry = record("Odd")
    entry.fields = {"what": object}

    assert json.loads(JsonFormatter().format(entry))["what"] == "<class 'object'>"


@pytest.fixture
def requests() -> Iterator[list[dict[str, object]]]:
    found: list[dict[str, object]] = []
    logger = logging.getLogger("lookreel.requests")

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(JsonFormatter().format(record)))

    handler, level = Kept(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_a_request_is_a_line_where_that_is_wanted(
    house: House, settings: Settings, requests: list[dict[str, object]]
) -> None:
    database = InspectedDatabase(house.database.server.url)
    own = settings.model_copy(update={"log_requests": True})
    caller = await house.user()
    async with serving(own, database) as url, House.opened(own, database, url) as logged:
        headers = logged.headers(caller) | {"X-Request-ID": "req-of-test"}
        job_id = await house.create(caller, prompt="hush-hush")
        await logged.http.get(f"/api/v1/video-jobs/{job_id}?token=hush-hush", headers=headers)
        await logged.http.get("/hush-hush")
    await database.close()

    milliseconds = [line.pop("milliseconds") for line in requests]
    assert all(isinstance(number, float) for number in milliseconds)
    route = "/api/v1/video-jobs/{video_job_id}"
    shown = [{name: line.get(name) for name in ("method", "route", "status", "user_id")} for line in requests]
    assert shown == [
        {"method": "GET", "route": route, "status": 200, "user_id": str(caller.user_id)},
        {"method": "GET", "route": "other", "status": 404, "user_id": None},
    ]
    assert str(requests[0]["message"]).startswith(f"GET {route} 200 in ")
    assert "hush" not in json.dumps(requests)


async def test_requests_are_not_logged_unless_asked_for(house: House, requests: list[dict[str, object]]) -> None:
    await house.http.get("/livez")

    assert requests == []
