"""The mutations, put together from their rooms."""

import strawberry

from schema.account_mutations import AccountMutations
from schema.admin_mutations import AdminMutations
from schema.look_mutations import LookMutations
from schema.pause_mutations import PauseMutations
from schema.token_mutations import TokenMutations
from schema.video_job_mutations import VideoJobMutations


@strawberry.type(description="What can be done.")
class Mutation(VideoJobMutations, LookMutations, TokenMutations, AccountMutations, AdminMutations, PauseMutations):
    """The root of all writes."""
