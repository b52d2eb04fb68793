"""The multipart form that asks for a video."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

from fastapi import File, Form, Query, Request, UploadFile
from pydantic.alias_generators import to_camel
from starlette.datastructures import UploadFile as FormFile

from db.specification import SPECIFIED, Specification
from resolvers.errors import InvalidLook
from resolvers.texts import uuid_of
from resolvers.video_job_images import Uploads
from resolvers.video_job_input import UNUSED, VideoJobInput
from rest_compat.json_body import check_parameters
from rest_compat.services import AdmittedRoute
from rest_compat.whole_form import FormField, WholeForm
from rest_compat.wire import FormBoolean, FormInteger, IdempotencyKey

IMAGES = "a JPEG, PNG, WebP or AVIF file"
LOOK_ID = FormField("lookId")
LOOK_IDS = {"lookId", "look_id"}
FIELDS = {
    **{name: FormField(to_camel(name)) for name in SPECIFIED},
    "look_id": LOOK_ID,
    "expected_cost": FormField("expectedCost"),
    "use_look_image": FormField("useLookImage"),
    "product_ids": FormField("productIds", is_list=True),
    "initial_image": FormField("initialImage", is_file=True),
    "end_frame": FormField("endFrame", is_file=True),
    "reference_images": FormField("referenceImages", is_file=True, is_list=True),
}

IN_FORMS: dict[Any, Any] = {bool: FormBoolean, int: FormInteger}

ReferenceImages = Annotated[
    list[UploadFile] | None,
    File(alias="referenceImages", description="What it looks like: up to three JPEG, PNG, WebP or AVIF files"),
]

ProductIds = Annotated[
    list[str] | None,
    Form(alias="productIds", description="Products of the look whose pictures are reference images"),
]


class VideoJobForm(WholeForm):
    """Reads the form, spelled as ours or with underscores."""

    fields = FIELDS | {field.name: field for field in FIELDS.values()}

    def one_of(self, field: FormField, values: Sequence[str | FormFile]) -> str | FormFile:
        """Take the look from wherever it is given."""
        texts = [value for value in values if isinstance(value, str)]
        if field is LOOK_ID and len(texts) == len(values):
            return _one_look(texts) or ""
        return super().one_of(field, values)


class VideoJobRoute(AdmittedRoute):
    """Reads the form as this."""

    request_class = VideoJobForm


def _with_specification(read: Any) -> Any:  # noqa: ANN401 - a function that FastAPI calls
    """Give a function a parameter for each field of a specification, which FastAPI then reads from the form."""

    def parameter(asked: Field[Any]) -> Parameter:
        form = Form(alias=to_camel(asked.name), description=asked.metadata["meaning"])
        type_ = IN_FORMS.get(asked.type, asked.type)
        default = Parameter.empty if asked.default is MISSING else asked.default
        return Parameter(asked.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[type_, form])

    own = [own for own in signature(read).parameters.values() if own.kind is Parameter.KEYWORD_ONLY]
    read.__signature__ = Signature([*map(parameter, fields(Specification)), *own])
    return read


@_with_specification
async def video_job_input(  # noqa: PLR0913 - the form's fields
    *,
    request: Request,
    look_id: Annotated[str | None, Form(alias="lookId", description="A look of the caller's, to show it in")] = None,
    look_id_in_query: Annotated[str | None, Query(alias="look_id", description="The same as `lookId`")] = None,  # noqa: ARG001 - see `_looks_in_query`
    camel_look_id_in_query: Annotated[str | None, Query(alias="lookId", description="The same again")] = None,  # noqa: ARG001 - see `_looks_in_query`
    expected_cost: Annotated[
        FormInteger | None,
        Form(alias="expectedCost", description="Refuses the video where it costs something else by now"),
    ] = None,
    use_look_image: Annotated[
        str, Form(alias="useLookImage", description="What becomes of its picture: `none`, `initial` or `reference`")
    ] = UNUSED,
    product_ids: ProductIds = None,
    idempotency_key: IdempotencyKey = None,
    **specification: Any,  # noqa: ANN401 - each of the type that the form was read as
) -> VideoJobInput:
    """Read the form."""
    look = _one_look([look_id or "", *_looks_in_query(request)])
    return VideoJobInput(
        **specification,
        look_id=look,
        use_look_image=use_look_image,
        product_ids=tuple(product_ids or ()),
        idempotency_key=idempotency_key,
        expected_cost=expected_cost,
    )


async def video_job_uploads(
    initial_image: Annotated[
        UploadFile | None, File(alias="initialImage", description=f"Where to start: {IMAGES}")
    ] = None,
    end_frame: Annotated[UploadFile | None, File(alias="endFrame", description="Where to end: as above")] = None,
    reference_images: ReferenceImages = None,
) -> Uploads:
    """Read the form's files."""
    return Uploads(initial_image, end_frame, reference_images or ())


def _looks_in_query(request: Request) -> Iterable[str]:
    """Return all of the address's parameters, each of which must be a look's id."""
    check_parameters(request, LOOK_IDS)
    return (value for _, value in request.query_params.multi_items())


def _one_look(given: Iterable[str]) -> str | None:
    """Return the look that is given wherever one is; different ones are no look."""
    looks = {_comparable(text): text for text in given if text.strip()}
    if len(looks) > 1:
        raise InvalidLook
    return next(iter(looks.values()), None)


def _comparable(look_id: str) -> object:
    try:
        return uuid_of(look_id.strip())
    except ValueError:
        return look_id.strip()
