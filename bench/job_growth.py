"""Whether other people's jobs make a user's own pages dearer: many jobs beside few, of which as many are the user's.

Measured is processor time, of the API and of PostgreSQL together: a busy machine changes little of it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bench import data, requests
from bench.figures import Comparison, Effort, Section, at_most
from bench.harness import Harness, Server, module, postgres_seconds
from bench.load import Load, under_load, warmed_up
from db.engine.limits import UNLIMITED
from tests.inspected import InspectedDatabase

TARGET = at_most(1.3)
SECONDS, MOST_ROUNDS = 1.5, 5
OWNER = data.numbered(data.FIRST_CREATOR)
SMALL, LARGE = "few_jobs", "many_jobs"
# What the owner has in either size: scattered evenly over time, every tenth one failed.
OWN = 15_000
WAITING_EVERY = 20
OWNER_OF = data.ID.format(f"CASE WHEN n % $2 = 0 THEN {data.FIRST_CREATOR} ELSE 1 + n % {data.USERS} END")
ADD_JOBS = f"""
INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status, status_message, cloudinary_url, error_code, error_message, tokens_consumed, version, queue_at,
    created_at, started_at, completed_at, updated_at)
SELECT {data.ID.format("n")}, {OWNER_OF},
    repeat('The model turns slowly in the evening light. ', 12), 'veo-3.1-generate-preview', '720p', '16:9', 8, false,
    true, status, 'Done', CASE status WHEN 'SUCCEEDED' THEN '{data.SITE}/' || n || '.mp4' END,
    CASE status WHEN 'FAILED' THEN 'GENERATION_FAILED' END, CASE status WHEN 'FAILED' THEN 'It failed' END, 50, 7,
    date_trunc('second', at), at, at, CASE WHEN status <> 'PENDING' THEN at END, at
FROM generate_series(1, $1::bigint) n, LATERAL (SELECT n % $2 = 0 AS own, {data.TIME.format("n")} AS at) one,
    LATERAL (SELECT CASE WHEN own AND n / $2 % 10 = 0 THEN 'FAILED' WHEN own OR n % {WAITING_EVERY} > 0 THEN 'SUCCEEDED'
        ELSE 'PENDING' END AS status) its
"""
ADD_ENTRIES = f"""
INSERT INTO token_ledger (id, user_id, kind, amount, balance_after, actor, description, created_at)
SELECT {data.ID.format("n")}, {OWNER_OF},
    'CHARGE', -50, 1000, 'USER', 'Video generation: The model turns', {data.TIME.format("n")}
FROM generate_series(1, $1::bigint) n
"""
ADD_POLLED = f"""
INSERT INTO video_jobs (id, user_id, model, resolution, aspect_ratio, duration_seconds, generate_audio, mock_mode,
    status_message, tokens_consumed)
VALUES ('{data.numbered(data.FIRST_POLLED)}', '{OWNER}', 'veo-3.1-generate-preview', '720p', '16:9', 8, false, true,
    'Waiting', 50)
"""
FAILED = "{ videoJobs(first: 50, status: [FAILED]) { nodes { id status createdAt } pageInfo { endCursor } } }"


async def measure(harness: Harness, effort: Effort) -> Section:
    """Compare what an answer costs."""
    few, many = effort.job_sizes
    about = (
        f"{many:,} jobs beside {few:,}, {OWN:,} of them the user's own; processor time of an answer, with PostgreSQL's."
    )
    section = Section("Growth of jobs", about)
    rounds = min(effort.rounds, MOST_ROUNDS)
    async with _serving(harness, SMALL, few) as small, _serving(harness, LARGE, many) as large:
        for what, request in _requests(harness.token(OWNER)).items():
            load = Load(*large, [request], SECONDS, 1)
            peer = load._replace(port=small.port, process=small.process)
            await warmed_up((load, peer), effort)
            pairs = [(await _cost(harness, load), await _cost(harness, peer)) for _ in range(rounds)]
            section.comparisons.append(Comparison(f"{what}, CPU", f"of {few:,} jobs in all", "ms", pairs, TARGET))
    return section


async def _cost(harness: Harness, load: Load) -> float:
    """Return an answer's milliseconds of processor time."""
    before = postgres_seconds(harness.folder)
    outcome = await under_load(load)
    return outcome.server_cpu + (postgres_seconds(harness.folder) - before) * 1000 / outcome.answers


def _requests(token: str) -> Mapping[str, str]:
    jobs = "/api/v1/video-jobs"
    return {
        f"50 failed of {OWN:,} jobs": requests.graphql(FAILED, {}, token),
        "REST, 50 failed jobs": requests.get(f"{jobs}?status_filter=FAILED&limit=50", token),
        "REST, 50 jobs, skip=5000": requests.get(f"{jobs}?skip=5000&limit=50", token),
        "REST, token history": requests.get("/api/v1/subscription/history?limit=20", token),
        "poll of a waiting job": requests.get(f"{jobs}/{data.numbered(data.FIRST_POLLED)}", token),
    }


@asynccontextmanager
async def _serving(harness: Harness, name: str, jobs: int) -> AsyncIterator[Server]:
    """Serve a database with so many jobs; it goes afterwards."""
    await data.filled_beside(harness.database, name, 0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(data.drop, harness.database, name)
        database = InspectedDatabase(harness.url(name).render_as_string(hide_password=False))
        async with database.raw_connection(UNLIMITED) as connection:
            # No foreign keys are checked row by row, and nothing has to outlive this run.
            await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
            for statement in (ADD_JOBS, ADD_ENTRIES):
                await connection.execute(statement, jobs, jobs // OWN)
            await connection.execute(ADD_POLLED)
            await data.settle(connection)
        await database.close()
        yield await stack.enter_async_context(module("app.api", harness.environment(name)))
