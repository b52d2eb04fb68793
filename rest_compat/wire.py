"""What goes over the wire: the legacy frontend's JSON, field for field (contract.md)."""

from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from db.enums import ContentCredentials, VideoJobStatus
from db.specification import declares
from db.video_jobs import LogLine, VideoJobRow
from resolvers.meanings import meaning
from resolvers.texts import plain_number

# How many mistakes of one request are told; who has made more sends the next ones.
MOST_MISTAKES = 20

NULL = {"type": "null"}
PLAIN = BeforeValidator(plain_number)


def _text(value: str | None) -> str | None:
    """Read a header as UTF-8, as GraphQL's texts are, where it can be that; browsers send Latin-1 (RFC 9110, 5.5)."""
    try:
        return value if value is None else value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Makes a repeated request safe, for 24 hours"),
    AfterValidator(_text),
]


class Wire(BaseModel):
    """Base of the bodies: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Describe the members that do not describe themselves."""
        for name, member in cls.model_fields.items():
            member.description = member.description or meaning(cls.__name__.removesuffix("Body"), name)
        cls.model_rebuild(force=True)


def schema_of(body: type[Wire]) -> dict[str, Any]:
    """Describe a body by itself, as the OpenAPI document has it among its schemas."""
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    return {key: value for key, value in schema.items() if key != "$defs"}


def reference_to(body: type[Wire]) -> dict[str, Any]:
    """Return what stands for a body's schema elsewhere in the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{body.__name__}"}


class Sent(Wire):
    """Base of the bodies of requests: null stands for what is not given, and is described where that may be."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: object) -> object:
        return {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else body

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        body = handler.resolve_ref_schema(described)
        for name in body["properties"].keys() - body.get("required", ()):
            body["properties"][name] = _or_null(body["properties"][name])
        return described


def _or_null(member: JsonSchemaValue) -> JsonSchemaValue:
    if NULL in member.get("anyOf", ()):
        return member
    about: JsonSchemaValue = {key: member.pop(key) for key in ("title", "description", "default") if key in member}
    return {"anyOf": [member, NULL], **about}


class Asked(Sent):
    """Base of the bodies of requests that make something: what nothing would be made of is refused by name."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_more_mistakes(cls, body: object) -> object:
        """Drop unknown members that nobody would be told of: an error is made of each."""
        if not isinstance(body, dict) or len(body) <= MOST_MISTAKES:
            return body
        known = {name for field, member in cls.model_fields.items() for name in (field, member.alias)}
        unknown = (name for name, value in body.items() if name not in known and value is not None)
        kept = known.union(islice(unknown, MOST_MISTAKES))
        return {name: value for name, value in body.items() if name in kept}


@declares(LogLine, hidden={"video_job_id", "id", "level"})
class LogLineBody(Wire):
    """A line of a job's log."""

    timestamp: datetime
    # The frontend's names of CSS classes.
    level: Annotated[Literal["info", "warning", "error"], BeforeValidator(str.lower)]
    message: str


class AssociatedLookBody(Wire):
    """A look that shows the job's video."""

    id: UUID
    title: str | None
    generated_image_url: str


@declares(VideoJobRow, hidden={"error_code", "version"})
class VideoJobBody(Wire):
    """A video job."""

    id: UUID
    user_id: UUID
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    status: VideoJobStatus
    status_message: str
    error_message: str | None
    progress_percentage: int
    logs: list[LogLineBody]
    progress_is_estimated: bool
    queue_position: int | None
    estimated_wait_seconds: int | None
    cloudinary_url: str | None
    thumbnail_url: str | None
    video_duration_seconds: float | None
    video_size_bytes: int | None
    video_width: int | None
    video_height: int | None
    ai_generated: Literal[True] = True
    content_credentials: ContentCredentials | None
    tokens_consumed: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    associated_looks: list[AssociatedLookBody]


class VideoJobListItem(Wire):
    """A video job in a list; its prompt is cut to 150 characters."""

    id: UUID
    status: VideoJobStatus
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    cloudinary_url: str | None
    thumbnail_url: str | None
    progress_percentage: int
    mock_mode: bool
    created_at: datetime
    updated_at: datetime
    associated_looks: list[AssociatedLookBody]


class VideoJobListBody(Wire):
    """A page of the caller's jobs."""

    jobs: list[VideoJobListItem]
    total: int
    skip: int
    limit: int


class VideoModelBody(Wire):
    """A model that can be asked for. What it can do holds for real videos; a mock video may have any form."""

    id: str = Field(description="What to send as `model`")
    provider: str
    upstream_id: str
    available: bool
    cost: int
    durations: dict[str, list[int]]
    aspect_ratios: list[str] = Field(description="`16:9`, `9:16`")
    end_frame: bool
    most_reference_images: int
    image_duration: int | None
    mixes_images: bool
    mock_words: list[str]


class VideoModelListBody(Wire):
    """The models of this installation."""

    models: list[VideoModelBody]


class DefaultVideoBody(Wire):
    """Whether a video stands for a look."""

    message: str
    video_id: UUID
    look_id: UUID
    is_default: bool


class MigrationBody(Wire):
    """What the one-time migration did."""

    status: Literal["success", "already_migrated"]
    message: str


class RefusalBody(Wire):
    """Why a request was refused."""

    detail: str
    code: str
    request_id: str | None
    field: str | None = Field(default=None, description="The field at fault; absent where there is none")


class MistakeBody(Wire):
    """What is wrong with one part of a request."""

    loc: list[str | int] = Field(description="Where it is: `body`, `query` or `path`, then names and places in lists")
    msg: str = Field(description="What is wrong, for a person")
    type: str = Field(description="The kind of mistake, as pydantic names it")


class InvalidRequestBody(Wire):
    """Which parts of a request are missing or of the wrong type."""

    detail: list[MistakeBody] = Field(description="The first 20 of them")
    code: Literal["INVALID_REQUEST"]
    request_id: str | None


class InsufficientTokensDetail(Wire):
    """What an operation costs and what there is."""

    message: str
    cost: int
    available_tokens: int


class InsufficientTokensBody(Wire):
    """Why a request was not charged."""

    detail: InsufficientTokensDetail
    code: str
    request_id: str | None
