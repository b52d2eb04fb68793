"""The multipart form that asks for a video: each of its parts has exactly one place, or is refused by its name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from http import HTTPStatus
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, NamedTuple

from fastapi import File, Form, Query, Request, UploadFile
from pydantic import BeforeValidator
from pydantic.alias_generators import to_camel
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as FormFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from db.specification import SPECIFIED, Specification
from resolvers.errors import ImagesNotStored, InvalidInput, InvalidLook, Refusal
from resolvers.texts import uuid_of
from resolvers.video_job_images import Uploads
from resolvers.video_job_input import UNUSED, VideoJobInput
from rest_compat.services import (
    LONGEST_NAME_SHOWN,
    AdmittedRoute,
    JsonRequest,
    RefusedBody,
    check_parameters,
    is_utf_8,
)
from rest_compat.wire import PLAIN, IdempotencyKey

# As axios, jQuery, PHP and others spell the name of a list's item.
_ITEM = re.compile(r"(\w+)(?:\[([0-9]{0,4})\]|\.([0-9]{1,4}))", re.ASCII)
_UNENCODED = {b"7bit", b"8bit", b"binary"}


class FormField(NamedTuple):
    """A field of a form, by the name that it is read by; a list's items come as parts of their own."""

    name: str
    is_file: bool = False
    is_list: bool = False


IMAGES = "a JPEG, PNG, WebP or AVIF file"
LOOK_ID = "lookId"
LOOK_IDS = {"lookId", "look_id"}
FIELDS = {
    **{name: FormField(to_camel(name)) for name in SPECIFIED},
    "look_id": FormField(LOOK_ID),
    "expected_cost": FormField("expectedCost"),
    "use_look_image": FormField("useLookImage"),
    "product_ids": FormField("productIds", is_list=True),
    "initial_image": FormField("initialImage", is_file=True),
    "end_frame": FormField("endFrame", is_file=True),
    "reference_images": FormField("referenceImages", is_file=True, is_list=True),
}
SPELLINGS = FIELDS | {field.name: field for field in FIELDS.values()}

_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _truth(value: object) -> object:
    """Read a form's boolean. Unknown words stay as they are and are refused: a typo must never start a paid job."""
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower(), [value])
    return value


FormBoolean = Annotated[bool, BeforeValidator(_truth)]
FormInteger = Annotated[int, PLAIN]
IN_FORMS: dict[Any, Any] = {bool: FormBoolean, int: FormInteger}

ReferenceImages = Annotated[
    list[UploadFile] | None,
    File(alias="referenceImages", description="What it looks like: up to three JPEG, PNG, WebP or AVIF files"),
]

ProductIds = Annotated[
    list[str] | None,
    Form(alias="productIds", description="Products of the look whose pictures are reference images"),
]


class VideoJobForm(JsonRequest):
    """Reads the form, spelled as ours or with underscores."""

    media_type = "multipart/form-data"

    async def form(self, **limits: int) -> FormData:  # type: ignore[override]
        """Return the form with its fields as they are read. What was left blank is left out of the files.

        Raises:
            HTTPException: 415 for what is no multipart form, 400 for what cannot be parsed
            RefusedBody: a part has no place, or one that is taken; or there is no room for its file

        """
        if not self.is_of_media_type():
            await self.body()  # which refuses any
            return FormData()  # what is missing are the fields
        if not is_utf_8(parse_options_header(self.headers["Content-Type"])[1]):
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The text of a form is UTF-8, not another charset")
        try:
            parsed = await _Parser(self.headers, self.stream(), **limits).parse()
        except MultiPartException as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, error.message) from None
        except OSError as error:  # larger files go to the disk
            raise RefusedBody(ImagesNotStored()) from error
        try:
            return FormData(_placed(parsed))
        except Refusal as refusal:
            await parsed.close()
            raise RefusedBody(refusal) from None


def _placed(parsed: FormData) -> list[tuple[str, str | FormFile]]:
    """Return the names that fields are read by, with their values; raises Refusal."""
    places: dict[tuple[FormField, int | None], list[str | FormFile]] = {}
    for name, value in parsed.multi_items():
        place = _place(name)
        if place is None:
            shown = name[:LONGEST_NAME_SHOWN]
            kind = "field" if isinstance(value, str) else "file"
            raise InvalidInput(f"The {kind} '{shown}' of the form is not known here", field=shown)
        if not (place[0].is_file and _is_blank(value)):
            places.setdefault(place, []).append(value)
    for (field, number), values in places.items():
        if len(values) > 1 and not (field.is_list and number is None):
            values[:] = [_one_of(field.name if number is None else f"{field.name}.{number}", values)]
    # Items without a number come first; they are in the order of the form, as sorting leaves them.
    in_order = sorted(places.items(), key=lambda placed: -1 if placed[0][1] is None else placed[0][1])
    return [(field.name, value) for (field, _), values in in_order for value in values]


def _place(name: str) -> tuple[FormField, int | None] | None:
    """Return the field, and the number of a list's item where it has one."""
    if name in SPELLINGS:
        return SPELLINGS[name], None
    item = _ITEM.fullmatch(name)
    field = SPELLINGS.get(item[1]) if item else None
    if item is None or field is None or not field.is_list:
        return None
    index = item[2] or item[3]
    return field, int(index) if index else None


def _one_of(name: str, values: Sequence[str | FormFile]) -> str:
    """Return the value of a field that is given more than once; the look is taken from wherever it is given."""
    texts = [value for value in values if isinstance(value, str)]
    if name == LOOK_ID and len(texts) == len(values):
        return _one_look(texts) or ""
    raise InvalidInput(f"{name} is given {len(values)} times", field=name)


def _is_blank(value: str | FormFile) -> bool:
    """Whether a file was left out, as browsers and Swagger send that: no text, or a file without name and contents."""
    return not value if isinstance(value, str) else not (value.filename or value.size)


class _Parser(MultiPartParser):
    """Refuses text that would have to be guessed: in another encoding than it says, or encoded once more."""

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        headers = self._current_part.item_headers
        if len(dict(headers)) < len(headers):
            raise MultiPartException(f"The part '{self._name()}' has a header twice")
        for name, value in headers:
            if name == b"content-transfer-encoding" and value.strip().lower() not in _UNENCODED:
                raise MultiPartException(f"The part '{self._name()}' must not have a Content-Transfer-Encoding")
            is_text = self._current_part.file is None
            if name == b"content-type" and is_text and not is_utf_8(parse_options_header(value)[1]):
                raise MultiPartException(f"The field '{self._name()}' must be UTF-8, not another charset")

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            try:
                self._current_part.data.decode(self._charset)
            except UnicodeDecodeError:
                raise MultiPartException(f"The field '{self._name()}' is not valid {self._charset}") from None
        super().on_part_end()

    def _name(self) -> str:
        return self._current_part.field_name[:LONGEST_NAME_SHOWN]


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
