"""An id names one object: what client caches need to hold each record once (decision 29)."""

from typing import Any

from graphql import GraphQLObjectType

from schema.schema import schema
from tests.house import House
from tests.schema.test_queries import statements

LISTS_OF_VALUES = {
    "AdminPause",
    "AdminProviderQueue",
    "AdminSpendingDay",
    "AdminVideoJobResult",
    "GenerationCost",
    "GenerationCostSum",
    "OperationCost",
    "PolicyTier",
    "TokenCount",
    "VideoJobFailureCount",
    "VideoJobStatusCount",
    "VideoModelResolution",
    "VideoPrice",
}
LOOKS = """{ viewer { __typename id tokens { __typename id transactions { nodes { __typename id } } } }
  videoJobs { nodes { __typename id logs { __typename id } associatedLooks { __typename id } } }
  looks { nodes { __typename id products { __typename id } sharedWith { __typename id userId }
    videos { __typename id videoJobId isDefault videoJob { __typename id status logs { __typename id } } } } } }"""


def objects(value: Any) -> list[dict[str, Any]]:
    """Return every object with an id in an answer."""
    if isinstance(value, list):
        return [found for item in value for found in objects(item)]
    if not isinstance(value, dict):
        return []
    return ([value] if "id" in value else []) + objects(list(value.values()))


def test_every_item_of_a_list_has_an_id_or_is_a_value() -> None:
    types = schema._schema.type_map.values()  # noqa: SLF001 - Strawberry offers no other way to the types
    without = {
        type_.name
        for type_ in types
        if isinstance(type_, GraphQLObjectType)
        and not type_.name.startswith("__")
        and not type_.name.endswith(("Payload", "Connection", "Edge"))
        and not {i.name for i in type_.interfaces} & {"UserError"}
        and "id" not in type_.fields
    }

    assert without == LISTS_OF_VALUES | {
        "Query",
        "Mutation",
        "Subscription",
        "PageInfo",
        "Policy",
        "VideoJobDeletion",
        "VideoJobQuote",
        "AdminQueue",
        "AdminSpending",
        "VideoJobDurations",
    }


async def test_no_two_objects_share_an_id(house: House) -> None:
    caller, friend = await house.user(tokens=1000), await house.user()
    looks = [str((await house.look(caller)).id) for _ in range(2)]
    jobs = [await house.create(caller, lookId=looks[0]) for _ in range(2)]
    changes = [f'linkVideoToLook(input: {{videoJobId: "{jobs[0]}", lookId: "{looks[1]}"}})']
    changes.append(f'setDefaultVideo(input: {{videoJobId: "{jobs[0]}", lookId: "{looks[1]}"}})')
    them = f'sharedWithUserIds: ["{friend.user_id}", "{caller.user_id}"]'
    changes += [f'setLookVisibility(input: {{id: "{look}", visibility: SHARED, {them}}})' for look in looks]
    for change in changes:
        assert (await house.graphql(caller, f"mutation {{ {change} {{ errors {{ code }} }} }}"))["data"]

    body = await house.graphql(caller, LOOKS)

    found = objects(body["data"])
    names = {(one["__typename"], one["id"]) for one in found}
    assert len({id_ for _, id_ in names}) == len(names)
    assert {kind for kind, _ in names} == {
        "Viewer",
        "TokenAccount",
        "TokenTransaction",
        "VideoJob",
        "VideoJobLog",
        "Look",
        "Product",
        "SharedWith",
        "LookVideo",
    }
    videos = [one for one in found if one["__typename"] == "LookVideo"]
    assert [(video["videoJobId"], video["isDefault"]) for video in videos] == [
        (jobs[0], True),
        (jobs[1], False),
        (jobs[0], False),
    ]
    assert [video["videoJob"]["id"] for video in videos] == [video["videoJobId"] for video in videos]
    shared_with = sorted(one["userId"] for one in found if one["__typename"] == "SharedWith")
    assert shared_with == sorted([str(friend.user_id), str(caller.user_id)] * 2)


async def test_the_jobs_of_all_videos_of_a_page_are_one_statement_and_their_counts_another(house: House) -> None:
    caller = await house.user(tokens=1000)
    for _ in range(3):
        await house.create(caller, lookId=str((await house.look(caller)).id))

    with statements() as sent:
        body = await house.graphql(caller, "{ looks { nodes { videoCount videos { videoJob { status } } } } }")

    look = {"videoCount": 1, "videos": [{"videoJob": {"status": "PENDING"}}]}
    assert body["data"]["looks"]["nodes"] == [look] * 3
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 4
