"""What the tests of mutations share: documents, and a way to run one."""

import io
from base64 import b64encode
from typing import Any

from PIL import Image

from auth.caller import Caller
from tests.house import House

ERRORS = "errors { __typename ... on UserError { code message field } }"
CANCEL = f"cancelVideoJob(input: $input) {{ videoJob {{ id status refund {{ amount }} }} {ERRORS} }}"
DELETE = f"deleteVideoJob(input: $input) {{ deletedVideoJobId {ERRORS} }}"
RETRY = f"retryVideoJob(input: $input) {{ videoJob {{ id status prompt associatedLooks {{ id }} }} replayed {ERRORS} }}"
LOOK = """look { id title notes visibility sharedWith { userId } products { name thumbnailUrl } generatedImageUrl
  videos { videoJobId isDefault } }"""
INPUTS = {
    "cancelVideoJob": "VideoJobIdInput!",
    "deleteVideoJob": "VideoJobIdInput!",
    "retryVideoJob": "RetryVideoJobInput!",
    "createLook": "CreateLookInput!",
    "updateLook": "UpdateLookInput!",
    "setLookVisibility": "SetLookVisibilityInput!",
    "deleteLook": "LookIdInput!",
    "grantTokens": "GrantTokensInput!",
    "adjustTokens": "AdjustTokensInput!",
    "setTier": "SetTierInput!",
    "resetPeriod": "AccountInput!",
    "consumeTokens": "ConsumeTokensInput!",
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
