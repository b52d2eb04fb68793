"""The mutations about video jobs, their looks and their tokens: results and typed refusals, over real HTTP."""

import pytest

from auth.caller import Role
from db.enums import VideoJobStatus
from db.tables import LedgerEntry, VideoJob
from resolvers.errors import InvalidInput
from resolvers.policy import BUILT_IN
from resolvers.tokens import Order, grant_as_operator
from tests.house import FORM, House, eventually
from tests.schema.mutate import CANCEL, DELETE, ERRORS, LOOK, RETRY, codes, mutate
from tests.wires import GraphQLWire


async def test_cancelling_a_waiting_job_gives_its_tokens_back_once(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    first = await mutate(house, caller, CANCEL, id=job_id)
    second = await mutate(house, caller, CANCEL, id=job_id)

    assert first["videoJob"] == second["videoJob"] == {"id": job_id, "status": "CANCELLED", "refund": {"amount": 50}}
    assert await house.tokens(caller) == 100


async def test_a_job_that_has_ended_cannot_be_cancelled(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = await house.create(caller)
    await house.finished(job_id)

    payload = await mutate(house, caller, CANCEL, id=job_id)

    assert codes(payload) == ["VIDEO_JOB_NOT_CANCELLABLE"]
    assert await house.tokens(caller) == 50


async def test_a_running_job_is_cancelled_without_refund_and_its_worker_lets_go(
    house: House,
    working: None,  # noqa: ARG001 - runs a worker
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    await eventually(lambda: house.job(job_id), lambda job: job.status == VideoJobStatus.RUNNING)

    payload = await mutate(house, caller, CANCEL, id=job_id)
    next_one = await house.finished(await house.create(caller))

    assert payload["videoJob"] == {"id": job_id, "status": "CANCELLED", "refund": None}
    assert next_one.status == VideoJobStatus.SUCCEEDED
    assert (await house.job(job_id)).status == VideoJobStatus.CANCELLED
    assert await house.tokens(caller) == 0


async def test_a_deleted_job_is_gone_and_its_ledger_stays(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    payload = await mutate(house, caller, DELETE, id=job_id)
    again = await mutate(house, caller, DELETE, id=job_id)

    assert payload["deletedVideoJobId"] == job_id
    assert codes(again) == ["VIDEO_JOB_NOT_FOUND"]
    assert await house.count(VideoJob.user_id == caller.user_id) == 0
    body = await house.graphql(
        caller,
        "{ viewer { tokens { balance transactions(first: 2) { nodes { kind amount balanceAfter videoJobId } } } } }",
    )
    assert body["data"]["viewer"]["tokens"] == {
        "balance": 100,
        "transactions": {
            "nodes": [
                {"kind": "REFUND", "amount": 50, "balanceAfter": 100, "videoJobId": job_id},
                {"kind": "CHARGE", "amount": -50, "balanceAfter": 50, "videoJobId": job_id},
            ]
        },
    }


async def test_a_retry_is_a_new_job_charged_as_such_in_the_same_look(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    await mutate(house, caller, CANCEL, id=job_id)

    payload = await mutate(house, caller, RETRY, id=job_id, idempotencyKey="again")
    replayed = await mutate(house, caller, RETRY, id=job_id, idempotencyKey="again")

    assert payload["videoJob"]["id"] != job_id
    assert payload["videoJob"]["prompt"] == FORM["prompt"]
    assert payload["videoJob"]["associatedLooks"] == [{"id": str(look.id)}]
    assert (replayed["videoJob"]["id"], replayed["replayed"]) == (payload["videoJob"]["id"], True)
    assert await house.tokens(caller) == 950


async def test_a_replay_gives_the_first_answer_again_however_the_job_stands(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    wire = GraphQLWire(house)
    first = await wire.create(caller, idempotencyKey="once")
    assert first.job is not None
    await house.finished(first.job["id"])

    again = await wire.create(caller, idempotencyKey="once")

    assert again.replayed
    assert again.job == first.job


async def test_videos_are_linked_unlinked_and_made_the_default(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    one, two = [await house.create(caller) for _ in range(2)]
    seen = []
    for mutation, job_id in (
        ("linkVideoToLook", one),
        ("linkVideoToLook", one),
        ("linkVideoToLook", two),
        ("setDefaultVideo", one),
        ("setDefaultVideo", two),
        ("unsetDefaultVideo", two),
        ("unlinkVideoFromLook", one),
    ):
        payload = await mutate(
            house, caller, f"{mutation}(input: $input) {{ {LOOK} {ERRORS} }}", videoJobId=job_id, lookId=str(look.id)
        )
        assert payload["errors"] == []
        seen.append([(video["videoJobId"], video["isDefault"]) for video in payload["look"]["videos"]])

    assert seen == [
        [(one, False)],
        [(one, False)],
        [(two, False), (one, False)],
        [(two, False), (one, True)],
        [(two, True), (one, False)],
        [(two, False), (one, False)],
        [(two, False)],
    ]


@pytest.mark.parametrize("mutation", ["setDefaultVideo", "unsetDefaultVideo", "unlinkVideoFromLook"])
async def test_a_video_that_the_look_does_not_show_is_refused(house: House, mutation: str) -> None:
    caller = await house.user()
    look, job_id = await house.look(caller), await house.create(caller)

    payload = await mutate(
        house, caller, f"{mutation}(input: $input) {{ {LOOK} {ERRORS} }}", videoJobId=job_id, lookId=str(look.id)
    )

    assert payload["look"] is None
    assert codes(payload) == ["VIDEO_NOT_IN_LOOK"]


async def test_admins_grant_tokens(house: House) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user()
    grant = f"grantTokens(input: $input) {{ balance {ERRORS} }}"

    granted = await mutate(house, admin, grant, userId=str(user.user_id), tokens=25)
    none = await mutate(house, admin, grant, userId=str(user.user_id), tokens=0)
    nobody = await mutate(house, admin, grant, userId="nobody", tokens=5)

    assert (granted["balance"], await house.tokens(user)) == (125, 125)
    assert (codes(none), codes(nobody)) == (["INVALID_INPUT"], ["USER_NOT_FOUND"])


async def test_no_grant_makes_a_balance_too_large_to_be_refunded_to(house: House) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user()
    grant = f"grantTokens(input: $input) {{ balance {ERRORS} }}"
    sums = (1_999_999_901, 1_999_999_900, 1, 2**31 - 1)

    granted = [await mutate(house, admin, grant, userId=str(user.user_id), tokens=tokens) for tokens in sums]
    async with house.database.transaction() as transaction:
        with pytest.raises(InvalidInput, match="An account holds at most 2000000000 tokens"):
            await grant_as_operator(transaction, user, Order(1), BUILT_IN)

    assert [payload["balance"] for payload in granted] == [None, 2_000_000_000, None, None]
    assert [codes(payload) for payload in granted] == [["INVALID_INPUT"], [], ["INVALID_INPUT"], ["INVALID_INPUT"]]
    assert await house.tokens(user) == 2_000_000_000
    assert await house.count(LedgerEntry.kind == "GRANT", table=LedgerEntry) == 1


async def test_a_quote_names_every_broken_rule_and_costs_nothing(house: House) -> None:
    caller = await house.user(tokens=150)
    quote = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) { cost balance freeSlots
      errors { ... on UserError { code field } ... on ActiveJobLimit { activeVideoJobIds } } } }"""
    good = FORM | {"mockMode": True}
    accepted = await house.graphql(caller, quote, input=good)
    jobs = [await house.create(caller) for _ in range(3)]
    before = await house.traces(caller)

    refused = await house.graphql(
        caller, quote, input=good | {"resolution": "4k", "durationSeconds": 5, "mockMode": False, "lookId": "nothing"}
    )

    assert accepted["data"]["videoJobQuote"] == {"cost": 50, "balance": 150, "freeSlots": 3, "errors": []}
    assert refused["data"]["videoJobQuote"] == {
        "cost": 50,
        "balance": 0,
        "freeSlots": 0,
        "errors": [
            {"code": "INVALID_INPUT", "field": "resolution"},
            {"code": "INVALID_INPUT", "field": "durationSeconds"},
            {"code": "GENERATION_UNAVAILABLE", "field": "mockMode"},
            {"code": "INVALID_LOOK", "field": "lookId"},
            {"code": "ACTIVE_JOB_LIMIT", "field": None, "activeVideoJobIds": jobs},
            {"code": "INSUFFICIENT_TOKENS", "field": None},
        ],
    }
    assert await house.traces(caller) == before
