"""Asking how far a job is, which is what frontends do most: over GraphQL, and over REST with an entity tag."""

from bench import data, requests
from bench.figures import Effort, Outcome, Pairs, Section, Target, at_least, compared
from bench.harness import Harness, Server, ask, module
from bench.load import Load, beside, warmed_up

POLL = "query Poll($id: ID!) { videoJob(id: $id) { status progressPercentage } }"
BARE = "bare Starlette, asyncpg, orjson"
NOT_MODIFIED = 304


async def measure(harness: Harness, effort: Effort) -> Section:
    """Compare both wires with a bare route that sends the same SELECT."""
    section = Section(
        "Polls", "One running job, asked for by its owner with a token; the bare route asks for no token."
    )
    async with (
        module("app.api", harness.environment()) as ours,
        module("bench.peers.ceiling", harness.environment()) as bare,
    ):
        graphql = Load(*ours, graphql_polls(harness), effort.seconds, effort.connections)
        rest = graphql._replace(requests=await conditional_polls(harness, ours), status=NOT_MODIFIED)
        peer = graphql._replace(port=bare.port, process=bare.process, requests=bare_polls())
        await warmed_up((graphql, rest, peer), effort)
        _compare(section, "GraphQL poll", await beside(graphql, peer, effort.rounds), at_least(0.45))
        _compare(section, "REST poll, 304", await beside(rest, peer, effort.rounds), at_least(0.6))
    return section


def _compare(section: Section, what: str, pairs: Pairs, target: Target) -> None:
    section.comparisons.append(compared(f"{what}, requests", BARE, pairs, target))
    section.outcomes[f"Lookreel, {what}"] = [outcome for outcome, _ in pairs]
    bare_rounds: list[Outcome] = section.outcomes.setdefault(BARE, [])
    bare_rounds.extend(outcome for _, outcome in pairs)


def graphql_polls(harness: Harness) -> list[str]:
    """Let each of some users ask for their own job."""
    return [
        requests.graphql(POLL, {"id": str(_job(n))}, harness.token(data.numbered(n))) for n in range(1, data.POLLED + 1)
    ]


async def conditional_polls(harness: Harness, server: Server) -> list[str]:
    """Ask for each job once, and return requests that name its entity tag."""
    polls = []
    for n in range(1, data.POLLED + 1):
        path, token = f"/api/v1/video-jobs/{_job(n)}", harness.token(data.numbered(n))
        tag = (await ask(server.port, requests.get(path, token))).headers["etag"]
        polls.append(requests.get(path, token, If_None_Match=tag))
    return polls


def bare_polls() -> list[str]:
    """Ask the bare route for the same jobs."""
    return [requests.get(f"/video-jobs/{_job(n)}") for n in range(1, data.POLLED + 1)]


def _job(n: int) -> object:
    return data.numbered(data.FIRST_POLLED + n)
