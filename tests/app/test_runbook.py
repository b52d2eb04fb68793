"""The runbook's commands are run as they stand there, and it has each alert."""

import re
import shlex
from pathlib import Path

import pytest

from app.settings import Settings
from db import pauses
from tests.app.processes import lookreel
from tests.app.test_observed import RULE
from tests.house import House
from tests.servers import serving

ROOT = Path(__file__).parent.parent.parent
RUNBOOK = (ROOT / "docs/RUNBOOK.md").read_text()
ALERTS = (ROOT / "deploy/alerts.yaml").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
COMMANDS = list(dict.fromkeys(line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()))
TOKEN = "only the scraper knows it, and this test"
ADDRESS = "http://127.0.0.1:8000"


def test_every_alert_has_its_section() -> None:
    sections = dict(re.findall(r"^## (Lookreel\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))

    assert list(sections) == [name for name, _ in RULE.findall(ALERTS)]
    for name, section in sections.items():
        assert [part in section for part in ("**Means.**", "**Look.**", "**Do.**")] == [True] * 3, name


def test_every_line_of_a_block_is_a_command_that_is_run() -> None:
    assert all(line.startswith("$ ") for block in BLOCKS for line in block.splitlines())
    assert {shlex.split(command)[0] for command in COMMANDS} == {"lookreel", "curl"}
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("curl")])
async def test_addresses_answer(house: House, settings: Settings, command: str) -> None:
    own = settings.model_copy(update={"metrics_token": TOKEN})
    *options, url = shlex.split(command.replace("METRICS_TOKEN", TOKEN))[1:]
    headers = [tuple(option.split(": ")) for option in options if ": " in option]
    assert url.startswith(ADDRESS)

    async with serving(own, house.database) as base_url:
        answer = await house.http.get(url.replace(ADDRESS, base_url), headers=dict(headers))  # type: ignore[arg-type]

    assert (answer.status_code, bool(answer.content)) == (200, True)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("lookreel")])
async def test_commands_do_what_they_say(house: House, settings: Settings, command: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    arguments = shlex.split(command.replace("JOB_ID", job_id).replace("EMAIL", str(caller.email)))[1:]

    done = lookreel(
        *arguments,
        DATABASE_URL=settings.database_url,
        JWT_SECRET_KEY=settings.jwt_secret_key,
        DATA_DIR=settings.data_dir,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stdout + done.stderr
    assert len(await pauses.current(house.database.reader)) == command.startswith("lookreel pause")
    assert (await house.job(job_id)).status == "PENDING"
