"""From error to GraphQL: one table. A mutation's refusals are data in its payload; a query's are errors with a code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import strawberry

from graphql_server.limits import forget_frames
from resolvers import errors
from resolvers.errors import Refusal


@strawberry.interface(description="Why a mutation was refused. Nothing was written and nothing was charged.")
class UserError:
    """Base of the typed errors."""

    code: str = strawberry.field(description="Stable, for programs")
    message: str = strawberry.field(description="A sentence for a person")
    field: str | None = strawberry.field(description="The input field at fault, where there is one")


@strawberry.interface(description="Why a video job was not created.")
class CreateVideoJobError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why a video job was not changed.")
class VideoJobError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why a look's videos were not changed.")
class LookVideoError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why a look was not made or changed.")
class LookError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why an account was not changed.")
class TokenAccountError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why nothing was paid.")
class ConsumeTokensError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why an account's status was not changed.")
class SetAccountStatusError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why nothing was done to video jobs.")
class AdminVideoJobsError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.interface(description="Why creations were not paused.")
class PauseError(UserError):
    """Implemented by each error that can be among them."""


@strawberry.type(description="A field breaks its rule.")
class InvalidInput(
    CreateVideoJobError,
    LookError,
    TokenAccountError,
    ConsumeTokensError,
    SetAccountStatusError,
    AdminVideoJobsError,
    PauseError,
):
    """See `resolvers.errors.InvalidInput`."""


@strawberry.type(description="The look does not exist or is not the caller's.")
class InvalidLook(CreateVideoJobError):
    """See `resolvers.errors.InvalidLook`."""


@strawberry.type(description="The user has as many jobs in progress as one may have.")
class ActiveJobLimit(CreateVideoJobError):
    """See `resolvers.errors.ActiveJobLimit`."""

    limit: int = strawberry.field(description="How many jobs may be in progress at once")
    active_video_job_ids: list[strawberry.ID] = strawberry.field(description="The jobs that hold the slots")


@strawberry.type(description="The balance does not cover the cost.")
class InsufficientTokens(CreateVideoJobError, ConsumeTokensError):
    """See `resolvers.errors.InsufficientTokens`."""

    cost: int = strawberry.field(description="What the operation costs, in tokens")
    available_tokens: int = strawberry.field(description="The balance, in tokens")


@strawberry.type(description="A real video was asked for, but no generator is configured.")
class GenerationUnavailable(CreateVideoJobError):
    """See `resolvers.errors.GenerationUnavailable`."""


@strawberry.type(description="A real video was asked for while the generator refuses our credentials.")
class GenerationSuspended(CreateVideoJobError):
    """See `resolvers.errors.GenerationSuspended`."""

    retry_after_seconds: int = strawberry.field(description="When it is worth to ask again")


@strawberry.type(description="More tokens would be used today than the operator allows one user, or all together.")
class SpendingCeiling(CreateVideoJobError):
    """See `resolvers.errors.SpendingCeiling`."""

    retry_after_seconds: int = strawberry.field(description="When the day ends")


@strawberry.type(description="The operator has paused new videos.")
class Paused(CreateVideoJobError):
    """See `resolvers.errors.Paused`."""

    reason: str = strawberry.field(description="Why, for a person")


@strawberry.type(description="As many videos wait as may.")
class QueueFull(CreateVideoJobError):
    """See `resolvers.errors.QueueFull`."""

    retry_after_seconds: int = strawberry.field(description="When it is worth to ask again")


@strawberry.type(description="Nothing is running at the moment that makes videos.")
class NoWorker(CreateVideoJobError):
    """See `resolvers.errors.NoWorker`."""

    retry_after_seconds: int = strawberry.field(description="When it is worth to ask again")


@strawberry.type(description="More would be kept than one user may: looks, or bytes of images.")
class StorageQuota(CreateVideoJobError, LookError):
    """See `resolvers.errors.StorageQuota`."""


@strawberry.type(description="More requests came than are answered in a minute.")
class TooManyRequests(UserError):
    """See `resolvers.errors.TooManyRequests`."""


@strawberry.type(description="The price is not the expected one.")
class PriceChanged(CreateVideoJobError):
    """See `resolvers.errors.PriceChanged`."""

    cost: int = strawberry.field(description="What it costs now, in tokens")


@strawberry.type(description="The reference stands for another grant or adjustment.")
class ReferenceReused(TokenAccountError):
    """See `resolvers.errors.ReferenceReused`."""


@strawberry.type(description="The job that the idempotency key made has been deleted.")
class VideoJobDeleted(CreateVideoJobError):
    """See `resolvers.errors.VideoJobDeleted`."""


@strawberry.type(description="The images could not be stored at the moment.")
class ImagesNotStored(CreateVideoJobError, LookError):
    """See `resolvers.errors.ImagesNotStored`."""


@strawberry.type(description="The job to be made anew was made from images, which went when it ended.")
class VideoJobImagesRemoved(CreateVideoJobError):
    """See `resolvers.errors.VideoJobImagesRemoved`."""


@strawberry.type(description="The idempotency key stands for another request.")
class IdempotencyKeyReused(CreateVideoJobError, TokenAccountError, ConsumeTokensError):
    """See `resolvers.errors.IdempotencyKeyReused`."""


@strawberry.type(description="No such video job, or not the caller's.")
class VideoJobNotFound(CreateVideoJobError, VideoJobError, LookVideoError):
    """See `resolvers.errors.VideoJobNotFound`."""


@strawberry.type(description="No such look, or not for the caller's eyes.")
class LookNotFound(LookVideoError, LookError):
    """See `resolvers.errors.LookNotFound`."""


@strawberry.type(description="A look was named, but the operator has not made the table that links videos to looks.")
class LookVideosNotMigrated(CreateVideoJobError, LookVideoError):
    """See `resolvers.errors.LookVideosNotMigrated`."""


@strawberry.type(description="The video job has ended otherwise.")
class VideoJobNotCancellable(VideoJobError):
    """See `resolvers.errors.VideoJobNotCancellable`."""


@strawberry.type(description="The video was asked for before it was stored.")
class VideoNotReady(UserError):
    """See `resolvers.errors.VideoNotReady`."""


@strawberry.type(description="The look does not show the video.")
class VideoNotInLook(LookVideoError):
    """See `resolvers.errors.VideoNotInLook`."""


@strawberry.type(description="The user has as many streams open as one may have.")
class TooManyStreams(UserError):
    """See `resolvers.errors.TooManyStreams`."""


@strawberry.type(description="What is in the objects of a page is more than one answer may hold.")
class AnswerTooLarge(UserError):
    """See `resolvers.errors.AnswerTooLarge`."""


@strawberry.type(description="No account of that id.")
class UserNotFound(LookError, TokenAccountError, SetAccountStatusError):
    """See `resolvers.errors.UserNotFound`."""


RetriedLater = errors.GenerationSuspended | errors.NoWorker | errors.QueueFull | errors.SpendingCeiling


def _active_job_limit(error: errors.ActiveJobLimit) -> dict[str, Any]:
    return {"limit": error.limit, "active_video_job_ids": [strawberry.ID(str(id_)) for id_ in error.active_ids]}


def _insufficient_tokens(error: errors.InsufficientTokens) -> dict[str, Any]:
    return {"cost": error.cost, "available_tokens": error.available}


def _retry_after(error: RetriedLater) -> dict[str, Any]:
    return {"retry_after_seconds": error.retry_after_seconds}


def _nothing_more(_error: Refusal) -> dict[str, Any]:
    return {}


ERROR_TYPES: dict[type[Refusal], tuple[type[UserError], Callable[[Any], dict[str, Any]]]] = {
    errors.InvalidInput: (InvalidInput, _nothing_more),
    errors.InvalidLook: (InvalidLook, _nothing_more),
    errors.ActiveJobLimit: (ActiveJobLimit, _active_job_limit),
    errors.InsufficientTokens: (InsufficientTokens, _insufficient_tokens),
    errors.GenerationUnavailable: (GenerationUnavailable, _nothing_more),
    errors.GenerationSuspended: (GenerationSuspended, _retry_after),
    errors.SpendingCeiling: (SpendingCeiling, _retry_after),
    errors.Paused: (Paused, lambda error: {"reason": error.reason}),
    errors.QueueFull: (QueueFull, _retry_after),
    errors.NoWorker: (NoWorker, _retry_after),
    errors.StorageQuota: (StorageQuota, _nothing_more),
    errors.TooManyRequests: (TooManyRequests, _nothing_more),
    errors.PriceChanged: (PriceChanged, lambda error: {"cost": error.cost}),
    errors.ReferenceReused: (ReferenceReused, _nothing_more),
    errors.VideoJobDeleted: (VideoJobDeleted, _nothing_more),
    errors.IdempotencyKeyReused: (IdempotencyKeyReused, _nothing_more),
    errors.ImagesNotStored: (ImagesNotStored, _nothing_more),
    errors.VideoJobImagesRemoved: (VideoJobImagesRemoved, _nothing_more),
    errors.VideoJobNotFound: (VideoJobNotFound, _nothing_more),
    errors.LookNotFound: (LookNotFound, _nothing_more),
    errors.LookVideosNotMigrated: (LookVideosNotMigrated, _nothing_more),
    errors.VideoJobNotCancellable: (VideoJobNotCancellable, _nothing_more),
    errors.VideoNotReady: (VideoNotReady, _nothing_more),
    errors.VideoNotInLook: (VideoNotInLook, _nothing_more),
    errors.TooManyStreams: (TooManyStreams, _nothing_more),
    errors.AnswerTooLarge: (AnswerTooLarge, _nothing_more),
    errors.UserNotFound: (UserNotFound, _nothing_more),
}


# Those that a payload can have: interfaces do not name the types that implement them.
IN_PAYLOADS = [type_ for type_, _ in ERROR_TYPES.values() if type_.__bases__ != (UserError,)]


def user_error(error: Refusal) -> Any:  # noqa: ANN401 - which member of which union it is, the table says
    """Return the payload's typed error for a refusal."""
    type_, more = ERROR_TYPES[type(error)]
    return type_(code=error.code, message=error.message, field=error.field, **more(error))


@contextmanager
def refusals_into(payload_errors: list[Any]) -> Iterator[None]:
    """Collect what the rules refuse as a payload's typed errors."""
    try:
        yield
    except Refusal as refusal:
        forget_frames(refusal)
        payload_errors.append(user_error(refusal))
