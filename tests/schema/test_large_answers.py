"""What an answer may hold is counted while it is made: a cheap document can name the same long lists many times."""

import time
from collections.abc import AsyncIterator

import psutil
import pytest
from sqlalchemy import text

from app.settings import Settings
from auth.caller import Caller
from tests.app.processes import api_process
from tests.app.test_websocket_bounds import grown
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving

MEGABYTE = 1024 * 1024
FIELDS = "id name sku designer price productUrl thumbnailUrl"
LOOKS = f"associatedLooks {{ id title notes products {{ {FIELDS} }} }}"
FILL = """
INSERT INTO looks (id, user_id, title, notes, generated_image_url)
    SELECT gen_random_uuid(), :user, 'title', repeat('n', 100), 'x' FROM generate_series(1, :looks);
INSERT INTO products (id, look_id, position, name, sku, designer, product_url)
    SELECT gen_random_uuid(), looks.id, n, repeat('name', 10), 'sku', 'designer', repeat('u', 100)
    FROM looks, generate_series(1, :products) n WHERE user_id = :user;
INSERT INTO look_videos (look_id, video_job_id) SELECT id, :job FROM looks WHERE user_id = :user;
"""
Server = tuple[House, psutil.Process]


@pytest.fixture
async def server(
    settings: Settings, database: InspectedDatabase, house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    async with api_process(settings, database, tmp_path_factory.mktemp("data")) as running:
        yield running
    assert house.settings is settings


async def filled(house: House, looks: int, products: int) -> Caller:
    """Return a user with one job that is in so many looks of so many products."""
    caller = await house.user()
    job = await house.create(caller)
    async with house.database.session() as session:
        for statement in FILL.split(";")[:-1]:
            names = {"user": caller.user_id, "looks": looks, "products": products, "job": job}
            used = {name: value for name, value in names.items() if f":{name}" in statement}
            await session.execute(text(statement), used)
    return caller


def repeated(times: int, operation: str = "", field: str = "videoJobs(first: 1) { nodes { %s } }") -> str:
    return operation + "{" + " ".join(f"a{number}: {field % LOOKS}" for number in range(times)) + "}"


async def test_long_lists_under_many_names_are_refused_and_keep_nobody_waiting(server: Server) -> None:
    house, process = server
    caller = await filled(house, 60, 100)
    assert "errors" not in await house.graphql(caller, repeated(1))
    quiet = await _slowest(house, 40)
    waits: list[float] = []

    async def ask() -> None:
        body = await house.graphql(caller, repeated(20))
        assert [error["extensions"]["code"] for error in body["errors"]] == ["ANSWER_TOO_LARGE"]
        assert not body.get("data")
        waits.append(await _slowest(house, 1))

    growth = await grown(process, ask)

    assert growth < 100 * MEGABYTE
    assert waits[0] < 20 * quiet


async def _slowest(house: House, count: int) -> float:
    slowest = 0.0
    for _ in range(count):
        begun = time.perf_counter()
        await house.graphql(None, "{ __typename }")
        slowest = max(slowest, time.perf_counter() - begun)
    return slowest


@pytest.mark.parametrize("fast", [True, False])
async def test_by_either_executor_the_answer_is_refused(house: House, settings: Settings, *, fast: bool) -> None:
    caller = await filled(house, 20, 100)
    other = settings.model_copy(update={"graphql_fast_execution": fast, "graphql_most_values": 20_000})
    async with serving(other, house.database) as url, House.opened(other, house.database, url) as own:
        few, many = await own.graphql(caller, repeated(1)), await own.graphql(caller, repeated(2))

    assert len(few["data"]["a0"]["nodes"][0]["associatedLooks"]) == 20
    assert [error["extensions"]["code"] for error in many["errors"]] == ["ANSWER_TOO_LARGE"]
    assert many.get("data") is None


async def test_more_objects_in_a_page_than_may_be_are_refused_on_both_wires(house: House) -> None:
    caller = await filled(house, 21, 1000)

    body = await house.graphql(caller, "{ looks(first: 50) { nodes { products { id } } } }")
    answer = await house.http.get("/api/v1/looks", params={"limit": 50}, headers=house.headers(caller))
    fewer = await house.http.get("/api/v1/looks", params={"limit": 20}, headers=house.headers(caller))

    assert {error["extensions"]["code"] for error in body["errors"]} == {"ANSWER_TOO_LARGE"}
    assert (answer.status_code, answer.json()["code"]) == (400, "ANSWER_TOO_LARGE")
    assert [len(look["products"]) for look in fewer.json()["looks"]] == [1000] * 20
