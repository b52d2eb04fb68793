"""Schemas over one database, with batch execution and without it, and queries to compare them with."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import GraphQLError, GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, get_named_type
from sqlalchemy import func, update

from auth.caller import Caller
from auth.signed_paths import PlainPaths
from db.engine.feed import JobFeed
from db.tables import VideoJob
from graphql_server.execution.batch import Batching
from graphql_server.http_answers import as_json
from graphql_server.limits import Limits
from graphql_server.schema import Schema
from media.videos import poster
from providers.local_disk.storage import LocalStorage
from resolvers.streams import Streams
from schema.context import GraphQLServices, RequestContext
from schema.schema import make_schema
from tests.house import CATALOGUE, House

NO_LIMITS = Limits(depth=30, aliases=1000, directives=1000, pairs=10**6, cost=10**9, root_fields=100)
INPUT = 'model: "none", resolution: "8K", aspectRatio: "16:9", mockMode: true'

# How each root field is asked, with the names of the scene's ids.
ROOTS = {
    "viewer": "viewer",
    "videoJob": 'videoJob(id: "FAILED")',
    "videoJobs": "videoJobs(first: 10)",
    "videoJobQuote": f"videoJobQuote(input: {{{INPUT}}})",
    "videoModels": "videoModels",
    "look": 'look(id: "LOOK")',
    "looks": "looks(first: 10)",
}
LOOKS = """{ looks(first: 10) { nodes { id title notes visibility createdAt generatedImageUrl defaultThumbnailType
  products { id sku name price createdAt thumbnailUrl } videos { id status progressPercentage thumbnailUrl }
  sharedWith { name } } } }"""
JOBS = """{ videoJobs(first: 10) { nodes { id status version prompt videoDurationSeconds startedAt cloudinaryUrl
  queuePosition logs { cursor message } charge { amount } refund { amount } associatedLooks { id title
  products { name price } } } pageInfo { hasNextPage endCursor } edges { cursor node { id } } } }"""
LOOK = '{ look(id: "LOOK") { id title visibility createdAt generatedImageUrl products { name price } } }'
# What reads all that a query shows, thing by thing.
LOOK_READS = [f"{{ looks {{ nodes {{ {name} {{ __typename }} }} }} }}" for name in ("products", "videos", "sharedWith")]
JOB_READS = [
    *[f"{{ videoJobs {{ nodes {{ {name} {{ __typename }} }} }} }}" for name in ("logs", "charge", "associatedLooks")],
    "{ videoJobs { nodes { queuePosition } } }",
    "{ videoJobs { nodes { associatedLooks { products { __typename } } } } }",
]
READS = {LOOKS: LOOK_READS, JOBS: JOB_READS, LOOK: LOOK_READS[:1]}
ERRORS = "__typename ... on UserError { code message field } ... on ActiveJobLimit { limit activeVideoJobIds }"


@dataclass(frozen=True)
class Twins:
    """The schemas, who asks, and what there is to ask for."""

    plain: Schema
    fast: Schema
    services: GraphQLServices
    caller: Caller
    ids: Mapping[str, str]
    noted: dict[Schema, list[str]] = field(default_factory=dict)

    @property
    def batching(self) -> Batching:
        """What counts how often the default executor was fallen back to."""
        assert self.fast.policy.batching
        return self.fast.policy.batching

    @property
    def fallbacks(self) -> dict[str, int]:
        return dict(self.batching.fallbacks)

    def context(self) -> RequestContext:
        return RequestContext(self.services, lambda: "http://test/", authorization=None, caller=self.caller)

    async def agree(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a query each way; return the answer, which must be the same to the last byte, errors as raised too."""
        plain = await self.answer(self.plain, query, variables)
        assert await self.answer(self.fast, query, variables) == plain
        body: dict[str, Any] = json.loads(plain)
        return body

    async def agree_on_errors(self, query: str) -> dict[str, Any]:
        """Do the same where more than one thing may go wrong.

        Those are reported by the default executor in the order in which reads happen to come back, and of those that
        make the same thing null the first one. Where all has been read already, that is the order of the query, and
        this is what batch execution must keep.
        """
        context = self.context()
        for read in READS[query]:
            await self.answer(self.plain, read, {}, context)
        plain = await self.answer(self.plain, query, {}, context)
        assert await self.answer(self.fast, query, {}) == plain
        body: dict[str, Any] = json.loads(plain)
        assert json.loads(await self.answer(self.plain, query, {}))["data"] == body["data"]
        return body

    async def answer(
        self, schema: Schema, query: str, variables: dict[str, Any], context: RequestContext | None = None
    ) -> str:
        for name, id_ in self.ids.items():
            query = query.replace(f'"{name}"', f'"{id_}"')
        self.noted[schema] = []
        result = await schema.execute(query, variables, context or self.context())
        errors = [error.formatted for error in result.errors or ()]
        return as_json({"data": result.data, "errors": errors, "raised": self.noted[schema]}).decode()

    def note(self, schema: Schema) -> Callable[..., None]:
        """Return what keeps fields' errors as they were raised, before they are put into the words of the response."""

        def noted(errors: list[GraphQLError], *_: object) -> None:
            self.noted[schema] += [f"{error!r} {error.original_error!r}" for error in errors if error.path]

        return noted


