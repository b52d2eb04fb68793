"""The ceiling: the same rows as JSON by Starlette, asyncpg and orjson, with no GraphQL, no tokens and no limits.

Three statements on one connection for the looks, one for the poll. Ids and prices are made text and floats by the
database, which costs less than doing so here; times are left to orjson.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.serving import database_url, pool_size, run

LOOKS = """
SELECT id::text AS id, title, upper(visibility) AS visibility, created_at AS "createdAt",
    updated_at AS "updatedAt", generated_image_url AS "generatedImageUrl"
FROM looks WHERE visibility = 'public' ORDER BY looks.created_at DESC, looks.id DESC LIMIT $1
"""
PRODUCTS = """
SELECT look_id::text, id::text AS id, sku, name, designer, price::float8 AS price, product_url AS "productUrl",
    created_at AS "createdAt", thumbnail_url AS "thumbnailUrl"
FROM products WHERE look_id = ANY($1::uuid[]) ORDER BY products.look_id, position
"""
VIDEOS = """
SELECT look_id::text, video_jobs.id::text AS "videoJobId", status, is_default AS "isDefault",
    progress_percentage AS "progressPercentage", video_jobs.created_at AS "createdAt",
    cloudinary_url AS "cloudinaryUrl", thumbnail_url AS "thumbnailUrl"
FROM look_videos JOIN video_jobs ON video_jobs.id = video_job_id
WHERE look_id = ANY($1::uuid[]) ORDER BY video_jobs.created_at DESC, video_jobs.id DESC
"""
# The statement that a poll of ours sends, whole row and all.
JOB = "SELECT * FROM video_jobs WHERE id = $1"

Row = dict[str, Any]


async def looks(request: Request) -> Response:
    """Answer with a page of public looks, each with its products and videos."""
    first = int(request.query_params["first"])
    async with request.app.state.pool.acquire() as connection:
        # One row more tells whether there is a next page, as ours is asked to tell.
        rows = [dict(row) for row in (await connection.fetch(LOOKS, first + 1))[:first]]
        ids = [row["id"] for row in rows]
        products = _by_look(await connection.fetch(PRODUCTS, ids))
        videos = _by_look(await connection.fetch(VIDEOS, ids))
    for row in rows:
        row["products"], row["videos"] = products[row["id"]], videos[row["id"]]
    return _json({"nodes": rows})


async def video_job(request: Request) -> Response:
    """Answer with how far a job is."""
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(JOB, UUID(request.path_params["id"]))
    return _json({"status": row["status"], "progressPercentage": row["progress_percentage"]})


def _by_look(records: Sequence[asyncpg.Record]) -> defaultdict[str, list[Row]]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for record in records:
        row = dict(record)
        grouped[row.pop("look_id")].append(row)
    return grouped


def _json(body: object) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), media_type="application/json")


@asynccontextmanager
async def _pool(app: Starlette) -> AsyncIterator[None]:
    url = database_url("postgresql").render_as_string(hide_password=False)
    async with asyncpg.create_pool(url, min_size=pool_size(), max_size=pool_size()) as app.state.pool:
        yield


def create() -> Starlette:
    """Return the application."""
    return Starlette(routes=[Route("/looks", looks), Route("/video-jobs/{id}", video_job)], lifespan=_pool)


if __name__ == "__main__":
    run(create)
