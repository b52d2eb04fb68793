"""Rows as the JSON of a wire model, without a model of each.

To make models of a page, check them and encode them takes longer than all else that is done for it. The models still
say what a page looks like: names and their order come from them, and what a row lacks is found when this is loaded.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response
from pydantic.alias_generators import to_camel

from db.engine.statements import Row
from rest_compat.urls import ShowUrl
from rest_compat.wire import Wire

Item = dict[str, Any]


class Items:
    """The items of a wire model: a member is the row's column of that name, or is made for all rows of a page.

    Of the columns, `urls` are stored URLs or paths of this site, and shown as URLs. What a member is by default, where
    the row has no such column, it is for all rows.
    """

    def __init__(
        self, model: type[Wire], row: type[Row], *, urls: Collection[str] = (), made: Collection[str] = ()
    ) -> None:
        """Read the members.

        Raises:
            TypeError: the row has no column for one that is not made

        """
        self._constants = {
            name: member.default
            for name, member in model.model_fields.items()
            if name not in row.columns() and not member.is_required()
        }
        missing = model.model_fields.keys() - {*row.columns(), *made, *self._constants}
        if missing:
            raise TypeError(f"{row.__name__} has no {', '.join(sorted(missing))} for {model.__name__}")
        self._members = tuple(model.model_fields)
        self._names = tuple(map(to_camel, self._members))
        self._urls = frozenset(urls)
        self._ids = frozenset(name for name, type_ in row.types().items() if type_ in {UUID, UUID | None})

    def of(self, rows: Sequence[object], show: ShowUrl, **made: Iterable[object]) -> list[Item]:
        """Return what is shown of each row."""
        columns = [made[name] if name in made else self._column(name, rows, show) for name in self._members]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)]

    def of_each(self, parents: Sequence[Sequence[object]], show: ShowUrl) -> list[list[Item]]:
        """Return the same for the rows of many parents."""
        items = iter(self.of(list(chain.from_iterable(parents)), show))
        return [list(islice(items, len(rows))) for rows in parents]

    def _column(self, name: str, rows: Sequence[object], show: ShowUrl) -> Iterable[Any]:
        if name in self._constants:
            return [self._constants[name]] * len(rows)
        values = map(attrgetter(name), rows)
        if name in self._urls:
            return [value and show(value) for value in values]
        # The driver's own kind of UUID is unknown to the encoder.
        return [value and str(value) for value in values] if name in self._ids else values


def encoded_items(items: Sequence[Item]) -> bytes:
    """Encode a part of a list, without what is around it."""
    return orjson.dumps(items, option=orjson.OPT_UTC_Z)[1:-1]


def list_of(parts: Iterable[bytes]) -> orjson.Fragment:
    """Make one list of its encoded parts."""
    return orjson.Fragment(b"[%b]" % b",".join(parts))


def json_response(body: Mapping[str, object]) -> Response:
    """Encode as FastAPI does with a model, to the last byte."""
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), media_type="application/json")
