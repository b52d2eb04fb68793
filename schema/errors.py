"""From error to GraphQL: one table. A mutation's refusals are data in its payload; a query's are errors with a code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from types import new_class
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


def _typed(
    error: type[Refusal], description: str, *interfaces: type[UserError], **members: tuple[Any, str]
) -> tuple[type[Refusal], type[UserError]]:
    """Make the type of a refusal, of the same name: what payloads can have it, and what it tells besides."""
    described = {name: strawberry.field(description=text) for name, (_, text) in members.items()}
    kind = new_class(error.__name__, interfaces or (UserError,), exec_body=lambda body: body.update(described))
    kind.__annotations__ = {name: type_ for name, (type_, _) in members.items()}
    return error, strawberry.type(kind, description=description)


LATER = (int, "When it is worth to ask again")
# What is told besides is the refusal's attribute of that name.
ERROR_TYPES = dict(
    [
        _typed(
            errors.InvalidInput,
            "A field breaks its rule.",
            CreateVideoJobError,
            LookError,
            TokenAccountError,
            ConsumeTokensError,
            SetAccountStatusError,
            AdminVideoJobsError,
            PauseError,
        ),
        _typed(errors.InvalidLook, "The look does not exist or is not the caller's.", CreateVideoJobError),
        _typed(
            errors.ActiveJobLimit,
            "The user has as many jobs in progress as one may have.",
            CreateVideoJobError,
            limit=(int, "How many jobs may be in progress at once"),
            active_video_job_ids=(list[strawberry.ID], "The jobs that hold the slots"),
        ),
        _typed(
            errors.InsufficientTokens,
            "The balance does not cover the cost.",
            CreateVideoJobError,
            ConsumeTokensError,
            cost=(int, "What the operation costs, in tokens"),
            available_tokens=(int, "The balance, in tokens"),
        ),
        _typed(
            errors.GenerationUnavailable,
            "A real video was asked for, but no generator is configured.",
            CreateVideoJobError,
        ),
        _typed(
            errors.GenerationSuspended,
            "A real video was asked for while the generator refuses our credentials.",
            CreateVideoJobError,
            retry_after_seconds=LATER,
        ),
        _typed(
            errors.SpendingCeiling,
            "More tokens would be used today than the operator allows one user, or all together.",
            CreateVideoJobError,
            retry_after_seconds=(int, "When the day ends"),
        ),
        _typed(
            errors.Paused, "The operator has paused new videos.", CreateVideoJobError, reason=(str, "Why, for a person")
        ),
        _typed(errors.QueueFull, "As many videos wait as may.", CreateVideoJobError, retry_after_seconds=LATER),
        _typed(
            errors.NoWorker,
            "Nothing is running at the moment that makes videos.",
            CreateVideoJobError,
            retry_after_seconds=LATER,
        ),
        _typed(
            errors.StorageQuota,
            "More would be kept than one user may: looks, or bytes of images.",
            CreateVideoJobError,
            LookError,
        ),
        _typed(errors.TooManyRequests, "More requests came than are answered in a minute."),
        _typed(
            errors.PriceChanged,
            "The price is not the expected one.",
            CreateVideoJobError,
            cost=(int, "What it costs now, in tokens"),
        ),
        _typed(errors.ReferenceReused, "The reference stands for another grant or adjustment.", TokenAccountError),
        _typed(errors.VideoJobDeleted, "The job that the idempotency key made has been deleted.", CreateVideoJobError),
        _typed(
            errors.IdempotencyKeyReused,
            "The idempotency key stands for another request.",
            CreateVideoJobError,
            TokenAccountError,
            ConsumeTokensError,
        ),
        _typed(errors.ImagesNotStored, "The images could not be stored at the moment.", CreateVideoJobError, LookError),
        _typed(
            errors.VideoJobImagesRemoved,
            "The job to be made anew was made from images, which went when it ended.",
            CreateVideoJobError,
        ),
        _typed(
            errors.VideoJobNotFound,
            "No such video job, or not the caller's.",
            CreateVideoJobError,
            VideoJobError,
            LookVideoError,
        ),
        _typed(errors.LookNotFound, "No such look, or not for the caller's eyes.", LookVideoError, LookError),
        _typed(
            errors.LookVideosNotMigrated,
            "A look was named, but the operator has not made the table that links videos to looks.",
            CreateVideoJobError,
            LookVideoError,
        ),
        _typed(errors.VideoJobNotCancellable, "The video job has ended otherwise.", VideoJobError),
        _typed(errors.VideoNotReady, "The video was asked for before it was stored."),
        _typed(errors.VideoNotInLook, "The look does not show the video.", LookVideoError),
        _typed(errors.TooManyStreams, "The user has as many streams open as one may have."),
        _typed(errors.AnswerTooLarge, "What is in the objects of a page is more than one answer may hold."),
        _typed(errors.UserNotFound, "No account of that id.", LookError, TokenAccountError, SetAccountStatusError),
    ]
)
# Those that a payload can have: interfaces do not name the types that implement them.
IN_PAYLOADS = [type_ for type_ in ERROR_TYPES.values() if type_.__bases__ != (UserError,)]


def user_error(error: Refusal) -> Any:  # noqa: ANN401 - which member of which union it is, the table says
    """Return the payload's typed error for a refusal, whose attributes have the members' names."""
    forget_frames(error)
    type_ = ERROR_TYPES[type(error)]
    return type_(**{member.name: getattr(error, member.name) for member in fields(type_)})


@contextmanager
def refusals_into(payload_errors: list[Any]) -> Iterator[None]:
    """Collect what the rules refuse as a payload's typed errors."""
    try:
        yield
    except Refusal as refusal:
        payload_errors.append(user_error(refusal))
