"""One account's money, from many sides at once: what was paid is what the ledger says, and nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from auth.caller import Caller, Role
from bench.trust.findings import Effort, Finding
from bench.trust.installation import Installation
from tests.house import FORM, House, multipart

CONSUME = 'mutation { consumeTokens(input: {operation: "multi_modal_light"}) { errors { code } } }'
GRANT = 'mutation { grantTokens(input: {userId: "%s", tokens: 7}) { errors { code } } }'
CANCEL = 'mutation { cancelVideoJob(input: {id: "%s"}) { errors { code } } }'
OPERATION = {"operation": "multi_modal_light"}
USERS = 3
EACH = 8


async def race(installation: Installation, effort: Effort) -> Finding:
    """Let some users do everything at once, round after round."""
    finding, outcomes = Finding("Races on money: consume, create, repeat, cancel, delete, grant"), Counter[str]()
    house = installation.house
    admin = await house.user(role=Role.ADMIN)
    for _ in range(effort.racing_rounds):
        callers = [await house.user(tokens=400) for _ in range(USERS)]
        for rounds in await asyncio.gather(*(_raced(house, caller, admin, finding) for caller in callers)):
            outcomes.update(rounds)
    finding.lost += [f"{count} times {name}" for name, count in outcomes.items() if name.startswith("5")]
    finding.tried = f"{outcomes.total():,} actions ({', '.join(f'{count} {name}' for name, count in outcomes.items())})"
    await installation.close_books(finding)
    return finding


async def _raced(house: House, caller: Caller, admin: Caller, finding: Finding) -> list[str]:
    headers, key = house.headers(caller), {"Idempotency-Key": str(uuid4())}
    job = await house.create(caller)
    path = f"/api/v1/video-jobs/{job}"
    create = "/api/v1/video-jobs"
    actions: list[Awaitable[Any]] = []
    for _ in range(EACH):
        actions += [
            house.http.post("/api/v1/subscription/consume", json=OPERATION, headers=headers),
            house.graphql(caller, CONSUME),
            house.http.post(create, files=multipart(FORM), headers=headers | key),
            house.http.post(create, files=multipart(FORM), headers=headers),
            house.http.post(f"{path}/cancel", headers=headers),
            house.graphql(caller, CANCEL % job),
            house.graphql(admin, GRANT % caller.user_id),
        ]
    actions.append(house.http.delete(path, headers=headers))
    answers = await asyncio.gather(*actions)
    made = {answer.json()["id"] for answer in answers[2::7] if answer.status_code == HTTPStatus.ACCEPTED}
    finding.check(len(made) <= 1, f"{len(made)} jobs for one key")
    finding.check(await house.tokens(caller) >= 0, "a balance below zero")
    return [_outcome(answer) for answer in answers]


def _outcome(answer: Any) -> str:  # noqa: ANN401 - of either wire
    if not isinstance(answer, dict):
        return f"{answer.status_code} over REST"
    if "errors" in answer:
        code = answer["errors"][0]["extensions"]["code"]
        return f"500 {code} over GraphQL" if code == "INTERNAL_ERROR" else f"{code} over GraphQL"
    (payload,) = answer["data"].values()
    return "refused over GraphQL" if payload["errors"] else "done over GraphQL"
