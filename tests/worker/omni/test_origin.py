"""Each video says that it was generated, and whether its file says so itself."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update

from auth.caller import Caller
from db.tables import VideoJob
from media.videos import probe
from tests.house import House
from tests.media.signed import signed
from tests.worker.omni.house import OmniStudio
from tests.worker.studio import WireName, wires

READ = """query ($id: ID!) { videoJob(id: $id) { aiGenerated contentCredentials
  associatedLooks { videos { aiGenerated contentCredentials } } } }"""


async def origins(
    house: House, caller: Caller, job_id: str, look_id: str, over: WireName
) -> list[tuple[bool, str | None]]:
    """Return what the job says, and what the look says of the same video."""
    if over == "graphql":
        job = (await house.graphql(caller, READ, id=job_id))["data"]["videoJob"]
        (video,) = job["associatedLooks"][0]["videos"]
    else:
        headers = house.headers(caller)
        job = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=headers)).json()
        (video,) = (await house.http.get(f"/api/v1/looks/{look_id}", headers=headers)).json()["videos"]
    return [(shown["aiGenerated"], shown["contentCredentials"]) for shown in (job, video)]


@wires
@pytest.mark.parametrize(
    ("is_signed", "audio", "found"),
    [(True, "true", "PRESENT"), (True, "false", "REMOVED"), (False, "true", "NONE"), (False, "false", "NONE")],
)
async def test_what_is_said_is_what_the_stored_file_has(
    studio: OmniStudio, over: WireName, *, is_signed: bool, audio: str, found: str
) -> None:
    if is_signed:
        studio.omni.video = signed(studio.omni.video)
    caller = await studio.house.user()
    look = str((await studio.house.look(caller)).id)
    job_id = await studio.created(caller, lookId=look, generateAudio=audio)
    before = await origins(studio.house, caller, job_id, look, over)
    async with studio.working():
        job = await studio.house.finished(job_id)

    stored: Path = studio.cloudinary.files["video", f"lookreel/{job_id}"].path
    properties = await asyncio.to_thread(probe, stored)
    assert (job.status, properties.has_content_credentials) == ("SUCCEEDED", found == "PRESENT")
    assert before == [(True, None)] * 2
    assert await origins(studio.house, caller, job_id, look, over) == [(True, found)] * 2


@wires
async def test_of_a_video_of_old_times_nothing_is_said(studio: OmniStudio, over: WireName) -> None:
    caller = await studio.house.user()
    look = str((await studio.house.look(caller)).id)
    job_id = await studio.created(caller, lookId=look)
    async with studio.working():
        await studio.house.finished(job_id)
    async with studio.house.database.session() as session:
        await session.execute(update(VideoJob).values(content_credentials=None))

    assert await origins(studio.house, caller, job_id, look, over) == [(True, None)] * 2
