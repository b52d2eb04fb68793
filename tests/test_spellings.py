"""What is spelled otherwise is the same, and what is no spelling of ours is refused: on both wires, by whoever asks."""

from uuid import UUID

import pytest

from auth.caller import Caller, Role
from auth.tokens import user_id_of
from db import accounts
from resolvers.authentication import AccountStates
from resolvers.streams import Streams
from resolvers.texts import uuid_of
from resolvers.video_job_input import VideoJobInput
from tests.house import FORM, House, multipart

ONES = UUID("11111111-1111-1111-1111-111111111111")
SPELLINGS = [str(ONES), str(ONES).upper(), ONES.hex, f"{{{ONES}}}", f"urn:uuid:{ONES}"]
NAMES = ["+1111111111111111111111111111111", "1_111111111111111111111111111111", "0x111111111111111111111111111111"]
NAMES += [" 1111111111111111111111111111111", "\u0661" * 32]


def test_each_name_of_an_identity_provider_is_another_user() -> None:
    assert {user_id_of(subject, "https://idp") for subject in SPELLINGS} == {ONES}
    assert len({user_id_of(subject, "https://idp") for subject in [*NAMES, str(ONES)]}) == len(NAMES) + 1
    assert {user_id_of(subject, "https://idp").version for subject in NAMES} == {5}


@pytest.mark.parametrize("text", NAMES)
def test_what_only_a_program_would_take_for_an_id_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        uuid_of(text)
    assert {uuid_of(spelling) for spelling in SPELLINGS} == {ONES}


async def test_a_creation_is_repeated_however_its_look_is_spelled(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = (await house.look(caller)).id
    headers = house.headers(caller) | {"Idempotency-Key": "once"}

    answers = [
        await house.http.post("/api/v1/video-jobs", files=multipart(FORM | {"lookId": spelled}), headers=headers)
        for spelled in (str(look), str(look).upper(), f"{{{look}}}", look.hex)
    ]

    assert [answer.status_code for answer in answers] == [202] * 4
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true", "true"]
    assert await house.tokens(caller) == 950


def test_a_product_is_one_however_often_it_is_spelled() -> None:
    asked = VideoJobInput(
        model="veo", resolution="720p", aspect_ratio="16:9", mock_mode=True, product_ids=tuple(SPELLINGS)
    )

    assert asked.normalised().product_ids == (str(ONES),)


async def test_a_quote_says_each_mistake_once(house: House) -> None:
    query = "query($input: CreateVideoJobInput!) { videoJobQuote(input: $input) { errors { code message field } } }"
    asked = {"model": "veo-3.1-generate-preview", "resolution": "4k", "aspectRatio": "16:9", "mockMode": True}
    looks = [{"useLookImage": "initial"}, {"useLookImage": "initial", "lookId": str(ONES)}]

    for given in looks:
        body = await house.graphql(await house.user(), query, input=asked | given)
        errors = [tuple(error.values()) for error in body["data"]["videoJobQuote"]["errors"]]
        assert len(errors) == len(set(errors)) >= 1


@pytest.mark.parametrize("charset", ["charset*=utf-8''x", "charset*=x", "charset=utf-16", "charset=bogus"])
async def test_another_encoding_is_refused_on_both_wires(house: House, charset: str) -> None:
    caller = await house.user()
    look, headers = (await house.look(caller)).id, house.headers(caller)
    graphql = await house.http.post(
        "/graphql", content=b'{"query":"{__typename}"}', headers={"Content-Type": f"application/json; {charset}"}
    )
    rest = await house.http.patch(
        f"/api/v1/looks/{look}",
        content=b'{"title":"x"}',
        headers=headers | {"Content-Type": f"application/json; {charset.replace('*', '')}"},
    )

    assert (graphql.status_code, rest.status_code) == (415, 415)


@pytest.mark.parametrize("host", ["[::::]", "[1.2.3.4]", "[1.2.3.4]:80", "[:]"])
async def test_a_host_in_brackets_is_an_address(house: House, host: str) -> None:
    for path in ("/studio/demo", "/graphql"):
        answer = await house.http.post(path, headers={"Host": host, "Origin": f"http://{host}"})
        assert (answer.status_code, "INVALID_HOST" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["/health", "/healthz", "/livez", "/readyz", "/openapi.json"])
async def test_a_slash_at_the_end_makes_no_difference(house: House, path: str) -> None:
    without, within = await house.http.get(path), await house.http.get(f"{path}/")

    assert without.status_code == within.status_code == 200


async def test_an_admin_by_our_row_alone_is_none_once_it_says_so_no_more(house: House) -> None:
    states, caller = AccountStates(house.database.reader, Streams(1)), await house.user()

    async def seen(who: Caller, role: Role) -> Caller:
        async with house.database.transaction() as transaction:
            await accounts.set_role(transaction, who.user_id, role)
        await states.read()
        return await states.checked(who)

    admin = await seen(caller, Role.ADMIN)
    again = await states.checked(admin)
    user = await seen(again, Role.USER)
    by_token = await seen(Caller(caller.user_id, caller.email, Role.ADMIN), Role.USER)

    assert [who.role for who in (admin, again, user, by_token)] == ["admin", "admin", "user", "admin"]
