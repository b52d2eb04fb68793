"""The mutations: results and typed refusals, over real HTTP."""

import io
import json
from base64 import b64encode
from typing import Any

import pytest
from PIL import Image

from auth.caller import Caller, Role
from db.models import Look, Product, VideoJob, VideoJobStatus
from tests.house import FORM, House, eventually
from tests.wires import GraphQLWire

ERRORS = "errors { __typename ... on UserError { code message field } }"
CANCEL = f"cancelVideoJob(input: $input) {{ videoJob {{ id status refund {{ amount }} }} {ERRORS} }}"
DELETE = f"deleteVideoJob(input: $input) {{ deletedVideoJobId {ERRORS} }}"
RETRY = f"retryVideoJob(input: $input) {{ videoJob {{ id status prompt associatedLooks {{ id }} }} replayed {ERRORS} }}"
LOOK = """look { id title notes visibility sharedWith { id } products { name thumbnailUrl } generatedImageUrl
  videos { id isDefault } }"""
INPUTS = {
    "cancelVideoJob": "VideoJobIdInput!",
    "deleteVideoJob": "VideoJobIdInput!",
    "retryVideoJob": "RetryVideoJobInput!",
    "createLook": "CreateLookInput!",
    "updateLook": "UpdateLookInput!",
    "setLookVisibility": "SetLookVisibilityInput!",
    "deleteLook": "LookIdInput!",
    "grantTokens": "GrantTokensInput!",
}


async def mutate(house: House, caller: Caller, field: str, **input_: Any) -> dict[str, Any]:
    """Run one mutation; return its payload."""
    name = field.split("(", maxsplit=1)[0]
    type_ = INPUTS.get(name, "LookVideoInput!")
    body = await house.graphql(caller, f"mutation ($input: {type_}) {{ {field} }}", input=input_)
    assert "errors" not in body, body
    payload: dict[str, Any] = body["data"][name]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["errors"]]


def png(color: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(buffer, "PNG")
    return buffer.getvalue()


def data_uri() -> str:
    return f"data:image/png;base64,{b64encode(png()).decode()}"


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
        seen.append([(video["id"], video["isDefault"]) for video in payload["look"]["videos"]])

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


async def test_a_look_is_made_of_data_uris(house: House) -> None:
    caller = await house.user()

    payload = await mutate(
        house,
        caller,
        f"createLook(input: $input) {{ {LOOK} {ERRORS} }}",
        title="  Harbour  ",
        generatedImageBase64=data_uri(),
        products=[{"name": "Coat", "sku": "C-1", "thumbnailBase64": data_uri(), "price": 12.5}] * 2,
    )

    look = payload["look"]
    assert (look["title"], look["visibility"], len(look["products"])) == ("Harbour", "PRIVATE", 1)
    for url in (look["generatedImageUrl"], look["products"][0]["thumbnailUrl"]):
        assert (await house.http.get(url)).headers["Content-Type"] == "image/png"


async def test_a_look_is_made_of_uploads(house: House) -> None:
    caller = await house.user()
    operations = {
        "query": f"mutation ($input: CreateLookInput!) {{ createLook(input: $input) {{ {LOOK} {ERRORS} }} }}",
        "variables": {"input": {"generatedImage": None, "products": [{"name": "Coat", "thumbnail": None}]}},
    }
    paths = {"0": ["variables.input.generatedImage"], "1": ["variables.input.products.0.thumbnail"]}

    answer = await house.http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps(paths)},
        files={"0": ("look.png", png("red"), "image/png"), "1": ("coat.png", png("blue"), "text/plain")},
        headers=house.headers(caller),
    )

    payload = answer.json()["data"]["createLook"]
    assert payload["errors"] == []
    assert (await house.http.get(payload["look"]["generatedImageUrl"])).content == png("red")
    assert (await house.http.get(payload["look"]["products"][0]["thumbnailUrl"])).content == png("blue")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"products": []}, "INVALID_INPUT"),
        ({"generatedImageBase64": "rubbish!"}, "INVALID_INPUT"),
        ({"generatedImageBase64": None}, "INVALID_INPUT"),
        ({"products": [{"name": " ", "thumbnailBase64": data_uri()}]}, "INVALID_INPUT"),
        ({"products": [{"name": "Coat", "thumbnailBase64": data_uri(), "price": -1}]}, "INVALID_INPUT"),
        ({"title": "nul \x00"}, "INVALID_INPUT"),
        ({"visibility": "SHARED", "sharedWithUserIds": ["nobody"]}, "USER_NOT_FOUND"),
        ({"visibility": "SHARED", "sharedWithUserIds": ["11111111-1111-4111-8111-111111111111"]}, "USER_NOT_FOUND"),
    ],
)
async def test_a_refused_look_leaves_no_row_and_no_file(house: House, changes: dict[str, Any], code: str) -> None:
    caller = await house.user()
    files = sorted(house.settings.media_folder.iterdir())
    good = {"generatedImageBase64": data_uri(), "products": [{"name": "Coat", "thumbnailBase64": data_uri()}]}

    payload = await mutate(house, caller, f"createLook(input: $input) {{ {LOOK} {ERRORS} }}", **good | changes)

    assert codes(payload) == [code]
    assert await house.count(Look.user_id == caller.user_id, table=Look) == 0
    assert await house.count(table=Product) == 0
    assert sorted(house.settings.media_folder.iterdir()) == files


