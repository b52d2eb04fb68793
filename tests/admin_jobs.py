"""Jobs as admins find them, and what is on record of what they do."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from auth.caller import Caller
from db.tables import AuditEntry
from tests.house import House

BULK = """mutation ($input: AdminVideoJobsInput!) { %s(input: $input) {
  matched changed endCursor hasNextPage results { videoJobId newVideoJobId code } errors { code field } } }"""
CANCEL, RETRY = BULK % "adminCancelVideoJobs", BULK % "adminRetryVideoJobs"
FAIL = """UPDATE video_jobs SET status = 'FAILED', started_at = now(), completed_at = now() + interval '7 seconds',
    error_message = 'No', error_code = :code WHERE id = :id"""
STORE = """UPDATE video_jobs SET status = 'SUCCEEDED', started_at = now(), progress_percentage = 100,
    completed_at = now() + :seconds * interval '1 s', cloudinary_url = '/v' WHERE id = :id"""


async def change(house: House, sql: str, job_id: str, **values: Any) -> None:
    async with house.database.session() as session:
        await session.execute(text(sql), {"id": UUID(job_id), **values})


async def recorded(house: House) -> list[AuditEntry]:
    async with house.database.session() as session:
        return list(await session.scalars(select(AuditEntry).order_by(AuditEntry.created_at, AuditEntry.id)))


async def bulk(house: House, admin: Caller, mutation: str, **given: Any) -> dict[str, Any]:
    body = await house.graphql(admin, mutation, input=given)
    assert "errors" not in body, body
    [payload] = body["data"].values()
    found: dict[str, Any] = payload
    return found
