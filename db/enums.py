"""What a column of text may be: each enumeration is a check in the database, too."""

from enum import StrEnum


class VideoJobStatus(StrEnum):
    """Where a job stands, as both wires spell it (`contract.md`, 'The job')."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows this status."""
        return self not in ACTIVE_STATUSES


ACTIVE_STATUSES = (VideoJobStatus.PENDING, VideoJobStatus.RUNNING)


class Submission(StrEnum):
    """How far handing the job to the generator got. SENDING without a name may have been paid for already."""

    NEW = "NEW"
    SENDING = "SENDING"
    SENT = "SENT"


class LogLevel(StrEnum):
    """Severity of a line in a job's log."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LedgerEntryKind(StrEnum):
    """Why a balance changed."""

    WELCOME = "WELCOME"
    GRANT = "GRANT"
    CHARGE = "CHARGE"
    REFUND = "REFUND"
    ADJUSTMENT = "ADJUSTMENT"
    RESET = "RESET"
    TIER_CHANGE = "TIER_CHANGE"


class ActorKind(StrEnum):
    """Who caused a ledger's entry: the account's own user, an admin, an API key, or Lookreel itself."""

    USER = "USER"
    ADMIN = "ADMIN"
    KEY = "KEY"
    SYSTEM = "SYSTEM"


class PauseScope(StrEnum):
    """Which creations a pause refuses: all of them, or those of real videos."""

    ALL = "ALL"
    REAL = "REAL"


class ContentCredentials(StrEnum):
    """What has become of the generator's signed statement of origin (C2PA) in a stored video."""

    PRESENT = "PRESENT"
    REMOVED = "REMOVED"
    NONE = "NONE"


class ImageRole(StrEnum):
    """What an image is for in a video."""

    INITIAL = "INITIAL"
    END = "END"
    REFERENCE = "REFERENCE"


class Visibility(StrEnum):
    """Who may see a look besides its owner and admins."""

    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"


class AuditAction(StrEnum):
    """What an admin or an operator did to what is not their own."""

    GRANT_TOKENS = "GRANT_TOKENS"
    ADJUST_TOKENS = "ADJUST_TOKENS"
    SET_TIER = "SET_TIER"
    RESET_PERIOD = "RESET_PERIOD"
    SET_STATUS = "SET_STATUS"
    SET_ROLE = "SET_ROLE"
    ISSUE_TOKEN = "ISSUE_TOKEN"  # noqa: S105 - no secret
    PAUSE_CREATIONS = "PAUSE_CREATIONS"
    RESUME_CREATIONS = "RESUME_CREATIONS"
    CANCEL_VIDEO_JOB = "CANCEL_VIDEO_JOB"
    RETRY_VIDEO_JOB = "RETRY_VIDEO_JOB"
    DELETE_VIDEO_JOB = "DELETE_VIDEO_JOB"
    CHANGE_LOOK = "CHANGE_LOOK"
    SET_LOOK_VISIBILITY = "SET_LOOK_VISIBILITY"
    CHANGE_LOOK_VIDEOS = "CHANGE_LOOK_VIDEOS"
    DELETE_LOOK = "DELETE_LOOK"
    MIGRATE_LOOK_VIDEOS = "MIGRATE_LOOK_VIDEOS"


class AuditActor(StrEnum):
    """Who did it: an admin by an API, or an operator at the command line, who has no account."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
