"""Whoever holds a key may sign whatever they like: it is a caller or a 401, never a fault of ours."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from app.http.body_limit import LONGEST_HEADER
from auth.caller import Caller
from auth.errors import InvalidCredentials
from auth.policy import TokenPolicy
from auth.tokens import Authenticator
from db.tables import User
from tests.house import House
from tests.schema.test_streams import JOB, Socket

KEY = "a key that only this test knows, long enough"
SOON = int(time.time()) + 3600
HEADER = '{"alg":"HS256","typ":"JWT"}'
GOOD: dict[str, Any] = {"sub": "11111111-1111-4111-8111-111111111111", "exp": SOON}
DEEP = "[" * 5_000 + "]" * 5_000
# Texts as they stand in the token, since no encoder would write some of them.
REFUSED = {
    "no object": (HEADER, "[]"),
    "a number": (HEADER, "7"),
    "nothing": (HEADER, ""),
    "not JSON": (HEADER, "{"),
    "not UTF-8": (HEADER, "\udcff"),
    "nested": (HEADER, f'{{"sub":"x","exp":{SOON},"x":{DEEP}}}'),
    "nested header": (f'{{"alg":"HS256","x":{DEEP}}}', json.dumps(GOOD)),
    "header is a list": ('["HS256"]', json.dumps(GOOD)),
    "alg none": ('{"alg":"none"}', json.dumps(GOOD)),
    "alg None": ('{"alg":"None"}', json.dumps(GOOD)),
    "alg null": ('{"alg":null}', json.dumps(GOOD)),
    "alg a list": ('{"alg":["HS256"]}', json.dumps(GOOD)),
    "alg an object": ('{"alg":{"HS256":1}}', json.dumps(GOOD)),
    "no alg": ("{}", json.dumps(GOOD)),
    "kid a number": ('{"alg":"HS256","kid":7}', json.dumps(GOOD)),
    "kid null": ('{"alg":"HS256","kid":null}', json.dumps(GOOD)),
    "kid an object": ('{"alg":"HS256","kid":{}}', json.dumps(GOOD)),
    "crit unknown": ('{"alg":"HS256","crit":["exp"]}', json.dumps(GOOD)),
    "crit empty": ('{"alg":"HS256","crit":[]}', json.dumps(GOOD)),
    "crit a text": ('{"alg":"HS256","crit":"b64"}', json.dumps(GOOD)),
    "not encoded": ('{"alg":"HS256","crit":["b64"],"b64":false}', json.dumps(GOOD)),
    "exp text": (HEADER, '{"sub":"x","exp":"tomorrow"}'),
    "exp null": (HEADER, '{"sub":"x","exp":null}'),
    "exp true": (HEADER, '{"sub":"x","exp":true}'),
    "exp list": (HEADER, f'{{"sub":"x","exp":[{SOON}]}}'),
    "exp object": (HEADER, '{"sub":"x","exp":{}}'),
    "exp NaN": (HEADER, '{"sub":"x","exp":NaN}'),
    "exp infinite": (HEADER, '{"sub":"x","exp":Infinity}'),
    "exp beyond floats": (HEADER, '{"sub":"x","exp":1e999}'),
    "exp huge float": (HEADER, '{"sub":"x","exp":1e300}'),
    "exp huge": (HEADER, '{"sub":"x","exp":99999999999999999999}'),
    "exp after the last year": (HEADER, '{"sub":"x","exp":253402300800}'),
    "exp in milliseconds": (HEADER, f'{{"sub":"x","exp":{SOON}000000}}'),
    "exp too long to read": (HEADER, f'{{"sub":"x","exp":{"9" * 5_000}}}'),
    "exp negative": (HEADER, '{"sub":"x","exp":-1}'),
    "exp very negative": (HEADER, '{"sub":"x","exp":-1e300}'),
    "iat text": (HEADER, f'{{"sub":"x","exp":{SOON},"iat":"now"}}'),
    "iat infinite": (HEADER, f'{{"sub":"x","exp":{SOON},"iat":Infinity}}'),
    "nbf list": (HEADER, f'{{"sub":"x","exp":{SOON},"nbf":[]}}'),
    "nbf NaN": (HEADER, f'{{"sub":"x","exp":{SOON},"nbf":NaN}}'),
    "status unknown": (HEADER, json.dumps(GOOD | {"status": "asleep"})),
    "status object": (HEADER, json.dumps(GOOD | {"status": {"a": 1}})),
    "status list": (HEADER, json.dumps(GOOD | {"status": ["active"]})),
    "status number": (HEADER, json.dumps(GOOD | {"status": 1})),
    "sub surrogate": (HEADER, json.dumps(GOOD | {"sub": "\ud800"})),
    "sub and issuer surrogate": (HEADER, json.dumps(GOOD | {"sub": "x", "iss": "\udfff"})),
}
ACCEPTED: dict[str, dict[str, Any]] = {
    "as usual": {},
    "role list": {"role": ["admin"]},
    "role object": {"role": {"admin": True}},
    "role number": {"role": 1},
    "null for what is optional": {"role": None, "status": None, "email": None, "iss": None},
    "e-mail object": {"email": {"a": 1}},
    "e-mail number": {"email": 7},
    "e-mail with a null character": {"email": "a\0@b.example"},
    "e-mail surrogate": {"email": "\ud800@b.example"},
    "e-mail endless": {"email": "".join(f"{number:x}" for number in range(2_000)) + "@b.example"},
    "e-mail without a pattern": {"email": hashlib.shake_256(b"").hexdigest(2_500) + "@b.example"},
    "no issuer to speak of": {"iss": {"a": []}},
    "sub with a null character": {"sub": "a\0b"},
    "sub number": {"sub": 7},
    "jti number": {"jti": 7},
    "exp float": {"exp": SOON + 0.5},
    "exp digits": {"exp": str(SOON)},
    "exp in the last year": {"exp": 253_402_300_000},
    "more than anybody asked for": {"realm_access": {"roles": [None, 1, "x"]}, "name": "\0\ud800"},
}


def signed(header: str, payload: str, key: str = KEY) -> str:
    """Sign text as it stands."""
    parts = [urlsafe_b64encode(text.encode(errors="surrogateescape")).rstrip(b"=") for text in (header, payload)]
    signature = hmac.digest(key.encode(), b".".join(parts), hashlib.sha256)
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def statuses(house: House, token: str) -> tuple[int, int]:
    """Return what REST and GraphQL answer."""
    headers = {"Authorization": f"Bearer {token}"}
    rest = await house.http.get("/api/v1/subscription/info", headers=headers)
    graphql = await house.http.post("/graphql", json={"query": "{ viewer { id email } }"}, headers=headers)
    assert "errors" not in graphql.json() or graphql.status_code in {401, 431}, graphql.text
    return rest.status_code, graphql.status_code


@pytest.mark.parametrize("odd", REFUSED)
async def test_an_odd_token_is_a_401(house: House, odd: str) -> None:
    token = signed(*REFUSED[odd], key=house.settings.jwt_secret_key or "")
    users = await house.count(table=User)

    status = 431 if len(f"Bearer {token}") > LONGEST_HEADER else 401
    assert await statuses(house, token) == (status, status)
    assert await house.count(table=User) == users


@pytest.mark.parametrize("odd", ACCEPTED)
async def test_odd_claims_beside_the_needed_ones_do_no_harm(house: House, odd: str) -> None:
    token = signed(HEADER, json.dumps(GOOD | ACCEPTED[odd]), key=house.settings.jwt_secret_key or "")

    assert await statuses(house, token) == (200, 200)


async def test_a_token_for_thousands_of_years_opens_a_stream(house: House) -> None:
    owner = await house.user()
    job_id = await house.create(owner)
    claims = GOOD | {"sub": str(owner.user_id), "exp": 253_402_300_000}
    token = signed(HEADER, json.dumps(claims), key=house.settings.jwt_secret_key or "")

    async with Socket.opened(house.base_url, {"Authorization": f"Bearer {token}"}) as socket:
        await socket.subscribe(JOB, id=job_id)
        assert (await socket.data())["status"] == "PENDING"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["sub", "exp", "iat", "nbf", "email", "role", "status", "iss", "aud", "jti"])
HEADERS = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5c", "zip", "enc", "cty"])


@how(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(claims=st.dictionaries(NAMES, ANYTHING), headers=st.dictionaries(HEADERS, ANYTHING, max_size=2))
async def test_any_claims_make_a_caller_or_are_refused(claims: dict[str, Any], headers: dict[str, Any]) -> None:
    authenticator = Authenticator(TokenPolicy(algorithm="HS256", secret_key=KEY))
    token = signed(json.dumps({"alg": "HS256"} | headers), json.dumps(GOOD | claims))

    found = (await asyncio.gather(authenticator.authenticate(f"Bearer {token}"), return_exceptions=True))[0]

    assert isinstance(found, Caller | InvalidCredentials)
