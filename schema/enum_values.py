"""The enumerations of the schema, and what their values mean."""

from enum import StrEnum

import strawberry

from auth.caller import AccountStatus, Role
from db.enums import (
    ActorKind,
    AuditAction,
    AuditActor,
    ContentCredentials,
    LedgerEntryKind,
    LogLevel,
    PauseScope,
    VideoJobStatus,
    Visibility,
)
from db.looks import LookView
from resolvers.generation_costs import CostGroup

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
    "AccountRole": {
        "USER": "It sees and does what is its own",
        "ADMIN": "It sees and does what is not its own, too",
    },
    "AuditActor": {"ADMIN": "An admin, by an API", "OPERATOR": "An operator, at the command line"},
    "AuditAction": {
        "GRANT_TOKENS": "Added tokens to an account",
        "ADJUST_TOKENS": "Changed an account's balance",
        "SET_TIER": "Put an account into a tier",
        "RESET_PERIOD": "Began a new period of an account",
        "SET_STATUS": "Let an account act, or locked it out",
        "SET_ROLE": "Made an account an admin's, or no longer",
        "ISSUE_TOKEN": "Signed a token for an account",
        "PAUSE_CREATIONS": "Had creations refused",
        "RESUME_CREATIONS": "Had creations accepted again",
        "CANCEL_VIDEO_JOB": "Ended somebody's video job",
        "RETRY_VIDEO_JOB": "Created somebody's failed video job anew",
        "DELETE_VIDEO_JOB": "Deleted somebody's video job",
        "CHANGE_LOOK": "Changed title or notes of somebody's look",
        "SET_LOOK_VISIBILITY": "Decided who may see somebody's look",
        "CHANGE_LOOK_VIDEOS": "Changed which videos somebody's look shows, or its default",
        "DELETE_LOOK": "Deleted somebody's look",
        "MIGRATE_LOOK_VIDEOS": "Made the table that links videos to looks",
    },
    "PauseScope": {"ALL": "All of them", "REAL": "Those of real videos"},
    "ThumbnailType": {"IMAGE": "The look's image", "VIDEO": "Its default video"},
}


class ThumbnailType(StrEnum):
    """Either the look's image or its default video."""

    IMAGE = "image"
    VIDEO = "video"


for enumeration, shown_as, described in (
    (VideoJobStatus, "VideoJobStatus", "Where a video job stands."),
    (Visibility, "Visibility", "Who may see a look besides its owner and admins."),
    (LogLevel, "LogLevel", "Severity of a log line."),
    (ContentCredentials, "ContentCredentials", "Whether a stored file says itself that it was generated."),
    (ActorKind, "TokenTransactionActor", "Who changes a balance."),
    (LedgerEntryKind, "TokenTransactionKind", "Why a balance changed."),
    (LookView, "LookView", "Which looks to list."),
    (AccountStatus, "AccountStatus", "Whether an account may act."),
    (Role, "AccountRole", "What an account may do."),
    (AuditAction, "AuditAction", "What an admin or an operator did."),
    (AuditActor, "AuditActor", "Who did it."),
    (PauseScope, "PauseScope", "Which creations a pause refuses."),
    (CostGroup, "GenerationCostGroup", "What costs are added up by."),
    (ThumbnailType, "ThumbnailType", "What stands for a look in a list."),
):
    strawberry.enum(enumeration, name=shown_as, description=described)
    for value in enumeration.__strawberry_definition__.values:  # type: ignore[union-attr] # what Strawberry has put there
        # Fails where nothing says what a value means.
        value.description = VALUES[shown_as][value.name]
