"""`GET /api/v1/looks`: views, search, pages, and the admins' list of everything."""

from typing import Any
from urllib.parse import quote

import pytest

from auth.caller import Caller, Role
from tests.house import House
from tests.rest_compat.test_contract import call, refused
from tests.rest_compat.test_contract_looks import PATH, PRODUCT, changed, make


async def page(house: House, caller: Caller, query: str = "") -> Any:
    answer = await call(house, caller, "GET", f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def titles(house: House, caller: Caller, query: str = "") -> list[str]:
    return [look["title"] for look in (await page(house, caller, query))["looks"]]


async def sharing(house: House) -> tuple[Caller, Caller]:
    """Make two users with a look of each visibility."""
    mine, other = await house.user(), await house.user()
    me, them = [str(mine.user_id)], [str(other.user_id)]
    await make(house, mine, title="my private")
    await make(house, mine, title="my shared", visibility="shared", sharedWithUserIds=them)
    await make(house, mine, title="my public", visibility="public")
    await make(house, other, title="their private")
    await make(house, other, title="their shared", visibility="shared", sharedWithUserIds=me)
    await make(house, other, title="their public", visibility="public")
    return mine, other


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["my public", "my shared", "my private"]),
        ("?view_type=my_private", ["my public", "my shared", "my private"]),
        ("?view_type=&search=&skip=0&limit=100&all=false", ["my public", "my shared", "my private"]),
        ("?view_type=shared_with_me", ["their shared"]),
        ("?view_type=public", ["their public", "my public"]),
        ("?view_type=public&search=THEIR", ["their public"]),
        ("?view_type=shared_with_me&search=private", []),
    ],
)
async def test_a_view_shows_its_looks_newest_first(house: House, query: str, expected: list[str]) -> None:
    mine, _ = await sharing(house)

    shown = await page(house, mine, query)

    assert [look["title"] for look in shown["looks"]] == expected
    assert {name: shown[name] for name in ("total", "skip", "limit")} == {
        "total": len(expected),
        "skip": 0,
        "limit": 100,
    }


async def test_a_listed_look_is_the_whole_look(house: House) -> None:
    caller = await house.user()
    look = await make(house, caller, title="Stone", products=[PRODUCT, PRODUCT | {"sku": "LR-1"}])
    job_id = await house.create(caller, lookId=look["id"])

    shown = await page(house, caller)

    assert shown["looks"] == [(await call(house, caller, "GET", f"{PATH}/{look['id']}")).json()]
    assert [video["id"] for video in shown["looks"][0]["videos"]] == [job_id]
    assert len(shown["looks"][0]["products"]) == 2


async def test_everybodys_looks_are_for_admins(house: House) -> None:
    mine, _ = await sharing(house)
    admin = await house.user(role=Role.ADMIN)

    everything = await titles(house, admin, "?all=true")

    assert everything == ["their public", "their shared", "their private", "my public", "my shared", "my private"]
    assert await titles(house, admin, "?all=true&search=my&skip=1&limit=1") == ["my shared"]
    assert await titles(house, admin) == []
    assert await refused(house, mine, "GET", f"{PATH}?all=true") == (403, "Admin privileges are required")


@pytest.mark.parametrize("view", ["all", "mine", "MY_PRIVATE", "%00"])
@pytest.mark.parametrize("role", Role)
async def test_an_unknown_view_is_a_400(house: House, view: str, role: Role) -> None:
    assert await refused(house, await house.user(role=role), "GET", f"{PATH}?view_type={view}") == (
        400,
        "view_type must be my_private, shared_with_me or public",
    )


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("stone", ["Stone 100% wool"]),
        ("STONE", ["Stone 100% wool"]),
        ("essen", ["snake_case"]),
        ("trousers", ["Zürich"]),
        ("lr-77", ["Stone 100% wool"]),
        ("ZÜRICH", ["Zürich"]),
        ("  stone  ", ["Stone 100% wool"]),
        ("%", ["Stone 100% wool"]),
        ("0% w", ["Stone 100% wool"]),
        ("_", ["snake_case"]),
        ("s_one", []),
        ("s%e", []),
        ("\\", ["Zürich"]),
        ("\\%", []),
        ("/", ["snake_case"]),
        ("'; --", []),
        ("👗", ["Zürich"]),
        ("atelier", []),
        ("", ["Zürich", "snake_case", "Stone 100% wool"]),
    ],
)
async def test_search_takes_every_character_literally(house: House, search: str, expected: list[str]) -> None:
    caller = await house.user()
    sku = PRODUCT | {"sku": "LR-77", "designer": "Atelier"}
    trousers = PRODUCT | {"name": "Pleated Trousers"}
    await make(house, caller, title="Stone 100% wool", products=[PRODUCT, sku])
    await make(house, caller, title="snake_case", notes="The Essence a/b")
    await make(house, caller, title="Zürich", notes="back\\slash 👗", products=[trousers])

    assert await titles(house, caller, f"?search={quote(search)}") == expected


async def test_search_finds_what_a_look_says_now(house: House) -> None:
    caller = await house.user()
    look = await make(house, caller, title="Stone", products=[PRODUCT | {"sku": "LR-77"}])

    await changed(house, caller, look["id"], {"title": "Clay"})

    found = {search: await titles(house, caller, f"?search={search}") for search in ("stone", "clay", "lr-77")}
    assert found == {"stone": [], "clay": ["Clay"], "lr-77": ["Clay"]}


@pytest.mark.parametrize(
    ("search", "detail"),
    [
        ("x" * 201, "search must be at most 200 characters"),
        ("%00", "search contains characters that cannot be stored"),
    ],
)
async def test_a_search_that_cannot_be_is_a_400(house: House, search: str, detail: str) -> None:
    assert await refused(house, await house.user(), "GET", f"{PATH}?search={search}") == (400, detail)


async def test_the_list_comes_in_pages_with_its_total(house: House) -> None:
    caller = await house.user()
    for title in "abcde":
        await make(house, caller, title=title)

    pages = [await page(house, caller, f"?skip={skip}&limit=2") for skip in (0, 2, 4, 6)]

    assert [[look["title"] for look in one.pop("looks")] for one in pages] == [["e", "d"], ["c", "b"], ["a"], []]
    assert pages == [{"total": 5, "skip": skip, "limit": 2} for skip in (0, 2, 4, 6)]


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("skip=-1", "skip"), ("limit=x", "limit"), ("all=maybe", "all")],
)
async def test_a_page_that_cannot_be_is_a_422(house: House, query: str, field: str) -> None:
    status, detail = await refused(house, await house.user(), "GET", f"{PATH}?{query}")

    assert (status, [problem["loc"] for problem in detail]) == (422, [["query", field]])


async def test_the_largest_page_has_1000_looks(house: House) -> None:
    none = {"looks": [], "total": 0, "skip": 0, "limit": 1000}
    for query in ("?limit=1000", "?limit=2000", "?limit=1000&view_type=null"):
        assert await page(house, await house.user(), query) == none
