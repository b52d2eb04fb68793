"""Reading 50 looks with 3 products and 5 videos each: ours beside everybody else, the same rows in about as many bytes.

All scalar fields that are columns, but for the notes, which are just the owner's to see. What stands for a look in a
list (`defaultThumbnail…`) is left out: it is reckoned from the videos, for which PostGraphile would need functions of
ours in the database.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from bench import data, requests
from bench.figures import Effort, Failed, NotThere, Section, Target, at_least, at_most, compared
from bench.harness import Harness, Server, ask, module
from bench.load import Load, beside, warmed_up
from bench.postgraphile import postgraphile

USERS = 64
FIRST = 50
LOOK = "id title visibility createdAt updatedAt generatedImageUrl"
PRODUCT = "id sku name designer price productUrl createdAt thumbnailUrl"
STATE = "status isDefault progressPercentage createdAt cloudinaryUrl thumbnailUrl"

OURS = f"""query Looks($after: String) {{ looks(first: {FIRST}, view: PUBLIC, after: $after) {{ nodes {{
    {LOOK} products {{ {PRODUCT} }} videos {{ videoJobId {STATE} }} }} }} }}"""
STOCK = OURS.replace("query Looks($after: String)", "").replace(", view: PUBLIC, after: $after", "")
STOCK = STOCK.replace("videoJobId", "videoJobId: id")
# The same columns under PostGraphile's names; it has no order by a related row's column, which spares it a sort.
POSTGRAPHILE = f"""{{
allLooks(first: {FIRST}, condition: {{visibility: "public"}}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {{
    nodes {{ rowId title visibility createdAt updatedAt generatedImageUrl
        productsByLookId(orderBy: POSITION_ASC) {{ nodes {{ row{PRODUCT[0].upper()}{PRODUCT[1:]} }} }}
        lookVideosByLookId {{ nodes {{ isDefault videoJobByVideoJobId {{
            rowId status progressPercentage createdAt cloudinaryUrl thumbnailUrl }} }} }} }} }} }}"""
CEILING_NAME = "bare Starlette, asyncpg, orjson"


class Peer(NamedTuple):
    """Whom ours is measured beside, and the ratios aimed at. `rounds` are fewer where nothing hangs on a per cent."""

    name: str
    open: Callable[[Harness], AbstractAsyncContextManager[Server]]
    request: str
    targets: Mapping[str, Target | None]
    most_rounds: int = 5


def peers() -> list[Peer]:
    """Return everybody, the closest first."""
    looks = requests.get(f"/looks?first={FIRST}")
    return [
        Peer(CEILING_NAME, _module("ceiling"), looks, {"rate": at_least(0.8), "p99": at_most(1.3)}),
        Peer("PostGraphile 5", postgraphile, requests.graphql(POSTGRAPHILE, {}), {"rate": at_least(1.5)}),
        Peer("Strawberry as documented", _module("stock"), requests.graphql(STOCK, {}), {"rate": None}, 3),
        Peer("FastAPI, sync SQLAlchemy, N+1", _module("sync_n_plus_one"), looks, {"rate": at_least(50)}),
    ]


def _module(name: str) -> Callable[[Harness], AbstractAsyncContextManager[Server]]:
    return lambda harness: module(f"bench.peers.{name}", harness.environment())


def looks_request(token: str, after: str | None = None) -> str:
    """Ask ours for a page of public looks."""
    return requests.graphql(OURS, {"after": after}, token)


async def measure(harness: Harness, effort: Effort) -> Section:
    """Compare with each peer in turn."""
    section = Section(
        "Looks", f"{FIRST} public looks x ({data.PRODUCTS} products + {data.VIDEOS} videos), one process."
    )
    # One user's queries take turns (decision 52); these are of many.
    asked = [looks_request(harness.token(data.numbered(n))) for n in range(1, USERS + 1)]
    async with module("app.api", harness.environment()) as ours:
        expected = await ask(ours.port, asked[0])
        section.notes.append(f"An answer of ours has {len(expected.body):,} bytes.")
        for peer in peers():
            try:
                async with peer.open(harness) as server:
                    check(peer, (await ask(server.port, peer.request)).body, expected.body)
                    await _beside(section, effort, Load(*ours, asked, effort.seconds, effort.connections), peer, server)
            except NotThere as missing:
                section.notes.append(f"{peer.name} was not measured: {missing}")
    return section


def check(peer: Peer, body: bytes, expected: bytes) -> None:
    """See that a peer answers with as much as ours, and the ceiling with the very same.

    Raises:
        Failed: it does not.

    """
    if body.count(b'"productUrl"') != FIRST * data.PRODUCTS or body.count(b'"isDefault"') != FIRST * data.VIDEOS:
        raise Failed(f"{peer.name} answers otherwise than ours: {body[:200]!r}")
    if peer.name == CEILING_NAME and json.loads(body) != json.loads(expected)["data"]["looks"]:
        raise Failed("The ceiling's looks are not the same as ours")


async def _beside(section: Section, effort: Effort, load: Load, peer: Peer, server: Server) -> None:
    theirs = load._replace(port=server.port, process=server.process, requests=[peer.request])
    await warmed_up((load, theirs), effort)
    pairs = await beside(load, theirs, min(effort.rounds, peer.most_rounds))
    section.outcomes.setdefault("Lookreel", []).extend(ours for ours, _ in pairs)
    section.outcomes[peer.name] = [outcome for _, outcome in pairs]
    for name, target in peer.targets.items():
        what = "looks, requests" if name == "rate" else f"looks, {name}"
        section.comparisons.append(compared(what, peer.name, pairs, target, name))
