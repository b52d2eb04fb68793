"""What a worker counts and logs about its jobs."""

import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from app.logs import formatter
from app.settings import Settings
from providers.mock.generator import MockGenerator
from resolvers.ports import Generated, GeneratorUnreachable, StillGenerating
from tests.house import House
from tests.workers import at_work

SECRET = "a prompt that nobody else may read"


def numbers() -> dict[tuple[str, ...], float]:
    found = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name.startswith("lookreel") and not sample.name.endswith(("_created", "_bucket")):
                found[sample.name, *sample.labels.values()] = sample.value
    return found


def grown(before: dict[tuple[str, ...], float], prefix: str) -> dict[tuple[str, ...], float]:
    now = numbers()
    return {
        name: value - before.get(name, 0)
        for name, value in now.items()
        if name[0].startswith(prefix) and not name[0].endswith("_sum") and value != before.get(name, 0)
    }


class Lines(logging.Handler):
    """The log as JSON, as a worker in production writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(formatter("json"))
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


async def test_a_finished_job_is_counted_step_by_step(house: House, settings: Settings) -> None:
    before = numbers()
    job_id = await house.create(await house.user())
    async with at_work(settings, house.database):
        await house.finished(job_id)

    assert grown(before, "lookreel_jobs_ended") == {("lookreel_jobs_ended_total", "SUCCEEDED", ""): 1}
    assert grown(before, "lookreel_job_") == {
        ("lookreel_job_wait_seconds_count",): 1,
        ("lookreel_job_step_seconds_count", "submit"): 1,
        ("lookreel_job_step_seconds_count", "generate"): 1,
        ("lookreel_job_step_seconds_count", "store"): 1,
    }
    answers = grown(before, "lookreel_provider_answers")
    assert answers.pop(("lookreel_provider_answers_total", "mock", "submit", "ok")) == 1
    assert set(answers) == {("lookreel_provider_answers_total", "mock", "poll", "ok")}


@pytest.mark.parametrize(("code", "counted"), [("CONTENT_FILTERED", "CONTENT_FILTERED"), ("ANYTHING_AT_ALL", "OTHER")])
async def test_a_failed_job_is_counted_and_logged_by_its_code_without_its_prompt(
    house: House, settings: Settings, lines: list[dict[str, object]], code: str, counted: str
) -> None:
    before = numbers()
    job_id = await house.create(await house.user(), prompt=f"[fail:{code}] {SECRET}")
    async with at_work(settings, house.database):
        await house.finished(job_id)

    assert grown(before, "lookreel_jobs_ended") == {("lookreel_jobs_ended_total", "FAILED", counted): 1}
    (line,) = [line for line in lines if "has ended" in str(line["message"])]
    run_id = line.pop("run_id")
    assert {name: line[name] for name in ("level", "logger", "message", "job_id", "provider")} == {
        "level": "WARNING",
        "logger": "lookreel.worker",
        "message": f"Video job {job_id} has ended: FAILED {code}",
        "job_id": job_id,
        "provider": "mock",
    }
    assert run_id
    assert SECRET not in json.dumps(lines)


class Unreachable(MockGenerator):
    """Cannot be reached at first."""

    tries = 0

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        self.tries += 1
        if self.tries == 1:
            raise GeneratorUnreachable("no route")
        return await super().poll(operation_name)


async def test_errors_of_providers_are_counted_by_their_kind(house: House, settings: Settings) -> None:
    before = numbers()
    job_id = await house.create(await house.user())
    async with at_work(settings, house.database, generators={"mock": Unreachable(0.1)}):
        await house.finished(job_id)

    answers = grown(before, "lookreel_provider_answers")
    assert answers["lookreel_provider_answers_total", "mock", "poll", "GeneratorUnreachable"] == 1


def test_each_job_has_ids_of_its_own(lines: list[dict[str, object]]) -> None:
    logging.getLogger("lookreel.worker").info("Outside of any job %s", uuid4())

    assert not {"job_id", "run_id", "provider", "user_id"} & lines[-1].keys()
