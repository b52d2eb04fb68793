"""Users as others see them."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import strawberry

from db.accounts import Profile
from graphql_server.columns import column
from schema.context import RequestContext


async def _emails(users: Sequence["User"], context: RequestContext) -> list[str | None]:
    return [None if found is None else found.email for found in await _profiles(users, context)]


async def _names(users: Sequence["User"], context: RequestContext) -> list[str | None]:
    return [None if found is None else found.name for found in await _profiles(users, context)]


async def _profiles(users: Sequence["User"], context: RequestContext) -> list[Profile | None]:
    """Read who they are for those who may know it: themselves and admins. Nothing is read for others."""
    caller = context.authenticated_caller
    readable = [user.key for user in users if caller.is_admin or user.key == caller.user_id]
    profiles = dict(zip(readable, await context.loaders.profile.load_all(readable), strict=True))
    return [profiles.get(user.key) for user in users]


@strawberry.type(description="A user, as far as the caller may know who it is.")
class User:
    """Somebody's id, and more for themselves and admins."""

    id: strawberry.ID = strawberry.field(description="A UUID of its own, always the same")
    user_id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    key: strawberry.Private[UUID]
    email: str | None = column(_emails, "Their e-mail address; null but for themselves and admins")
    name: str | None = column(_names, "What they are called; null but for themselves and admins")

    @classmethod
    def of(cls, user_id: UUID) -> "User":
        """Show a user."""
        return cls(id=strawberry.ID(str(uuid5(user_id, "user"))), user_id=strawberry.ID(str(user_id)), key=user_id)