async def furnished(house: House) -> Twins:
    """Return twins in a house with looks, and jobs in all states."""
    caller = await house.user(tokens=1000)
    looks = [str((await house.look(caller)).id) for _ in range(4)]
    jobs = {}
    for number, status in enumerate(["SUCCEEDED", "FAILED", "CANCELLED", "SUCCEEDED", "RUNNING", "PENDING"]):
        name = status if status not in jobs else "STORED"
        jobs[name] = await house.create(caller, lookId=looks[number % 2], prompt=f"Number {number}")
        await _become(house, caller, jobs[name], status)
    await _arrange(house, caller, looks, jobs)
    services = GraphQLServices(
        database=house.database,
        feed=JobFeed(house.database),
        streams=Streams(100),
        storage=LocalStorage(house.settings.media_folder, poster),
        catalogue=CATALOGUE,
        addresses=PlainPaths(),
        authenticate=_nobody,
    )
    plain, fast = (make_schema(limits=NO_LIMITS, timeout_seconds=600, fast=is_fast) for is_fast in (False, True))
    return Twins(plain, fast, services, caller, {**jobs, "LOOK": looks[0], "EMPTY": looks[3]})


async def _nobody(_authorization: str | None) -> Caller:
    raise NotImplementedError


async def _become(house: House, caller: Caller, job_id: str, status: str) -> None:
    if status == "CANCELLED":
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    elif status != "PENDING":
        async with house.database.session() as session:
            await session.execute(update(VideoJob).where(VideoJob.id == UUID(job_id)).values(_state(job_id, status)))


def _state(job_id: str, status: str) -> dict[str, Any]:
    state: dict[str, Any] = {"status": status, "version": VideoJob.version + 1, "started_at": func.now()}
    if status == "SUCCEEDED":
        state |= {"progress_percentage": 100, "completed_at": func.now(), "video_duration_seconds": 8.04}
        state |= {"cloudinary_url": f"/media/{job_id}.mp4", "thumbnail_url": f"https://cdn.test/{job_id}.jpg"}
        state |= {"video_size_bytes": 5_000_000_000, "video_width": 1280, "video_height": 720}
    if status == "FAILED":
        state |= {"error_code": "GENERATION_FAILED", "error_message": "No", "completed_at": func.now()}
    return state


async def _arrange(house: House, caller: Caller, looks: list[str], jobs: dict[str, str]) -> None:
    """Share a look, publish another, show a video in both, as their default in one."""
    friends = [str((await house.user()).user_id) for _ in range(2)]
    for mutation in (
        f'setLookVisibility(input: {{id: "{looks[0]}", visibility: SHARED, sharedWithUserIds: {json.dumps(friends)}}})',
        f'setLookVisibility(input: {{id: "{looks[1]}", visibility: PUBLIC}})',
        f'linkVideoToLook(input: {{videoJobId: "{jobs["SUCCEEDED"]}", lookId: "{looks[1]}"}})',
        f'setDefaultVideo(input: {{videoJobId: "{jobs["SUCCEEDED"]}", lookId: "{looks[0]}"}})',
    ):
        body = await house.graphql(caller, f"mutation {{ {mutation} {{ errors {{ __typename }} }} }}")
        assert "errors" not in body, body


def everything(schema: GraphQLSchema, type_: GraphQLNamedType, depth: int) -> str:
    """Return a selection set of all fields, `depth` levels down."""
    if not isinstance(type_, GraphQLObjectType):
        return f"{{ {ERRORS} }}"
    fields = [whole_field(schema, name, found, depth) for name, found in type_.fields.items()]
    return "{ " + " ".join(["__typename", *filter(None, fields)]) + " }"


def whole_field(schema: GraphQLSchema, name: str, found: GraphQLField, depth: int) -> str:
    """Return a field with all that is in it; nothing where that is too deep."""
    inner = get_named_type(found.type)
    if not hasattr(inner, "fields") and not hasattr(inner, "types"):
        return name
    return f"{name} {everything(schema, inner, depth - 1)}" if depth else ""


def reached(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str]]:
    """Yield each object type that a query reaches, with a query that has `%s` for its fields."""
    assert schema.query_type
    waiting = [(schema.query_type.fields[name].type, f"{{ {text} {{ %s }} }}") for name, text in ROOTS.items()]
    seen: set[str] = set()
    while waiting:
        type_, query = waiting.pop(0)
        named = get_named_type(type_)
        if isinstance(named, GraphQLObjectType) and named.name not in seen:
            seen.add(named.name)
            yield named, query
            waiting += [
                (found.type, query.replace("%s", f"{name} {{ %s }}"))
                for name, found in named.fields.items()
                if isinstance(get_named_type(found.type), GraphQLObjectType)
            ]


def each_field(schema: GraphQLSchema) -> Iterator[str]:
    """Yield queries: every object type with all its fields, and with each of them alone."""
    for type_, query in reached(schema):
        yield query.replace("%s", everything(schema, type_, 2)[1:-1])
        yield from (query.replace("%s", whole_field(schema, name, found, 1)) for name, found in type_.fields.items())