async def test_a_look_is_changed_shared_and_deleted(house: House) -> None:
    caller, friend = await house.user(), await house.user()
    look_id = str((await house.look(caller)).id)
    look = f"{{ {LOOK} {ERRORS} }}"

    renamed = await mutate(house, caller, f"updateLook(input: $input) {look}", id=look_id, title="New")
    emptied = await mutate(house, caller, f"updateLook(input: $input) {look}", id=look_id, notes=None)
    shared = await mutate(
        house,
        caller,
        f"setLookVisibility(input: $input) {look}",
        id=look_id,
        visibility="SHARED",
        sharedWithUserIds=[str(friend.user_id)],
    )
    seen = await house.graphql(friend, '{ looks(view: SHARED_WITH_ME, search: "NEW") { nodes { id } } }')
    closed = await mutate(house, caller, f"setLookVisibility(input: $input) {look}", id=look_id, visibility="PRIVATE")
    deleted = await mutate(house, caller, f"deleteLook(input: $input) {{ deletedLookId {ERRORS} }}", id=look_id)
    gone = await mutate(house, caller, f"deleteLook(input: $input) {{ deletedLookId {ERRORS} }}", id=look_id)

    assert (renamed["look"]["title"], renamed["look"]["notes"]) == ("New", "Linen and wool in warm greys")
    assert (emptied["look"]["title"], emptied["look"]["notes"]) == ("New", None)
    assert shared["look"]["sharedWith"] == [{"id": str(friend.user_id)}]
    assert seen["data"]["looks"]["nodes"] == [{"id": look_id}]
    assert (closed["look"]["visibility"], closed["look"]["sharedWith"]) == ("PRIVATE", [])
    assert deleted["deletedLookId"] == look_id
    assert codes(gone) == ["LOOK_NOT_FOUND"]


async def test_admins_grant_tokens(house: House) -> None:
    admin, user = await house.user(role=Role.ADMIN), await house.user()
    grant = f"grantTokens(input: $input) {{ balance {ERRORS} }}"

    granted = await mutate(house, admin, grant, userId=str(user.user_id), tokens=25)
    none = await mutate(house, admin, grant, userId=str(user.user_id), tokens=0)
    nobody = await mutate(house, admin, grant, userId="nobody", tokens=5)

    assert (granted["balance"], await house.tokens(user)) == (125, 125)
    assert (codes(none), codes(nobody)) == (["INVALID_INPUT"], ["USER_NOT_FOUND"])


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
