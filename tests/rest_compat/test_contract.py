"""What the REST contract says of every call: who is let in, slashes, refusals in JSON."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.asgi import rest_api
from auth.caller import AccountStatus, Caller, Role
from tests.house import House

NOBODYS = "00000000-0000-7000-8000-000000000000"
JSON = {"Content-Type": "application/json"}
FORM_DATA = {"Content-Type": "multipart/form-data; boundary=x"}

# Every call of the contract, as the OpenAPI document lists it, with ids that nobody has.
CALLS = [
    (method.upper(), path.format(video_job_id=NOBODYS, look_id=NOBODYS, user_id=NOBODYS))
    for path, methods in rest_api().openapi()["paths"].items()
    for method in methods
]
# What is for everybody, also without a token (contract.md, 'Tokens').
PUBLIC = {("GET", "/api/v1/subscription/costs"), ("GET", "/api/v1/subscription/tiers")}
every_call = pytest.mark.parametrize(("method", "path"), CALLS)
every_closed_call = pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call not in PUBLIC])


async def call(house: House, caller: Caller | None, method: str, path: str, **sent: Any) -> httpx.Response:
    headers = (house.headers(caller) if caller else {}) | sent.pop("headers", {})
    return await house.http.request(method, path, headers=headers, **sent)


async def refused(house: House, caller: Caller, method: str, path: str, **sent: Any) -> tuple[int, Any]:
    """Return status and detail of a refusal that is well-formed and has left nothing behind."""
    before = await house.traces(caller)
    answer = await call(house, caller, method, path, **sent)
    assert await house.traces(caller) == before
    return answer.status_code, well_formed(answer)["detail"]


def well_formed(refusal: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = refusal.json()
    assert 400 <= refusal.status_code < 500, refusal.text
    assert set(body) - {"field"} == {"detail", "code", "requestId"}
    assert body["detail"]
    assert body["code"]
    assert body["requestId"] == refusal.headers["X-Request-ID"]
    return body


def test_the_openapi_document_lists_the_calls_of_the_contract() -> None:
    job, look = f"/api/v1/video-jobs/{NOBODYS}", f"/api/v1/looks/{NOBODYS}"

    assert set(CALLS) == {
        ("POST", "/api/v1/video-jobs"),
        ("GET", "/api/v1/video-jobs"),
        ("GET", job),
        ("GET", f"{job}/events"),
        ("GET", f"{job}/download"),
        ("DELETE", job),
        ("POST", f"{job}/cancel"),
        ("POST", f"{job}/retry"),
        ("PATCH", f"{job}/set-default-for-look/{NOBODYS}"),
        ("PATCH", f"{job}/unset-default-for-look/{NOBODYS}"),
        ("POST", "/api/v1/looks"),
        ("GET", "/api/v1/looks"),
        ("GET", look),
        ("PATCH", look),
        ("PATCH", f"{look}/visibility"),
        ("DELETE", look),
        ("GET", "/api/v1/video-models"),
        ("GET", "/api/v1/subscription/info"),
        ("GET", "/api/v1/subscription/costs"),
        ("GET", "/api/v1/subscription/tiers"),
        ("POST", "/api/v1/subscription/consume"),
        ("GET", "/api/v1/subscription/history"),
        ("GET", f"/api/v1/admin/users/{NOBODYS}/subscription"),
        ("PUT", f"/api/v1/admin/users/{NOBODYS}/subscription/tier"),
        ("POST", f"/api/v1/admin/users/{NOBODYS}/subscription/topup"),
        ("POST", f"/api/v1/admin/users/{NOBODYS}/subscription/reset-period"),
        ("POST", "/api/v1/migrate/look-videos"),
    }


@every_call
async def test_a_trailing_slash_changes_no_answer(house: House, method: str, path: str) -> None:
    admin = await house.user(role=Role.ADMIN)

    plain, slashed = [await call(house, admin, method, spelled) for spelled in (path, f"{path}/")]
    bodies = [{**answer.json(), "requestId": None} for answer in (plain, slashed)]

    assert plain.status_code == slashed.status_code
    assert plain.status_code in {200, 404, 422}
    assert bodies[0] == bodies[1]
    assert bodies[0].get("code") not in {"NOT_FOUND", "METHOD_NOT_ALLOWED"}
    assert (plain.history, slashed.history) == ([], [])


@every_closed_call
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_call_needs_a_token(house: House, method: str, path: str, slash: str) -> None:
    answer = await call(house, None, method, f"{path}{slash}")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    body = well_formed(answer)
    assert (body["detail"], body["code"]) == ("Could not validate credentials", "UNAUTHENTICATED")


@pytest.mark.parametrize("case", ["no scheme", "other scheme", "malformed", "expired", "wrongly signed", "unsigned"])
async def test_a_bad_token_is_a_401(house: House, case: str) -> None:
    caller = await house.user()
    bearer = house.headers(caller)["Authorization"]
    forger = replace(house, settings=house.settings.model_copy(update={"jwt_secret_key": "x" * 32}))
    headers = {
        "no scheme": bearer.removeprefix("Bearer "),
        "other scheme": bearer.replace("Bearer", "Basic"),
        "malformed": "Bearer no.jwt.atall",
        "expired": house.headers(caller, timedelta(minutes=-5))["Authorization"],
        "wrongly signed": forger.headers(caller)["Authorization"],
        "unsigned": bearer.rpartition(".")[0] + ".",
    }

    answer = await call(house, None, "GET", "/api/v1/looks", headers={"Authorization": headers[case]})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert well_formed(answer)["detail"] == "Could not validate credentials"


@every_closed_call
@pytest.mark.parametrize("status", [AccountStatus.PENDING, AccountStatus.SUSPENDED])
async def test_every_call_needs_an_active_account(house: House, method: str, path: str, status: AccountStatus) -> None:
    answer = await call(house, house.unknown_caller(Role.ADMIN, status), method, path)

    body = well_formed(answer)
    assert answer.status_code == 403
    assert (body["detail"], body["code"]) == (
        f"This account is {status}. Please contact support.",
        "ACCOUNT_NOT_ACTIVE",
    )


UNREADABLE = [
    ("/api/v1/looks", JSON, b"{", 422),
    ("/api/v1/looks", JSON, b'"\xff', 400),
    ("/api/v1/looks", JSON, b"[" * 100_000, 400),
    ("/api/v1/looks", JSON, b'{"products": ' + b"9" * 5000 + b"}", 400),
    ("/api/v1/looks", JSON, b"", 422),
    ("/api/v1/looks", JSON, b"null", 422),
    ("/api/v1/looks", JSON, b"[]", 422),
    ("/api/v1/looks", {"Content-Type": "text/plain"}, b"{}", 415),
    ("/api/v1/looks", FORM_DATA, b"--x--\r\n", 415),
    ("/api/v1/video-jobs", FORM_DATA, b"rubbish", 400),
    ("/api/v1/video-jobs", {"Content-Type": "multipart/form-data"}, b"rubbish", 400),
    ("/api/v1/video-jobs", JSON, b"{}", 415),
    ("/api/v1/video-jobs", {"Content-Type": "text/plain"}, b"rubbish", 415),
]
IDS = [f"{path.rpartition('/')[2]} {headers['Content-Type']} {body[:12]!r}" for path, headers, body, _ in UNREADABLE]


@pytest.mark.parametrize(("path", "headers", "content", "status"), UNREADABLE, ids=IDS)
async def test_an_unreadable_body_is_refused_and_costs_nothing(
    house: House, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    caller = await house.user()

    answered, _ = await refused(house, caller, "POST", path, headers=headers, content=content)

    assert answered == status


@pytest.mark.parametrize(("path", "headers", "content"), [case[:3] for case in UNREADABLE], ids=IDS)
async def test_credentials_are_checked_before_the_body(
    house: House, path: str, headers: dict[str, str], content: bytes
) -> None:
    answer = await call(house, None, "POST", path, headers=headers, content=content)

    assert (answer.status_code, well_formed(answer)["detail"]) == (401, "Could not validate credentials")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api", 404, "NOT_FOUND"),
        ("GET", "/api/", 404, "NOT_FOUND"),
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/v1//looks", 404, "NOT_FOUND"),
        ("GET", "/api/v1/video-jobs/a%2Fb", 404, "NOT_FOUND"),
        ("GET", "/media/", 404, "NOT_FOUND"),
        ("GET", "/media/%00", 404, "NOT_FOUND"),
        ("GET", "/media/..%2F..%2Fjwt-secret", 404, "NOT_FOUND"),
        ("GET", f"/media/{'a' * 300}.mp4", 404, "NOT_FOUND"),
        ("PUT", "/api/v1/video-jobs", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", f"/api/v1/video-jobs/{NOBODYS}", 405, "METHOD_NOT_ALLOWED"),
        ("POST", f"/api/v1/video-jobs/{NOBODYS}/download", 405, "METHOD_NOT_ALLOWED"),
        ("GET", f"/api/v1/video-jobs/{NOBODYS}/cancel", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", f"/api/v1/looks/{NOBODYS}", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/api/v1/looks/", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/api/v1/subscription/info", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/migrate/look-videos", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/media/look.png", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_an_unknown_path_or_method_is_told_in_json(
    house: House, method: str, path: str, status: int, code: str
) -> None:
    answer = await call(house, await house.user(), method, path)

    assert (answer.status_code, well_formed(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/video-jobs", "GET, POST"),
        ("/api/v1/video-jobs/", "GET, POST"),
        (f"/api/v1/video-jobs/{NOBODYS}", "DELETE, GET"),
        (f"/api/v1/video-jobs/{NOBODYS}/cancel", "POST"),
        (f"/api/v1/looks/{NOBODYS}", "DELETE, GET, PATCH"),
        ("/api/v1/looks", "GET, POST"),
        ("/healthz", "GET, HEAD"),
        ("/media/look.png", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_that_there_are(house: House, path: str, methods: str) -> None:
    answer = await call(house, await house.user(), "PUT", path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


@pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/api/v1/health/", "/healthz"])
async def test_whoever_asks_hears_whether_the_service_is_up(house: House, path: str) -> None:
    answer = await call(house, None, "GET", path)

    assert (answer.status_code, "status" in answer.json()) == (200, True)


MALFORMED = ["no-uuid", "0", "%00", "%F0%9F%91%97", "-1", "null", "x" * 2000]


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        (method, path, "Video job not found" if "video-jobs" in path else "Look not found")
        for method, path in CALLS
        if NOBODYS in path and "/admin/" not in path
    ],
)
async def test_a_malformed_id_is_answered_like_an_unknown_one(
    house: House, method: str, path: str, detail: str
) -> None:
    body = {"visibility": "public"} if method == "PATCH" else None
    caller = await house.user()
    before = await house.traces(caller)

    for id_ in (NOBODYS, *MALFORMED):
        answer = await call(house, caller, method, path.replace(NOBODYS, id_), json=body)
        assert (answer.status_code, well_formed(answer)["detail"]) == (404, detail), id_

    assert await house.traces(caller) == before
