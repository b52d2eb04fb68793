"""Refusals, named after what happened. They know no HTTP and no GraphQL: each edge has one table that translates them.

A `code` never changes; the `message` is for a person; `field` names the input at fault as the wires spell it.
"""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID


class Refusal(Exception):
    """Base of everything that the rules refuse. A refused request has written nothing and cost nothing."""

    code: ClassVar[str]

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(Refusal):
    """A field breaks its rule."""

    code = "INVALID_INPUT"


class InvalidLook(Refusal):
    """The look does not exist, is not the caller's, or its id is no UUID: one answer, so that ids cannot be probed."""

    code = "INVALID_LOOK"

    def __init__(self) -> None:
        super().__init__("Invalid look_id", field="lookId")


class ActiveJobLimit(Refusal):
    """The user has as many jobs in progress as one may have."""

    code = "ACTIVE_JOB_LIMIT"

    def __init__(self, limit: int, active_video_job_ids: Sequence[UUID]) -> None:
        super().__init__(f"Maximum {limit} concurrent video jobs allowed. Please wait for existing jobs to complete.")
        self.limit = limit
        self.active_video_job_ids = active_video_job_ids


class InsufficientTokens(Refusal):
    """The balance does not cover the cost."""

    code = "INSUFFICIENT_TOKENS"

    def __init__(self, operation: str, cost: int, available: int) -> None:
        super().__init__(f"Insufficient tokens. Operation '{operation}' costs {cost} tokens but you have {available}.")
        self.cost = cost
        self.available_tokens = available


class SpendingCeiling(Refusal):
    """More tokens would be used today than the policy's ceiling allows: of the user, or of all users together."""

    code = "SPENDING_CEILING"

    def __init__(self, ceiling: int | None, retry_after_seconds: int, *, is_below_price: bool = False) -> None:
        whose = "this service" if ceiling is None else f"{ceiling} tokens a day for one user"
        reached = "is reached for today. Nothing was charged. Please try again tomorrow (UTC)."
        why = "is below the price. Nothing was charged." if is_below_price else reached
        super().__init__(f"The spending ceiling of {whose} {why}")
        self.retry_after_seconds = retry_after_seconds


class Paused(Refusal):
    """The operator has paused creations, for the reason that the message ends with."""

    code = "PAUSED"
    retry_after_seconds: ClassVar[int] = 60  # nobody knows when the operator ends it

    def __init__(self, reason: str, *, real_only: bool = False) -> None:
        what = "Real videos are" if real_only else "New videos are"
        super().__init__(f"{what} paused at the moment. Nothing was charged. {reason}")
        self.reason = reason


class QueueFull(Refusal):
    """As many jobs of all users wait as may."""

    code = "QUEUE_FULL"
    retry_after_seconds: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__("Too many videos are waiting at the moment. Nothing was charged. Please try again later.")


class NoWorker(Refusal):
    """No worker has been there for so long that nobody knows when a video would be made."""

    code = "NO_WORKER"
    retry_after_seconds: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__("No videos are being made at the moment. Nothing was charged. Please try again later.")


class StorageQuota(Refusal):
    """The user's looks, or what their images take, would be more than the policy lets one user keep."""

    code = "STORAGE_QUOTA"
    retry_after_seconds: ClassVar[int] = 3600

    def __init__(self, most: str) -> None:
        super().__init__(f"You may keep {most}. Nothing was stored or charged. Please delete some looks first.")


class TooManyRequests(Refusal):
    """More requests came from the user, or the address, than are answered in a minute."""

    code = "TOO_MANY_REQUESTS"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many requests. Please try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class PriceChanged(Refusal):
    """The price is not what the caller expects, such as an earlier quote's."""

    code = "PRICE_CHANGED"

    def __init__(self, expected: int, cost: int) -> None:
        super().__init__(
            f"This video costs {cost} tokens now, not {expected}. Nothing was charged.", field="expectedCost"
        )
        self.cost = cost


