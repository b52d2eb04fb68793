"""What the requests of `tests/permissions.py` are tried on: an owner's job and look, and all that could change."""

import asyncio
from dataclasses import dataclass, replace
from string import Template
from typing import Any
from uuid import uuid4

from sqlalchemy import CompoundSelect, Text, bindparam, cast, func, literal_column, select, union_all

from app.demo_user import SAMPLE
from auth.caller import AccountStatus, Caller, Role
from db.engine.statements import Writer
from db.enums import Visibility
from db.tables import Base, User
from resolvers import looks, video_job_creation
from resolvers.accounts import get_or_create_account
from resolvers.video_job_input import VideoJobInput
from tests.house import CATALOGUE, FORM, House, Traces
from tests.permissions import PROMPT, TITLE, Case


@dataclass(frozen=True)
class State:
    """All that a request could change, rows as text. `owners` are those about the owner, the job, or the look."""

    traces: Traces
    images: list[str]
    rows: list[str]
    owners: list[str]


def _every_row() -> CompoundSelect[Any]:
    """Return what reads all that there is, written down once: it takes longer to build than to run."""
    queries = [select(cast(func.count(), Text)).select_from(User)]
    for table in Base.metadata.sorted_tables:
        query = select(cast(literal_column(table.name), Text)).select_from(table)
        queries.append(query.where(table.c.id == bindparam("owner")) if table.name == "users" else query)
    return union_all(*queries)


EVERY_ROW = _every_row()


@dataclass(frozen=True)
class World:
    """An owner with a video job in a look that is shared with one user, and a caller who wants something of them."""

    house: House
    owner: Caller
    caller: Caller | None
    ids: dict[str, str]

    def filled(self, request: str) -> str:
        return Template(request).substitute(self.ids)

    def headers(self) -> dict[str, str]:
        return self.house.headers(self.caller) if self.caller else {}

    async def state(self) -> State:
        async with self.house.database.session() as session:
            rows = sorted((await session.scalars(EVERY_ROW, {"owner": self.owner.user_id})).all())
        theirs = [self.ids[name] for name in ("owner", "job", "look")]
        media = self.house.settings.media_folder
        return State(
            traces=await self.house.traces(self.owner),
            images=await asyncio.to_thread(lambda: sorted(file.name for file in media.iterdir())),
            rows=rows,
            owners=[row for row in rows if any(id_ in row for id_ in theirs)],
        )


async def prepared(house: House, case: Case, *who: str) -> list[World]:
    """Prepare what the case needs, in one transaction; return it once for each caller."""
    owner, shared_with = house.unknown_caller(), house.unknown_caller()
    callers = {
        "owner": owner,
        "other": house.unknown_caller(),
        "shared_with": shared_with,
        "anonymous": None,
        "suspended": replace(owner, status=AccountStatus.SUSPENDED),
        "admin": house.unknown_caller(Role.ADMIN),
    }
    asking = [callers[name] for name in who]
    caller = asking[0] or owner
    ids = {"owner": str(owner.user_id)}
    async with house.database.transaction() as session:
        for user in {owner, shared_with, *filter(None, asking)}:
            await get_or_create_account(session, user)
        ids["look"] = await _look(session, owner, shared_with)
        ids["job"] = await _job(session, owner, look_id=ids["look"])
        ids["own_job"] = await _job(session, caller) if "$own_job" in case.asked else str(uuid4())
        ids["own_look"] = await _look(session, caller) if "$own_look" in case.asked else str(uuid4())
        if case.sql:
            await session.send(Template(case.sql).substitute(ids))
    return [World(house, owner, caller, ids) for caller in asking]


async def _look(session: Writer, owner: Caller, *shared_with: Caller) -> str:
    ids = [user.user_id for user in shared_with]
    new = replace(SAMPLE, title=TITLE, visibility=Visibility.SHARED, shared_with=ids)
    return str((await looks.create(session, owner, new)).id)


async def _job(session: Writer, owner: Caller, look_id: str | None = None) -> str:
    asked = VideoJobInput(
        model=FORM["model"],
        resolution=FORM["resolution"],
        aspect_ratio=FORM["aspectRatio"],
        mock_mode=True,
        prompt=PROMPT,
    )
    asked = replace(asked, look_id=look_id)
    return str((await video_job_creation.create(session, owner, asked, CATALOGUE)).job.id)
