"""An API process's memory stays as it is, however many images are uploaded, accepted or refused."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from io import BytesIO
from os import urandom
from typing import Any

import PIL.Image
import pytest

from auth.caller import Caller
from tests.app.processes import Server
from tests.house import FORM, House, multipart
from tests.schema.mutate import ERRORS, data_uri

WARM_UP, UPLOADS = 10, 100
FLAT = 1.2
JOB = FORM | {"mockMode": True}
PRODUCTS = [{"name": "Coat", "thumbnailBase64": data_uri()}]
CREATE_LOOK = f"mutation ($input: CreateLookInput!) {{ it: createLook(input: $input) {{ look {{ id }} {ERRORS} }} }}"
CREATE_JOB = f"""mutation ($input: CreateVideoJobInput!) {{
  it: createVideoJob(input: $input) {{ job: videoJob {{ id }} {ERRORS} }} }}"""


def picture() -> bytes:
    """A PNG of 500 kB, which cannot be compressed: to keep a hundred would be noticed."""
    file = BytesIO()
    PIL.Image.frombytes("RGB", (400, 400), urandom(480_000)).save(file, "PNG", compress_level=0)
    return file.getvalue()


PICTURE = picture()
FILE = ("look.png", PICTURE, "image/png")
LOOK: dict[str, Any] = {"generatedImageBase64": b64encode(PICTURE).decode(), "products": PRODUCTS}

Upload = Callable[[House, Caller], Awaitable[bool]]


async def look_as_json(house: House, caller: Caller) -> bool:
    body = await house.graphql(caller, CREATE_LOOK, input=LOOK)
    return bool(body["data"]["it"]["errors"] == [])


async def refused_look(house: House, caller: Caller) -> bool:
    body = await house.graphql(caller, CREATE_LOOK, input=LOOK | {"products": []})
    return [error["code"] for error in body["data"]["it"]["errors"]] == ["INVALID_INPUT"]


async def look_with_a_wrong_variable(house: House, caller: Caller) -> bool:
    body = await house.graphql(caller, CREATE_LOOK, input=LOOK | {"visibility": 5})
    return bool(body["errors"][0]["extensions"]["code"] == "INVALID_VARIABLES")


async def form(house: House, caller: Caller, query: str, path: str, **input_: Any) -> dict[str, Any]:
    operations = json.dumps({"query": query, "variables": {"input": input_}})
    data = {"operations": operations, "map": json.dumps({"0": [f"variables.input.{path}"]})}
    answer = await house.http.post("/graphql", data=data, files={"0": FILE}, headers=house.headers(caller))
    it: dict[str, Any] = answer.json()["data"]["it"]
    return it


async def look_as_form(house: House, caller: Caller) -> bool:
    it = await form(house, caller, CREATE_LOOK, "generatedImage", products=PRODUCTS)
    return bool(it["errors"] == [])


async def cancelled(house: House, caller: Caller, job_id: str) -> bool:
    answer = await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    return answer.is_success


async def job_as_form(house: House, caller: Caller) -> bool:
    it = await form(house, caller, CREATE_JOB, "initialImage", **JOB)
    return it["errors"] == [] and await cancelled(house, caller, it["job"]["id"])


async def look_over_rest(house: House, caller: Caller) -> bool:
    answer = await house.http.post("/api/v1/looks", json=LOOK, headers=house.headers(caller))
    return answer.status_code == 201


async def broken_look_over_rest(house: House, caller: Caller) -> bool:
    headers = house.headers(caller) | {"Content-Type": "application/json"}
    answer = await house.http.post("/api/v1/looks", content=json.dumps(LOOK)[:-1], headers=headers)
    return answer.status_code == 422


async def job_over_rest(house: House, caller: Caller) -> bool:
    files: list[Any] = [*multipart(FORM), ("initialImage", FILE)]
    answer = await house.http.post("/api/v1/video-jobs", files=files, headers=house.headers(caller))
    return answer.status_code == 202 and await cancelled(house, caller, answer.json()["id"])


@pytest.mark.parametrize(
    "upload",
    [
        look_as_json,
        refused_look,
        look_with_a_wrong_variable,
        look_as_form,
        job_as_form,
        look_over_rest,
        broken_look_over_rest,
        job_over_rest,
    ],
)
async def test_memory_is_flat_over_many_uploads(server: Server, record_property: Any, upload: Upload) -> None:
    house, process = server
    caller = await house.user(tokens=50 * (WARM_UP + UPLOADS))

    async def uploaded(count: int) -> int:
        """Upload so often; return the process's memory in bytes."""
        for _ in range(count):
            assert await upload(house, caller)
        return int(process.memory_info().rss)

    before, after = await uploaded(WARM_UP), await uploaded(UPLOADS)

    record_property("megabytes", (before // 2**20, after // 2**20))
    assert after <= FLAT * before
