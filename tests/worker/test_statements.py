"""What a mock job sends to the database: each statement is a round trip, and processor time at both ends."""

import re
from dataclasses import replace
from uuid import UUID

from db.enums import VideoJobStatus
from resolvers.ports import StillGenerating
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import SOON, context
from worker.service import generate

CHANGED = r"^WITH given .* video_jobs SET"
# What the driver asks for on each new connection: types of lists.
LEARNT = ("typeinfo_tree", "set_config('jit'")
# What each statement is known by: the columns that it sets, and what else it writes.
NAMES = {
    r"^SELECT video_jobs\.id, .* FROM video_jobs WHERE video_jobs\.id = ": "read",
    "^SELECT .* FROM video_job_images": "images",
    rf"{CHANGED} version=[^,]*, run_id=": "take",
    rf"{CHANGED} version=[^,]*, submission=": "begin",
    rf"{CHANGED} status=.* operation_name=.*INSERT INTO video_job_logs": "record",
    rf"{CHANGED} progress_percentage=.*INSERT INTO video_job_logs": "progress",
    rf"{CHANGED} status_message=.*INSERT INTO file_removals": "storing",
    rf"{CHANGED} status=.*INSERT INTO video_job_logs.*DELETE FROM file_removals.*INSERT": "succeed",  # noqa: S608 - no SQL
    "^SELECT pg_notify": "wake",
}


def name(statement: str) -> str:
    text = re.sub(r"\s+", " ", statement)
    return next((name for pattern, name in NAMES.items() if re.search(pattern, text)), text)


async def test_a_mock_job_takes_twelve_statements(house: House, sent: list[str]) -> None:
    job_id = UUID(await house.create(await house.user()))
    script = [StillGenerating(percentage, SOON) for percentage in (0, 20, 40, 60, 80)]
    generator = ScriptedGenerator([*script, None], submitting_costs=False)
    database = InspectedDatabase(house.database.server.url, pool_size=2)

    await generate(replace(context(house, generator), database=database), job_id)
    await database.close()

    names = [name(statement) for statement in sent if not any(word in statement for word in LEARNT)]
    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED
    assert [name for name in names if name != "wake"] == [
        *("read", "take", "images", "begin", "record"),
        *("read", *["progress"] * 4),
        *("storing", "succeed"),
    ]
    assert 1 <= names.count("wake") <= 9  # one for each change, or for several together
