"""Pages over REST beside the same pages over GraphQL: 50 public looks with all that is in them, and 50 video jobs."""

import json
from typing import Any

from bench import data, requests
from bench.figures import Effort, Failed, Section, at_least, compared
from bench.harness import Harness, Server, ask, module
from bench.load import Load, beside, warmed_up

# One user's lists take turns over both APIs (decision 52); these are of many.
USERS = 64
FIRST = 50
LOOKS = f"""{{ looks(first: {FIRST}, view: PUBLIC) {{ nodes {{
    id title notes generatedImageUrl products {{ id sku name designer price productUrl thumbnailUrl createdAt }}
    visibility sharedWith {{ id email name }}
    videos {{ id status cloudinaryUrl isDefault createdAt progressPercentage }}
    defaultThumbnailType defaultThumbnailUrl createdAt updatedAt }} }} }}"""
JOBS = f"""{{ videoJobs(first: {FIRST}) {{ nodes {{
    id status prompt model resolution aspectRatio durationSeconds cloudinaryUrl thumbnailUrl progressPercentage mockMode
    createdAt updatedAt associatedLooks {{ id title generatedImageUrl }} }} }} }}"""
# What is asked over GraphQL and over REST, and where the items are in either answer.
PAGES = {
    "looks": (LOOKS, f"/api/v1/looks?view_type=public&limit={FIRST}", "looks", "looks"),
    "video jobs": (JOBS, f"/api/v1/video-jobs?limit={FIRST}", "videoJobs", "jobs"),
}


async def measure(harness: Harness, effort: Effort) -> Section:
    """Let one process answer both in turns."""
    section = Section("Lists", f"{FIRST} items, both APIs answered by the same process. REST counts all items, too.")
    tokens = [harness.token(data.numbered(number)) for number in range(1, USERS + 1)]
    async with module("app.api", harness.environment()) as ours:
        for name, (query, path, over_graphql, over_rest) in PAGES.items():
            rest = [requests.get(path, token) for token in tokens]
            graphql = [requests.graphql(query, {}, token) for token in tokens]
            await _check(ours, (rest[0], over_rest), (graphql[0], over_graphql))
            load = Load(*ours, rest, effort.seconds, effort.connections)
            peer = load._replace(requests=graphql)
            await warmed_up((load, peer), effort)
            pairs = await beside(load, peer, effort.rounds)
            section.comparisons.append(compared(f"REST page of {name}", "GraphQL", pairs, at_least(0.8)))
            section.outcomes[f"REST, {name}"] = [outcome for outcome, _ in pairs]
            section.outcomes[f"GraphQL, {name}"] = [outcome for _, outcome in pairs]
    return section


async def _check(server: Server, rest: tuple[str, str], graphql: tuple[str, str]) -> None:
    """See that both are answered with the same items.

    Raises:
        Failed: they are not.

    """
    shown: Any = json.loads((await ask(server.port, rest[0])).body)[rest[1]]
    nodes: Any = json.loads((await ask(server.port, graphql[0])).body)["data"][graphql[1]]["nodes"]
    if len(shown) != FIRST or [item["id"] for item in shown] != [node["id"] for node in nodes]:
        raise Failed(f"{rest[1]} are not the same over REST and over GraphQL")
