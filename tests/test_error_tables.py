"""Every refusal has an answer on both wires: a new error class without one fails here."""

import auth.errors
import resolvers.errors
from auth.errors import AccessDenied
from resolvers.errors import Refusal
from rest_compat.errors import ANSWERS
from schema.errors import ERROR_TYPES


def descendants(of: type) -> set[type]:
    children: set[type] = set(of.__subclasses__())
    return children.union(*(descendants(child) for child in children))


def test_rest_answers_every_refusal() -> None:
    assert set(ANSWERS) == descendants(Refusal) | descendants(AccessDenied)


def test_graphql_types_every_refusal() -> None:
    assert set(ERROR_TYPES) == descendants(Refusal)


def test_codes_are_stable_and_tell_errors_apart() -> None:
    codes = {error.__name__: error.code for error in ANSWERS}

    assert codes == {
        "InvalidCredentials": "UNAUTHENTICATED",
        "NotABearerToken": "NOT_A_BEARER_TOKEN",
        "TokenExpired": "TOKEN_EXPIRED",
        "IdentityProviderUnavailable": "IDENTITY_PROVIDER_UNAVAILABLE",
        "AccountNotActive": "ACCOUNT_NOT_ACTIVE",
        "AdminRequired": "ADMIN_REQUIRED",
        "InvalidInput": "INVALID_INPUT",
        "InvalidLook": "INVALID_LOOK",
        "InsufficientTokens": "INSUFFICIENT_TOKENS",
        "VideoJobNotFound": "VIDEO_JOB_NOT_FOUND",
        "LookNotFound": "LOOK_NOT_FOUND",
        "IdempotencyKeyReused": "IDEMPOTENCY_KEY_REUSED",
        "ActiveJobLimit": "ACTIVE_JOB_LIMIT",
        "GenerationUnavailable": "GENERATION_UNAVAILABLE",
        "GenerationSuspended": "GENERATION_SUSPENDED",
        "LookVideosNotMigrated": "LOOK_VIDEOS_NOT_MIGRATED",
        "ImagesNotStored": "IMAGES_NOT_STORED",
        "VideoJobImagesRemoved": "VIDEO_JOB_IMAGES_REMOVED",
        "SpendingCeiling": "SPENDING_CEILING",
        "Paused": "PAUSED",
        "QueueFull": "QUEUE_FULL",
        "NoWorker": "NO_WORKER",
        "StorageQuota": "STORAGE_QUOTA",
        "TooManyRequests": "TOO_MANY_REQUESTS",
        "PriceChanged": "PRICE_CHANGED",
        "ReferenceReused": "REFERENCE_REUSED",
        "VideoJobDeleted": "VIDEO_JOB_DELETED",
        "TooManyStreams": "TOO_MANY_STREAMS",
        "AnswerTooLarge": "ANSWER_TOO_LARGE",
        "UserNotFound": "USER_NOT_FOUND",
        "VideoJobNotCancellable": "VIDEO_JOB_NOT_CANCELLABLE",
        "VideoNotInLook": "VIDEO_NOT_IN_LOOK",
        "VideoNotReady": "VIDEO_NOT_READY",
    }


def test_every_error_class_lives_where_the_tables_look() -> None:
    modules = {error.__module__ for error in descendants(Refusal) | descendants(AccessDenied)}

    assert modules == {resolvers.errors.__name__, auth.errors.__name__}
