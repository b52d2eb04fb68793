"""The multipart form that asks for a video."""

from dataclasses import MISSING, Field, fields
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

from fastapi import File, Form, Header, Query, UploadFile
from pydantic.alias_generators import to_camel

from db.specification import Specification
from resolvers.errors import InvalidLook
from resolvers.video_job_images import Uploads
from resolvers.video_job_input import UNUSED, VideoJobInput
from rest_compat.wire import FormBoolean

ReferenceImages = Annotated[
    list[UploadFile] | None,
    File(alias="referenceImages", description="What it looks like: up to three JPEG or PNG files"),
]

ProductIds = Annotated[
    list[str] | None,
    Form(alias="productIds", description="Products of the look whose pictures are reference images"),
]


def _with_specification(read: Any) -> Any:  # noqa: ANN401 - a function that FastAPI calls
    """Give a function a parameter for each field of a specification, which FastAPI then reads from the form."""

    def parameter(asked: Field[Any]) -> Parameter:
        form = Form(alias=to_camel(asked.name), description=asked.metadata["meaning"])
        type_ = FormBoolean if asked.type is bool else asked.type
        default = Parameter.empty if asked.default is MISSING else asked.default
        return Parameter(asked.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[type_, form])

    own = [own for own in signature(read).parameters.values() if own.kind is Parameter.KEYWORD_ONLY]
    read.__signature__ = Signature([*map(parameter, fields(Specification)), *own])
    return read


@_with_specification
async def video_job_input(
    *,
    look_id: Annotated[str | None, Form(alias="lookId", description="A look of the caller's, to show it in")] = None,
    look_id_in_query: Annotated[str | None, Query(alias="look_id", description="The same as `lookId`")] = None,
    use_look_image: Annotated[
        str, Form(alias="useLookImage", description="What becomes of its picture: `none`, `initial` or `reference`")
    ] = UNUSED,
    product_ids: ProductIds = None,
    idempotency_key: Annotated[str | None, Header(description="Makes a repeated request safe, for 24 hours")] = None,
    **specification: Any,  # noqa: ANN401 - each of the type that the form was read as
) -> VideoJobInput:
    """Read the form."""
    look = _one_look(look_id, look_id_in_query)
    return VideoJobInput(
        **specification,
        look_id=look,
        use_look_image=use_look_image,
        product_ids=tuple(product_ids or ()),
        idempotency_key=idempotency_key,
    )


async def video_job_uploads(
    initial_image: Annotated[
        UploadFile | None, File(alias="initialImage", description="Where to start: a JPEG or PNG file")
    ] = None,
    end_frame: Annotated[UploadFile | None, File(alias="endFrame", description="Where to end: as above")] = None,
    reference_images: ReferenceImages = None,
) -> Uploads:
    """Read the form's files."""
    return Uploads(initial_image, end_frame, reference_images or ())


def _one_look(in_form: str | None, in_query: str | None) -> str | None:
    """Take the look from wherever it is given; two different ones are no look."""
    if in_form and in_query and in_form.strip().lower() != in_query.strip().lower():
        raise InvalidLook
    return in_form or in_query