class VideoJobDeleted(Refusal):
    """The job that the idempotency key made has been deleted; the key stays used for its time."""

    code = "VIDEO_JOB_DELETED"

    def __init__(self) -> None:
        super().__init__(
            "The video job that this idempotency key made has been deleted. Use a new key for a new request.",
            field="idempotencyKey",
        )


class ReferenceReused(Refusal):
    """The reference stands for another grant or adjustment."""

    code = "REFERENCE_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This reference was used for another grant or adjustment. Nothing was changed.", field="reference"
        )


class GenerationUnavailable(Refusal):
    """A real video was asked for, but the operator has configured no generator."""

    code = "GENERATION_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__(
            "Real video generation is not configured on this server. Send mockMode=true for a mock video.",
            field="mockMode",
        )


class GenerationSuspended(Refusal):
    """A real video was asked for while the generator is known to refuse our credentials (decision 22)."""

    code = "GENERATION_SUSPENDED"
    # How long nobody asks the generator after it has refused, so before it is worth to ask us again.
    retry_after_seconds: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__(
            "Real videos cannot be made at the moment, since video generation is not set up correctly on our side. "
            "Nothing was charged. Please try again later, or send mockMode=true for a mock video."
        )


class IdempotencyKeyReused(Refusal):
    """The key stands for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used for a different request. Use a new key for a new request.",
            field="idempotencyKey",
        )


class LookVideosNotMigrated(Refusal):
    """A look was named, but the one-time migration has not run yet (`contract.md`, 'The one-time migration')."""

    code = "LOOK_VIDEOS_NOT_MIGRATED"

    def __init__(self) -> None:
        super().__init__(
            "Videos cannot be linked to looks yet: an admin has to call POST /api/v1/migrate/look-videos once.",
            field="lookId",
        )


class ImagesNotStored(Refusal):
    """The storage did not take the images."""

    code = "IMAGES_NOT_STORED"
    retry_after_seconds: ClassVar[int] = 30

    def __init__(self) -> None:
        super().__init__("The images could not be stored at the moment. Nothing was charged. Please try again.")


class VideoJobImagesRemoved(Refusal):
    """The job to be made anew was made from images, which were kept for a while after its end, and are gone."""

    code = "VIDEO_JOB_IMAGES_REMOVED"

    def __init__(self) -> None:
        super().__init__(
            "The images of this video job are not kept any more. Create a new job with the images.", field="id"
        )


class VideoNotReady(Refusal):
    """The video was asked for before it was stored."""

    code = "VIDEO_NOT_READY"

    def __init__(self, status: str) -> None:
        super().__init__(f"Video is not ready yet. Current status: {status}")


class VideoJobNotCancellable(Refusal):
    """The job has ended otherwise."""

    code = "VIDEO_JOB_NOT_CANCELLABLE"

    def __init__(self, status: str) -> None:
        super().__init__(f"This video job cannot be cancelled any more. Current status: {status}")


class VideoNotInLook(Refusal):
    """The look does not show the video."""

    code = "VIDEO_NOT_IN_LOOK"

    def __init__(self) -> None:
        super().__init__("This video is not associated with the look", field="lookId")


class TooManyStreams(Refusal):
    """The user follows as much as one may at once."""

    code = "TOO_MANY_STREAMS"

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} streams may be open at once. Please close one first.")
        self.limit = limit


class AnswerTooLarge(Refusal):
    """What is in the objects of a page is more than one answer may hold."""

    code = "ANSWER_TOO_LARGE"

    def __init__(self, most: int) -> None:
        super().__init__(f"The page holds more than {most:,} items in its objects. Please ask for a smaller page.")


class UserNotFound(Refusal):
    """No account of that id."""

    code = "USER_NOT_FOUND"

    def __init__(self, field: str) -> None:
        super().__init__("User not found", field=field)


class VideoJobNotFound(Refusal):
    """No such job, or not the caller's."""

    code = "VIDEO_JOB_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Video job not found")


class LookNotFound(Refusal):
    """No such look, or not for the caller's eyes."""

    code = "LOOK_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Look not found")
