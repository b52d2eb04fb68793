"""Errors are read without knowing of which types they can be, as clients without a list of possible types do."""

import pytest

from db.tables import VideoJob
from tests.house import House

CREATE = (
    """mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) { videoJob { id } errors { %s } } }"""
)
QUOTE = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) { errors { %s } } }"""
ASKED = {"prompt": "P", "model": "veo-3.1-generate-preview", "resolution": "720p", "aspectRatio": "16:9"}
MESSAGE = "Insufficient tokens. Operation 'video_generation' costs 50 tokens but you have 20."


@pytest.mark.parametrize("document", [CREATE, QUOTE])
async def test_the_common_fields_are_the_interfaces(house: House, document: str) -> None:
    caller = await house.user(tokens=20)

    body = await house.graphql(
        caller,
        document % "code message field ... on InsufficientTokens { cost availableTokens }",
        input=ASKED | {"mockMode": True},
    )

    [payload] = body["data"].values()
    assert payload["errors"] == [
        {"code": "INSUFFICIENT_TOKENS", "message": MESSAGE, "field": None, "cost": 50, "availableTokens": 20}
    ]
    assert await house.tokens(caller) == 20
    assert await house.charges(caller) == await house.count(VideoJob.user_id == caller.user_id) == 0


@pytest.mark.parametrize("document", [CREATE, QUOTE])
async def test_documents_written_for_unions_mean_what_they_did(house: House, document: str) -> None:
    caller = await house.user(tokens=20)

    body = await house.graphql(
        caller,
        document
        % "__typename ... on UserError { code } ... on InsufficientTokens { cost } ... on InvalidInput { field }",
        input=ASKED | {"mockMode": True},
    )

    [payload] = body["data"].values()
    assert payload["errors"] == [{"__typename": "InsufficientTokens", "code": "INSUFFICIENT_TOKENS", "cost": 50}]
