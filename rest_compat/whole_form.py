"""A multipart form each part of which has exactly one place; else it is refused, by the name of the part."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from resolvers.errors import ImagesNotStored, InvalidInput, Refusal
from rest_compat.json_body import LONGEST_NAME_SHOWN, JsonRequest, RefusedBody, is_utf_8

# As axios, jQuery, PHP and others spell the name of a list's item.
_ITEM = re.compile(r"(\w+)(?:\[([0-9]{0,4})\]|\.([0-9]{1,4}))", re.ASCII)
_UNENCODED = {b"7bit", b"8bit", b"binary"}


class FormField(NamedTuple):
    """A field of a form, by the name that it is read by; a list's items come as parts of their own."""

    name: str
    is_file: bool = False
    is_list: bool = False


class _Part(NamedTuple):
    field: FormField
    number: int | None
    value: str | UploadFile


class WholeForm(JsonRequest):
    """Reads forms of these fields, which are given by all their spellings."""

    media_type = "multipart/form-data"
    fields: ClassVar[Mapping[str, FormField]] = {}

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
            return FormData([(part.field.name, part.value) for part in self._placed(parsed)])
        except Refusal as refusal:
            await parsed.close()
            raise RefusedBody(refusal) from None

    def one_of(self, field: FormField, values: Sequence[str | UploadFile]) -> str | UploadFile:
        """Return the value of a field that is given more than once.

        Raises:
            Refusal

        """
        raise InvalidInput(f"{field.name} is given {len(values)} times", field=field.name)

    def _placed(self, parsed: FormData) -> list[_Part]:
        parts: dict[tuple[str, int | None], list[_Part]] = {}
        for part in self._found(parsed):
            parts.setdefault((part.field.name, part.number), []).append(part)
        placed = []
        for (_, number), same in parts.items():
            field = same[0].field
            if len(same) == 1 or (field.is_list and number is None):
                placed += same
            else:
                values = [part.value for part in same]
                placed.append(_Part(field, number, self.one_of(_item(field, number), values)))
        # Items without a number come first; they are in the order of the form, as sorting leaves them.
        return sorted(placed, key=lambda part: -1 if part.number is None else part.number)

    def _found(self, parsed: FormData) -> Iterable[_Part]:
        for name, value in parsed.multi_items():
            part = self._part(name, value)
            if part is None:
                shown = name[:LONGEST_NAME_SHOWN]
                kind = "field" if isinstance(value, str) else "file"
                raise InvalidInput(f"The {kind} '{shown}' of the form is not known here", field=shown)
            if not (part.field.is_file and _is_blank(value)):
                yield part

    def _part(self, name: str, value: str | UploadFile) -> _Part | None:
        if name in self.fields:
            return _Part(self.fields[name], None, value)
        item = _ITEM.fullmatch(name)
        field = self.fields.get(item[1]) if item else None
        if item is None or field is None or not field.is_list:
            return None
        index = item[2] or item[3]
        return _Part(field, int(index) if index else None, value)


def _item(field: FormField, number: int | None) -> FormField:
    return field if number is None else field._replace(name=f"{field.name}.{number}")


def _is_blank(value: str | UploadFile) -> bool:
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
