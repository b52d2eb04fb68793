"""What the values of enumerations mean."""

from enum import Enum
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type[Enum])

VALUES = {
    "VideoJobStatus": {
        "PENDING": "Waits for a worker",
        "RUNNING": "Is with the generator, or on its way to the storage",
        "SUCCEEDED": "The video is stored",
        "FAILED": "There is no video; `errorCode` and `errorMessage` say why",
        "CANCELLED": "Its owner or an admin has ended it",
    },
    "Visibility": {
        "PRIVATE": "Nobody",
        "SHARED": "The users that it is shared with",
        "PUBLIC": "Everybody with an account",
    },
    "LogLevel": {
        "INFO": "A step on the way",
        "WARNING": "Something went wrong and is tried again",
        "ERROR": "What the job failed for",
    },
    "ContentCredentials": {
        "PRESENT": "The generator's signed statement (C2PA) is in the file; whether it is valid, viewers verify",
        "REMOVED": "The generator had signed the file, and what was changed since, such as the sound, took that away",
        "NONE": "The generator had signed nothing",
    },
    "TokenTransactionActor": {
        "USER": "The account's user",
        "ADMIN": "An admin",
        "KEY": "A service by its key",
        "SYSTEM": "The service itself, by its policy",
    },
    "TokenTransactionKind": {
        "WELCOME": "What a new account starts with",
        "GRANT": "Tokens that were added",
        "CHARGE": "An operation was paid for",
        "REFUND": "A charge was given back",
        "ADJUSTMENT": "An admin has changed the balance",
        "RESET": "A new period has begun",
        "TIER_CHANGE": "The account came into another tier",
    },
    "LookView": {
        "MY_PRIVATE": "All of the caller's own, whoever else may see them",
        "SHARED_WITH_ME": "Those of others that are shared with the caller",
        "PUBLIC": "Those that everybody may see",
        "ALL": "Everybody's; for admins",
    },
    "AccountStatus": {
        "ACTIVE": "It acts as its tokens say",
        "PENDING": "It does not act yet",
        "SUSPENDED": "It does not act any more",
    },
    "GenerationCostGroup": {"USER": "Each user", "DAY": "Each day (UTC)"},
    "ThumbnailType": {"IMAGE": "The look's image", "VIDEO": "Its default video"},
}


def describe_values(kind: Kind, name: str | None = None) -> Kind:
    """Describe each value of an enumeration of the schema.

    Raises:
        KeyError: when nothing says what one means.

    """
    meanings, definition = VALUES[name or kind.__name__], _definition(kind)
    for value in definition.values:
        value.description = meanings[value.name]
    return kind


def _definition(kind: Any) -> Any:  # noqa: ANN401 - what Strawberry has put there
    return kind.__strawberry_definition__
