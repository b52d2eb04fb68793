"""Fills the tables by a few statements: looks with 3 products and 5 videos each, and what polls and creates need.

Things are numbered from the oldest; the number is the end of the id. Every second look is public.
"""

import asyncio
from uuid import UUID

import asyncpg

from bench.figures import Failed
from db import migrations
from db.engine.limits import UNLIMITED
from tests.inspected import InspectedDatabase

USERS = 1000
PRODUCTS = 3
VIDEOS = 5
# More looks than this share jobs: tens of millions of them would take longer to make than to measure.
MOST_JOBS = 1_000_000
# Jobs and users of other kinds have numbers of their own.
FIRST_POLLED, POLLED = 1_000_000_000, 16
FIRST_CREATOR, CREATORS = 1_000_000, 2000
TOKENS = 1_000_000

ID = "('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
TIME = "timestamptz '2025-01-01 00:00:00+00' + {} * interval '1.000123 second'"
SITE = "https://cdn.example.com"

ADD_USERS = f"""
INSERT INTO users (id, email, tokens) SELECT {ID.format("n")}, 'user-' || n || '@example.com', $3
FROM generate_series($1::bigint, $2::bigint) n
"""
ADD_LOOKS = f"""
INSERT INTO looks (id, user_id, title, notes, generated_image_url, visibility, search_text, created_at, updated_at)
SELECT {ID.format("n")}, {ID.format(f"1 + n % {USERS}")}, 'Look ' || n || ' for late summer evenings',
    'Worn loosely, with the sleeves rolled up; ask for the longer hem. Seen at the spring show, row ' || n % 40,
    '{SITE}/looks/' || n || '.jpg',
    CASE n % 2 WHEN 0 THEN 'public' ELSE 'private' END, 'look ' || n || ' linen shirt', {TIME.format("n")},
    {TIME.format("n")}
FROM generate_series(1, $1::bigint) n
"""
ADD_PRODUCTS = f"""
INSERT INTO products
    (id, look_id, position, sku, name, designer, price, product_url, thumbnail_url, created_at)
SELECT {ID.format("n * 10 + p")}, {ID.format("n")}, p, 'SKU-' || n || '-' || p, 'Linen shirt no. ' || p,
    'House ' || n % 100,
    (n % 500) + p / 100.0, 'https://working.example.com/products/' || n || '-' || p,
    '{SITE}/products/' || n || '-' || p || '.jpg', {TIME.format("n")}
FROM generate_series(1, $1::bigint) n, generate_series(1, {PRODUCTS}) p
"""
ADD_JOBS = f"""
INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status, status_message, progress_percentage, cloudinary_url, thumbnail_url, video_duration_seconds,
    video_size_bytes, video_width, video_height, tokens_consumed, version, created_at, started_at, completed_at)
SELECT {ID.format("n")}, {ID.format(f"1 + n % {USERS}")}, 'The model turns slowly in the evening light',
    'veo-3.1-generate-preview', '720p', '16:9', 8, false, true, 'SUCCEEDED', 'Done (Mock Mode)', 100,
    '{SITE}/videos/' || n || '.mp4',
    '{SITE}/videos/' || n || '.jpg', 8.0, 1500000, 1280, 720, 50, 7,
    {TIME.format("n")}, {TIME.format("n")}, {TIME.format("n")}
FROM generate_series(0, $1::bigint - 1) n
"""
ADD_LOOK_VIDEOS = f"""
INSERT INTO look_videos (look_id, video_job_id, is_default, created_at)
SELECT {ID.format("n")}, {ID.format(f"(n * {VIDEOS} + v) % $2::bigint")}, v = 1, {TIME.format("n")}
FROM generate_series(1, $1::bigint) n, generate_series(1, {VIDEOS}) v
"""
# One for each of the first users: jobs that somebody waits for.
ADD_POLLED = f"""
INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status, status_message, progress_percentage, tokens_consumed, version, created_at, started_at)
SELECT {ID.format("$1::bigint + n")}, {ID.format("n")}, 'The model turns slowly', 'veo-3.1-generate-preview', '720p',
    '16:9', 8, false, true, 'RUNNING', 'Generating (Mock Mode)', 40, 50, 3, now(), now()
FROM generate_series(1, $2::bigint) n
"""
# What `creates` has left, so that each round begins alike. The users' ids are all at the end.
CLEAN = (
    f"DELETE FROM video_jobs WHERE user_id >= {ID.format(FIRST_CREATOR)}",
    f"DELETE FROM token_ledger WHERE user_id >= {ID.format(FIRST_CREATOR)}",
    f"UPDATE users SET tokens = {TOKENS} WHERE id >= {ID.format(FIRST_CREATOR)} AND tokens <> {TOKENS}",
    "TRUNCATE pgqueuer, pgqueuer_log",
    "VACUUM ANALYZE users, video_jobs, video_job_logs, token_ledger, pgqueuer, pgqueuer_log",
    "CHECKPOINT",
)
SETTLING_TRIES, SETTLING_SECONDS = 60, 1.0
UNSETTLED = "SELECT count(*) FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = relid WHERE relallvisible < relpages"


def numbered(n: int) -> UUID:
    """Return the id of the thing of that number."""
    return UUID(f"00000000-0000-7000-8000-{n:012x}")


async def fill(database: InspectedDatabase, looks: int) -> None:
    """Fill an empty database."""
    jobs = min(MOST_JOBS, looks * VIDEOS)
    async with database.raw_connection(UNLIMITED) as connection:
        # No foreign keys are checked row by row; what is written refers to what is there.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(ADD_USERS, 1, USERS, TOKENS)
        await connection.execute(ADD_USERS, FIRST_CREATOR, FIRST_CREATOR + CREATORS - 1, TOKENS)
        await connection.execute(ADD_JOBS, jobs)
        await connection.execute(ADD_POLLED, FIRST_POLLED, POLLED if looks else 0)
        await connection.execute(ADD_LOOKS, looks)
        await connection.execute(ADD_PRODUCTS, looks)
        await connection.execute(ADD_LOOK_VIDEOS, looks, jobs)
        await settle(connection)


async def settle(connection: asyncpg.Connection) -> None:
    """Let the server finish what would otherwise be finished during a measurement.

    Raises:
        Failed: some pages cannot be marked as visible to all; counting by an index alone would read each of them

    """
    for _ in range(SETTLING_TRIES):
        await connection.execute("VACUUM ANALYZE")
        if not await connection.fetchval(UNSETTLED):
            break
        # Autovacuum's own transaction is older than what has just been written.
        await asyncio.sleep(SETTLING_SECONDS)
    else:
        raise Failed("The filled tables do not settle")
    await connection.execute("CHECKPOINT")


async def clean(database: InspectedDatabase) -> None:
    """Take away what creates have made."""
    async with database.raw_connection(UNLIMITED) as connection:
        for statement in CLEAN:
            await connection.execute(statement)


async def filled_beside(database: InspectedDatabase, name: str, looks: int) -> None:
    """Make and fill one more database on the server."""
    async with database.raw_connection(UNLIMITED) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    url = database.url.set(database=name).render_as_string(hide_password=False)
    await migrations.upgrade(url)
    other = InspectedDatabase(url)
    await fill(other, looks)
    await other.close()


async def drop(database: InspectedDatabase, name: str) -> None:
    """Drop a database that was made beside."""
    async with database.raw_connection(UNLIMITED) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
