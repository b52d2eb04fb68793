"""While the identity provider cannot be reached, every wire says so, and no token is called a bad one."""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
import websockets

from app.settings import Settings
from auth import key_set
from db.tables import User
from tests.doubles.identity_provider import IdentityProvider, identity_provider
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.schema.test_streams import JOB, Socket
from tests.servers import serving

SENTENCE = "Credentials cannot be checked at the moment. Please try again."
CODE = "IDENTITY_PROVIDER_UNAVAILABLE"
EVENTS = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Served:
    """An API whose callers come from a provider."""

    house: House
    provider: IdentityProvider


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    monkeypatch.setattr(key_set, "IDENTITY_PROVIDER_RETRY_SECONDS", 0.5)
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def _away(provider: IdentityProvider) -> None:
    """The provider is not there when the server starts, either."""
    provider.trouble = "500"


@pytest.fixture
async def served(house: House, provider: IdentityProvider) -> AsyncIterator[Served]:
    changes = {"jwt_algorithm": "ES256", "jwt_jwks_url": provider.url, "jwt_secret_key": None}
    settings: Settings = house.settings.model_copy(update=changes)
    database: InspectedDatabase = house.database
    async with serving(settings, database) as url, House.opened(settings, database, url) as elsewhere:
        yield Served(elsewhere, provider)


async def answers(served: Served, authorization: str) -> list[httpx.Response]:
    """Ask by every way into the API over HTTP."""
    http, job, headers = served.house.http, f"/api/v1/video-jobs/{uuid4()}", {"Authorization": authorization}
    follow = {"query": JOB, "variables": {"id": str(uuid4())}}
    return [
        await http.get("/api/v1/subscription/info", headers=headers),
        await http.get(job, headers=headers | {"If-None-Match": '"1"'}),
        await http.get(f"{job}/events", headers=headers | EVENTS),
        await http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=headers),
        await http.post("/graphql", json=follow, headers=headers | EVENTS),
    ]


@pytest.mark.usefixtures("_away")
async def test_every_wire_says_that_the_provider_is_away_and_goes_on_when_it_is_back(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    authorization, users = served.provider.authorization(), await served.house.count(table=User)

    refused = await answers(served, authorization)

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused] == [(503, "5")] * 5
    assert [(answer.json()["code"], answer.json()["detail"]) for answer in refused[:3]] == [(CODE, SENTENCE)] * 3
    told = [answer.json()["errors"] for answer in refused[3:]]
    assert told == [[{"message": SENTENCE, "extensions": {"code": CODE}}]] * 2
    assert await served.house.count(table=User) == users
    assert {(record.name, record.levelno) for record in caplog.records} == {("lookreel.auth", logging.WARNING)}
    assert len(caplog.records) <= served.provider.asked < len(refused)

    served.provider.trouble = ""
    await eventually(lambda: statuses(served, authorization), lambda found: found == [200, 404, 404, 200, 200])


async def statuses(served: Served, authorization: str) -> list[int]:
    return [answer.status_code for answer in await answers(served, authorization)]


@pytest.mark.usefixtures("_away")
async def test_a_socket_is_closed_for_now(served: Served) -> None:
    headers = {"Authorization": served.provider.authorization()}

    with pytest.raises(websockets.ConnectionClosedError) as closed:
        async with Socket.opened(served.house.base_url, headers):
            pass

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, CODE)


async def test_who_has_been_seen_goes_on_while_the_provider_is_away(served: Served) -> None:
    headers = {"Authorization": served.provider.authorization()}
    await answers(served, served.provider.authorization(jti="first"))
    served.provider.trouble = "drop"

    assert await statuses(served, headers["Authorization"]) == [200, 404, 404, 200, 200]
    async with Socket.opened(served.house.base_url, headers):
        pass  # it has been acknowledged


async def test_nobody_who_comes_first_waits_for_a_provider_that_has_gone_meanwhile(served: Served) -> None:
    async def asked() -> int:
        return served.provider.asked

    await eventually(asked, bool)
    served.provider.trouble = "drop"
    authorization = served.provider.authorization()

    assert await statuses(served, authorization) == [200, 404, 404, 200, 200]
