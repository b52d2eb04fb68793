"""Creating jobs over both wires, beside `pgbench` sending the very statements that a creation sends.

The statements are taken from the server's log of one creation, so that they stay what they are.
"""

import re

from bench import data, requests
from bench.creation_script import captured
from bench.figures import Effort, Outcome, Section, Target, compared, in_turns
from bench.hall import Hall, ask, module
from bench.load import Load, under_load
from bench.pgbench import pgbench
from resolvers.video_job_creation import ACTIVE_JOB_LIMIT

ACCEPTED = 202
TARGET = Target(0.4, at_least=True)
CREATE = """mutation Create($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
    videoJob { id status tokensConsumed createdAt } errors { __typename ... on UserError { code } } } }"""
ASKED = {
    "prompt": "The model turns slowly in the evening light",
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "16:9",
}


async def measure(hall: Hall, effort: Effort) -> Section:
    """Compare both wires with the same statements."""
    section = Section("Creates", f"{data.CREATORS:,} users with tokens; what a round has made is deleted before the next.")
    tokens = [hall.token(data.numbered(data.FIRST_CREATOR + n)) for n in range(data.CREATORS)]
    wires = {"GraphQL": [over_graphql(token) for token in tokens], "REST multipart": [over_rest(token) for token in tokens]}
    async with module("app.api", hall.environment()) as ours:
        script = await captured(hall, lambda: ask(ours.port, wires["GraphQL"][0]))
        section.notes.append(f"A creation sends {len(re.findall(r';$', script, re.MULTILINE))} statements.")
        await _admit(ours.port, tokens, effort)
        for wire, creations in wires.items():
            status = 200 if wire == "GraphQL" else ACCEPTED
            load = Load(ours.port, creations * ACTIVE_JOB_LIMIT, effort.seconds, effort.connections, status, once=True)
            await _beside(section, hall, effort, wire, load, script)
    return section


async def _beside(section: Section, hall: Hall, effort: Effort, wire: str, load: Load, script: str) -> None:
    async def ours() -> Outcome:
        await data.clean(hall.database)
        return await under_load(load)

    async def peer() -> Outcome:
        await data.clean(hall.database)
        return await pgbench(hall, script, effort)

    pairs = await in_turns(ours, peer, effort.rounds)
    section.comparisons.append(compared(f"{wire} creates", "pgbench, the same statements", pairs, TARGET))
    section.outcomes[f"Lookreel, {wire}"] = [outcome for outcome, _ in pairs]


async def _admit(port: int, tokens: list[str], effort: Effort) -> None:
    """Let every user be seen once: what follows on that is not part of a creation."""
    hello = [requests.graphql("{ viewer { id } }", {}, token) for token in tokens]
    await under_load(Load(port, hello, 60, effort.connections, once=True))


def over_graphql(token: str) -> str:
    """Ask for a mock video."""
    return requests.graphql(CREATE, {"input": ASKED | {"mockMode": True}}, token)


def over_rest(token: str) -> str:
    """Ask for the same as a form."""
    return requests.form("/api/v1/video-jobs", ASKED | {"mockMode": "true"}, token)
