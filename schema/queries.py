"""The queries. Each root field reads for itself: Strawberry runs them concurrently."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, cast

import strawberry

from db.enums import Visibility
from db.looks import LookView
from graphql_server.fields import read_by
from resolvers import generation_costs, looks, tokens, video_job_creation, video_job_images, video_job_lists, video_jobs
from resolvers.errors import LookNotFound, UserNotFound, VideoJobNotFound
from resolvers.generation_costs import CostGroup
from resolvers.texts import uuid_or
from resolvers.tokens import Whose
from resolvers.video_job_lists import Narrowing
from schema.admin_queries import AdminQueries
from schema.connections import DEFAULT_FIRST, After, Connection, First, Node, page_arguments, read_nodes
from schema.context import Info, RequestContext
from schema.errors import CreateVideoJobError, refusals_into, user_error
from schema.offers import Policy, VideoModel
from schema.tokens import TokenAccount, Viewer
from schema.types import GenerationCostSum, Look, VideoJob
from schema.video_job_connection import (
    CreatedAfter,
    CreatedBefore,
    OfIds,
    OfLook,
    PromptSearch,
    Statuses,
    VideoJobConnection,
)
from schema.video_job_mutations import CreateVideoJobInput

Since = Annotated[
    datetime | None, strawberry.argument(description="From when on; 30 days before `until` unless given, 366 at most")
]
Until = Annotated[datetime | None, strawberry.argument(description="Before when; now unless given")]
Id = Annotated[strawberry.ID, strawberry.argument(description="A UUID")]
Ids = Annotated[list[strawberry.ID], strawberry.argument(description="UUIDs, at most 100")]
UserId = Annotated[strawberry.ID | None, strawberry.argument(description="The user's id; this or `email`")]
Email = Annotated[str | None, strawberry.argument(description="The user's e-mail address")]
QuoteInput = Annotated[CreateVideoJobInput, strawberry.argument(description="What to make")]
HasVideos = Annotated[
    bool | None, strawberry.argument(description="Only looks that show videos, or only those that show none")
]
Visibilities = Annotated[
    list[Visibility] | None, strawberry.argument(description="Only looks of one of these visibilities; null for all")
]
Search = Annotated[
    str | None,
    strawberry.argument(description="A part of title, product name or sku, and for owners and admins of the notes"),
]
Group = Annotated[CostGroup, strawberry.argument(description="What to add up by")]
View = Annotated[LookView | None, strawberry.argument(description="Which looks; ALL is for admins")]


@strawberry.type(description="What a video would cost, and what stands in its way.")
class VideoJobQuote:
    """The answer of `videoJobQuote`."""

    cost: int = strawberry.field(description="In tokens")
    rule: str = strawberry.field(description="Which rule of the policy says so")
    balance: int = strawberry.field(description="The caller's, in tokens")
    free_slots: int = strawberry.field(description="How many more jobs may be in progress at once")
    errors: list[CreateVideoJobError] = strawberry.field(
        description="Every rule that the request breaks, in the order of the checks; none where it would be accepted"
    )


async def _polled(_roots: Sequence[object], context: RequestContext, id: str) -> list[VideoJob | None]:  # noqa: A002 - as below
    """Read one job. As a rule for lists, without Strawberry between, which takes 14% of a poll."""
    caller = context.authenticated_caller
    try:
        return [VideoJob.of(await video_jobs.read(context.reader, caller, uuid_or(id, VideoJobNotFound)))]
    except VideoJobNotFound:
        return [None]


@strawberry.type(description="What can be read.")
class Query(AdminQueries):
    """The root of all reads."""

    @strawberry.field
    async def viewer(self, info: Info) -> Viewer:
        """The caller, with the balance of their account."""
        wallet = await info.context.write(tokens.wallet, info.context.services.catalogue.policy)
        return Viewer.of(info.context.authenticated_caller, wallet)

    @strawberry.field
    async def token_account(self, info: Info, user_id: UserId = None, email: Email = None) -> TokenAccount | None:
        """An account, by the user's id or e-mail address; null where there is none. For admins."""
        policy = info.context.services.catalogue.policy
        try:
            wallet, _ = await info.context.write(tokens.wallet_of, Whose(user_id, email), policy)
            return TokenAccount.of(wallet)
        except UserNotFound:
            return None

    @strawberry.field
    async def generation_costs(
        self, info: Info, by: Group, since: Since = None, until: Until = None, first: First = DEFAULT_FIRST
    ) -> list[GenerationCostSum]:
        """What videos have really cost in a time: by user, the most costly first, or by day. For admins."""
        caller, (limit, _) = info.context.authenticated_caller, page_arguments(first, None)
        found = await generation_costs.sums(info.context.reader, caller, by, since, until, limit=limit)
        return [GenerationCostSum.of(row) for row in found]

    @strawberry.field
    async def policy(self, info: Info) -> Policy:
        """What the operator has decided: costs, tiers, prices, refunds."""
        _ = info.context.authenticated_caller
        return Policy.of(info.context.services.catalogue.policy)

    @strawberry.field
    async def node(self, info: Info, id: Id) -> Node | None:  # noqa: A002 - the argument's name
        """What the caller may read under that id; null where there is nothing."""
        [found] = await read_nodes(info.context, [id])
        return cast("Node | None", found)

    @strawberry.field
    async def nodes(self, info: Info, ids: Ids) -> list[Node | None]:
        """What the caller may read under each id, in their order; null where there is nothing."""
        return cast("list[Node | None]", await read_nodes(info.context, ids))

    @strawberry.field(metadata=read_by(_polled))
    async def video_job(self, info: Info, id: Id) -> VideoJob | None:  # noqa: A002 - the argument's name
        """A video job of the caller's; null where there is none of that id."""
        [found] = await _polled([self], info.context, id)
        return found

    @strawberry.field
    async def video_jobs(  # noqa: PLR0913 - one for each filter
        self,
        info: Info,
        *,
        first: First = DEFAULT_FIRST,
        after: After = None,
        status: Statuses = None,
        look_id: OfLook = None,
        created_after: CreatedAfter = None,
        created_before: CreatedBefore = None,
        search: PromptSearch = None,
        ids: OfIds = None,
    ) -> VideoJobConnection:
        """The caller's video jobs, newest first."""
        narrowing = Narrowing(
            statuses=status,
            look_id=look_id,
            created_after=created_after,
            created_before=created_before,
            search=search,
            ids=ids,
        )
        wanted = video_job_lists.own(info.context.authenticated_caller, narrowing)
        return await VideoJobConnection.read(info, wanted, first=first, after=after)

    @strawberry.field
    async def video_job_quote(self, info: Info, input: QuoteInput) -> VideoJobQuote:  # noqa: A002 - as for the mutation
        """What creating that video would cost, and every rule that it would break."""
        caller, catalogue = info.context.authenticated_caller, info.context.services.catalogue
        errors: list[CreateVideoJobError] = []
        asked, uploads = input.asked(), input.uploads()
        with refusals_into(errors):
            uploads = await video_job_images.with_pictures_of_look(info.context.services, caller, asked, uploads)
            asked = await video_job_images.fingerprinted(asked, uploads)
        quote = await info.context.write(video_job_creation.quote, asked, catalogue)
        errors += [error for error in map(user_error, quote.refusals) if error not in errors]
        if not errors:  # who is refused anyway has no image decoded, as in a creation
            with refusals_into(errors):
                await video_job_images.inspected(asked, uploads, catalogue)
        return VideoJobQuote(
            cost=quote.cost, rule=quote.rule, balance=quote.balance, free_slots=quote.free_slots, errors=errors
        )

    @strawberry.field
    async def video_models(self, info: Info) -> list[VideoModel]:
        """The video models that can be asked for."""
        _ = info.context.authenticated_caller
        return [VideoModel.of(model) for model in info.context.services.catalogue.models.values()]

    @strawberry.field
    async def look(self, info: Info, id: Id) -> Look | None:  # noqa: A002 - the argument's name
        """A look that the caller may see; null where there is none of that id."""
        caller = info.context.authenticated_caller
        try:
            return Look.of(await looks.get(info.context.reader, caller, uuid_or(id, LookNotFound)))
        except LookNotFound:
            return None

    @strawberry.field
    async def looks(  # noqa: PLR0913 - one for each filter
        self,
        info: Info,
        *,
        first: First = DEFAULT_FIRST,
        after: After = None,
        view: View = LookView.MY_PRIVATE,
        search: Search = None,
        has_videos: HasVideos = None,
        visibility: Visibilities = None,
        ids: OfIds = None,
    ) -> Connection[Look]:
        """Looks, newest first: the caller's own unless another view is asked for."""
        caller = info.context.authenticated_caller
        view = view or LookView.MY_PRIVATE
        wanted = looks.listed(caller, view, search, has_videos=has_videos, visibilities=visibility, ids=ids)
        return await Connection.read(info, wanted, first=first, after=after)
