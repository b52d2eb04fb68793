"""Creating jobs over both wires, beside `pgbench` sending the very statements that a creation sends.

The statements are taken from the server's log of one creation, so that they stay what they are.
"""

from bench import data, requests
from bench.creation_script import captured, statements
from bench.figures import Effort, Outcome, Pairs, Section, at_least, compared, in_turns
from bench.harness import Harness, Server, module
from bench.load import Load, under_load
from bench.pgbench import pgbench
from resolvers.policy import ACTIVE_JOB_LIMIT

ACCEPTED = 202
TARGET = at_least(0.4)
CREATE = """mutation Create($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
    videoJob { id status tokensConsumed createdAt } errors { __typename ... on UserError { code } } } }"""
ASKED = {
    "prompt": "The model turns slowly in the evening light",
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "16:9",
}


async def measure(harness: Harness, effort: Effort) -> Section:
    """Compare both wires with the same statements."""
    about = (
        f"{data.CREATORS:,} users with tokens; what a round has made is deleted before the next. Ours sends wake-ups "
        "that come together in one statement, pgbench one after each creation."
    )
    section = Section("Creates", about)
    tokens = [harness.token(data.numbered(data.FIRST_CREATOR + n)) for n in range(data.CREATORS)]
    async with module("app.api", harness.environment()) as ours:
        await _admit(ours, tokens, effort)
        for wire, (create, status) in WIRES.items():
            creations = [create(token) for token in tokens]
            script = await captured(harness, ours, creations)
            section.notes.append(
                f"Over {wire}, a creation sends {statements(script)} statements, BEGIN and COMMIT included."
            )
            load = Load(*ours, creations * ACTIVE_JOB_LIMIT, effort.seconds, effort.connections, status, once=True)
            pairs = await _beside(harness, effort, load, script)
            section.comparisons.append(compared(f"{wire} creates", "pgbench, the same statements", pairs, TARGET))
            section.outcomes[f"Lookreel, {wire}"] = [outcome for outcome, _ in pairs]
    return section


async def _beside(harness: Harness, effort: Effort, load: Load, script: str) -> Pairs:
    async def ours() -> Outcome:
        await data.clean(harness.database)
        return await under_load(load)

    async def peer() -> Outcome:
        await data.clean(harness.database)
        return await pgbench(harness, script, effort)

    return await in_turns(ours, peer, effort.rounds)


async def _admit(server: Server, tokens: list[str], effort: Effort) -> None:
    """Let every user be seen once: what follows on that is not part of a creation."""
    hello = [requests.graphql("{ viewer { id } }", {}, token) for token in tokens]
    await under_load(Load(*server, hello, 60, effort.connections, once=True))


def over_graphql(token: str) -> str:
    """Ask for a mock video."""
    return requests.graphql(CREATE, {"input": ASKED | {"mockMode": True}}, token)


def over_rest(token: str) -> str:
    """Ask for the same as a form."""
    return requests.form("/api/v1/video-jobs", ASKED | {"mockMode": "true"}, token)


WIRES = {"GraphQL": (over_graphql, 200), "REST multipart": (over_rest, ACCEPTED)}
