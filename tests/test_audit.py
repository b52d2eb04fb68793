"""What admins and operators do is on record."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from auth.caller import AccountStatus, Caller, Role
from db.enums import PauseScope
from resolvers import accounts, pauses
from resolvers.audit import OPERATOR
from resolvers.policy import BUILT_IN
from resolvers.tokens import Order, grant_as_operator
from tests.admin_jobs import STORE, change, recorded
from tests.house import House

ENTRY = "action actor actorId actorEmail user { userId email } objectId reason details"
AUDIT = f"query ($user: ID) {{ adminAuditLog(userId: $user) {{ totalCount nodes {{ {ENTRY} }} }} }}"


async def over_graphql(house: House, admin: Caller, mutation: str) -> None:
    body = await house.graphql(admin, f"mutation {{ {mutation} {{ errors {{ code message }} }} }}")
    assert "errors" not in body, body
    assert [payload["errors"] for payload in body["data"].values()] == [[]], body


async def over_rest(house: House, admin: Caller, method: str, path: str, **body: Any) -> None:
    answer = await house.http.request(method, path, headers=house.headers(admin), json=body or None)
    assert answer.status_code < 300, answer.text


ACTS = {
    "GRANT_TOKENS": ('grantTokens(input: {userId: "$user", tokens: 7, reason: "Sorry"})', "Sorry", "+7 tokens"),
    "ADJUST_TOKENS": ('adjustTokens(input: {userId: "$user", tokens: -7, reason: "Typo"})', "Typo", "-7 tokens"),
    "SET_TIER": ('setTier(input: {userId: "$user", tier: "pro", reason: "Paid"})', "Paid", "Tier pro"),
    "RESET_PERIOD": ('resetPeriod(input: {userId: "$user", reason: "Asked"})', "Asked", "Tier pro"),
    "SET_STATUS": (
        'setAccountStatus(input: {userId: "$user", status: SUSPENDED, reason: "Spam"})',
        "Spam",
        "suspended",
    ),
    "CANCEL_VIDEO_JOB": ('cancelVideoJob(input: {id: "$job"})', None, None),
    "DELETE_VIDEO_JOB": ('deleteVideoJob(input: {id: "$ended"})', None, None),
    "CHANGE_LOOK": ('updateLook(input: {id: "$look", title: "Better"})', None, "title"),
    "SET_LOOK_VISIBILITY": ('setLookVisibility(input: {id: "$look", visibility: PUBLIC})', None, "public"),
    "CHANGE_LOOK_VIDEOS": (
        'setDefaultVideo(input: {videoJobId: "$job", lookId: "$look"})',
        None,
        "default set: video job $job",
    ),
    "DELETE_LOOK": ('deleteLook(input: {id: "$look"})', None, None),
}
OVER_REST: dict[str, tuple[str, str, dict[str, Any]]] = {
    "SET_TIER": ("PUT", "/api/v1/admin/users/$user/subscription/tier", {"tier": "pro"}),
    "ADJUST_TOKENS": ("POST", "/api/v1/admin/users/$user/subscription/topup", {"amount": -7}),
    "RESET_PERIOD": ("POST", "/api/v1/admin/users/$user/subscription/reset-period", {}),
    "CANCEL_VIDEO_JOB": ("POST", "/api/v1/video-jobs/$job/cancel", {}),
    "DELETE_VIDEO_JOB": ("DELETE", "/api/v1/video-jobs/$ended", {}),
    "CHANGE_LOOK": ("PATCH", "/api/v1/looks/$look", {"title": "Better"}),
    "SET_LOOK_VISIBILITY": ("PATCH", "/api/v1/looks/$look/visibility", {"visibility": "public"}),
    "CHANGE_LOOK_VIDEOS": ("PATCH", "/api/v1/video-jobs/$job/set-default-for-look/$look", {}),
    "DELETE_LOOK": ("DELETE", "/api/v1/looks/$look", {}),
}


async def scene(house: House) -> tuple[Caller, Caller, Callable[[str], str]]:
    """Return an admin, a user with a look, a job in it and one that has ended, and what puts their ids into a text."""
    admin, owner = await house.user(role=Role.ADMIN), await house.user(tokens=1000)
    look = str((await house.look(owner)).id)
    job, ended = [await house.create(owner, lookId=look) for _ in range(2)]
    await change(house, STORE, ended, seconds=1)
    ids = {"$user": str(owner.user_id), "$look": look, "$job": job, "$ended": ended}

    def filled(value: str) -> str:
        for name, id_ in ids.items():
            value = value.replace(name, id_)
        return value

    return admin, owner, filled


async def test_each_act_of_an_admin_is_on_record_once(house: House) -> None:
    admin, owner, filled = await scene(house)
    for number, (action, (mutation, reason, details)) in enumerate(ACTS.items()):
        await over_graphql(house, admin, filled(mutation))
        *before, entry = await recorded(house)
        assert len(before) == number, action
        by = (entry.action, entry.actor, entry.actor_id, entry.actor_email)
        assert by == (action, "ADMIN", admin.user_id, admin.email)
        assert (entry.user_id, entry.reason, entry.details) == (owner.user_id, reason, details and filled(details))

    shown = (await house.graphql(admin, AUDIT, user=str(owner.user_id)))["data"]["adminAuditLog"]
    assert shown["totalCount"] == len(ACTS)
    assert [(node["action"], node["reason"]) for node in shown["nodes"]] == [
        (action, reason) for action, (_, reason, _) in reversed(ACTS.items())
    ]
    assert [node["actorEmail"] for node in shown["nodes"]] == [admin.email] * len(ACTS)
    user = {"userId": str(owner.user_id), "email": owner.email}
    assert [node["user"] for node in shown["nodes"]] == [user] * len(ACTS)


async def test_the_same_acts_over_rest_are_on_record(house: House) -> None:
    admin, owner, filled = await scene(house)
    for method, path, body in OVER_REST.values():
        await over_rest(house, admin, method, filled(path), **body)

    entries = [(entry.action, entry.actor_id, entry.user_id) for entry in await recorded(house)]
    assert entries == [(action, admin.user_id, owner.user_id) for action in OVER_REST]


async def test_what_owners_do_to_their_own_is_not_on_record(house: House) -> None:
    _, owner, filled = await scene(house)
    for action in ACTS:
        if "LOOK" in action or "JOB" in action:
            await over_graphql(house, owner, filled(ACTS[action][0]))

    assert await recorded(house) == []


async def test_what_is_refused_or_repeated_is_not_on_record(house: House) -> None:
    admin, owner, filled = await scene(house)
    again = filled('grantTokens(input: {userId: "$user", tokens: 7, idempotencyKey: "k"})')
    await over_graphql(house, admin, again)
    await over_graphql(house, admin, again)
    long = "r" * 501
    for refused in (
        'adjustTokens(input: {userId: "$user", tokens: -100000})',
        'setTier(input: {userId: "$user", tier: "none"})',
        f'setTier(input: {{userId: "$user", tier: "pro", reason: "{long}"}})',
        f'setAccountStatus(input: {{userId: "$user", status: SUSPENDED, reason: "{long}"}})',
        'cancelVideoJob(input: {id: "$ended"})',
    ):
        body = await house.graphql(admin, f"mutation {{ {filled(refused)} {{ errors {{ code }} }} }}")
        assert [len(payload["errors"]) for payload in body["data"].values()] == [1], refused

    assert [entry.action for entry in await recorded(house)] == ["GRANT_TOKENS"]
    assert (await house.graphql(owner, "{ viewer { tokens { tier } } }"))["data"]["viewer"]["tokens"]["tier"] == "free"


@pytest.mark.parametrize(
    ("act", "action", "details"),
    [
        (lambda writer, user: grant_as_operator(writer, user, Order(5), BUILT_IN), "GRANT_TOKENS", "+5 tokens"),
        (
            lambda writer, user: accounts.set_as_operator(writer, user, AccountStatus.SUSPENDED),
            "SET_STATUS",
            "suspended",
        ),
        (lambda writer, user: accounts.set_as_operator(writer, user, Role.ADMIN), "SET_ROLE", "admin"),
        (lambda writer, _user: pauses.begin(writer, OPERATOR, PauseScope.REAL, "Maint."), "PAUSE_CREATIONS", "REAL"),
    ],
)
async def test_what_operators_do_is_on_record_and_goes_with_its_transaction(
    house: House, act: Callable[..., Awaitable[Any]], action: str, details: str
) -> None:
    user = await house.user()

    async def interrupted() -> None:
        async with house.database.transaction() as transaction:
            await act(transaction, user)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await interrupted()
    assert await recorded(house) == []

    async with house.database.transaction() as transaction:
        await act(transaction, user)

    [entry] = await recorded(house)
    assert (entry.action, entry.actor, entry.actor_id, entry.details) == (action, "OPERATOR", None, details)
    assert entry.user_id == (None if action == "PAUSE_CREATIONS" else user.user_id)
    async with house.database.transaction() as transaction:
        await pauses.end(transaction, OPERATOR)


async def test_the_audit_log_is_narrowed(house: House) -> None:
    admin, other, user = await house.user(role=Role.ADMIN), await house.user(role=Role.ADMIN), await house.user()
    for actor, tokens in ((admin, 1), (other, 2), (admin, -1)):
        kind = "grantTokens" if tokens > 0 else "adjustTokens"
        await over_graphql(house, actor, f'{kind}(input: {{userId: "{user.user_id}", tokens: {tokens}}})')

    for arguments, expected in {
        "first: 2": ["-1 tokens", "+2 tokens"],
        f'actorId: "{admin.user_id}"': ["-1 tokens", "+1 tokens"],
        f'userId: "{admin.user_id}"': [],
        "action: [ADJUST_TOKENS, SET_TIER]": ["-1 tokens"],
        'createdBefore: "2020-01-01T00:00:00Z"': [],
        f'userId: "{user.user_id}", action: GRANT_TOKENS': ["+2 tokens", "+1 tokens"],
        'objectId: "rubbish"': [],
    }.items():
        body = await house.graphql(admin, f"{{ adminAuditLog({arguments}) {{ nodes {{ details }} }} }}")
        assert [node["details"] for node in body["data"]["adminAuditLog"]["nodes"]] == expected, arguments
