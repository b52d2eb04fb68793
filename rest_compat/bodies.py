"""Rows to bodies. Stored paths of this site become URLs under the request's own base URL.

To make models of a page, check them and encode them takes longer than all else that is done for it. The models still
say what a page looks like: names and their order come from them, and what a row lacks is found when this is loaded.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response
from pydantic.alias_generators import to_camel

from db.engine.statements import Row
from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.video_jobs import VideoJobRow
from resolvers import looks, video_jobs
from resolvers.limits import QueuePlace
from resolvers.video_jobs import ShownLine
from rest_compat.look_wire import LookBody, LookVideoBody, ProductBody, SharedWithBody
from rest_compat.services import ShowUrl
from rest_compat.wire import AssociatedLookBody, LogLineBody, VideoJobBody, VideoJobListItem, Wire

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

        Raises TypeError: the row has no column for one that is not made.
        """
        self._constants = {
            name: member.default
            for name, member in model.model_fields.items()
            if name not in row.columns() and not member.is_required()
        }
        missing = model.model_fields.keys() - {*row.columns(), *made, *self._constants}
        if missing:
            raise TypeError(f"{row.__name__} has no {', '.join(sorted(missing))} for {model.__name__}")
        self._row = row
        self._members = tuple(model.model_fields)
        self._assembled = _assembler([to_camel(name) for name in self._members])
        self._urls = frozenset(urls)
        self._types = row.types()

    def of(self, rows: Sequence[Row], show: ShowUrl, **made: Iterable[object]) -> list[Item]:
        """Return what is shown of each row."""
        # All columns at once: to ask each row for each takes a sixth longer, 4% of a page of looks.
        read = dict(zip(self._row.columns(), zip(*rows, strict=True), strict=False)) if rows else {}
        columns = [
            made[name] if name in made else self._shown(name, read.get(name, ()), len(rows), show)
            for name in self._members
        ]
        return self._assembled(columns)

    def of_each(self, parents: Sequence[Sequence[Row]], show: ShowUrl) -> list[list[Item]]:
        """Return the same for the rows of many parents."""
        items = iter(self.of(list(chain.from_iterable(parents)), show))
        return [list(islice(items, len(rows))) for rows in parents]

    def _shown(self, name: str, values: Sequence[Any], count: int, show: ShowUrl) -> Iterable[Any]:
        if name in self._constants:
            return [self._constants[name]] * count
        if name in self._urls:
            return [value and show(value) for value in values]
        # The driver's own kind of UUID is unknown to the encoder.
        known = self._types.get(name)
        if known is UUID:
            return map(str, values)
        return [value and str(value) for value in values] if known == UUID | None else values


def _assembler(names: Sequence[str]) -> Callable[[Sequence[Iterable[Any]]], list[Item]]:
    """Return what makes items of columns: written out for these names, which takes a third of `dict(zip())`.

    Without, REST answers 0.76 of GraphQL's pages of looks, with it 0.91. The GraphQL server, which must not be imported
    here, does the same.
    """
    variables = [f"v{number}" for number in range(len(names))]
    members = ", ".join(f"{name!r}: {variable}" for name, variable in zip(names, variables, strict=True))
    source = f"lambda columns: [{{{members}}} for {', '.join(variables)}, in zip(*columns, strict=True)]"
    made: Callable[[Sequence[Iterable[Any]]], list[Item]] = eval(source)  # noqa: S307 - of our own models' names
    return made


def encoded_items(items: Sequence[Item]) -> bytes:
    """Encode a part of a list, without what is around it."""
    return orjson.dumps(items, option=orjson.OPT_UTC_Z)[1:-1]


def list_of(parts: Iterable[bytes]) -> orjson.Fragment:
    """Make one list of its encoded parts."""
    return orjson.Fragment(b"[%b]" % b",".join(parts))


def json_response(body: Mapping[str, object]) -> Response:
    """Encode as FastAPI does with a model, to the last byte."""
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), media_type="application/json")


_POLICY = '"active-jobs"'


def rate_limit_headers(free_slots: int, slots: int) -> dict[str, str]:
    """Tell how many jobs may be in progress, and how many more (draft-ietf-httpapi-ratelimit-headers).

    There is no window: a slot lasts as long as its job.
    """
    return {"RateLimit-Policy": f"{_POLICY};q={slots}", "RateLimit": f"{_POLICY};r={free_slots}"}


PROMPT_IN_LIST = 150

_PRODUCTS = Items(ProductBody, ProductRow, urls=["thumbnail_url"])
_SHARED_WITH = Items(SharedWithBody, SharedWith)
_VIDEOS = Items(LookVideoBody, VideoInLook, urls=["cloudinary_url"])
_LOOKS = Items(
    LookBody,
    LookRow,
    urls=["generated_image_url"],
    made=["products", "shared_with", "videos", "default_thumbnail_type", "default_thumbnail_url"],
)
_LOOKS_OF_JOB = Items(AssociatedLookBody, LookOfJob, urls=["generated_image_url"])
_JOBS = Items(VideoJobListItem, VideoJobRow, urls=["cloudinary_url", "thumbnail_url"], made=["associated_looks"])


def columns_of(row: Row) -> dict[str, Any]:
    """Return what a row has, by name."""
    return {name: getattr(row, name) for name in row.columns()}


def video_job_body(
    job: VideoJobRow, logs: Sequence[ShownLine], in_looks: Sequence[LookOfJob], place: QueuePlace | None, show: ShowUrl
) -> VideoJobBody:
    """Put a job together."""
    return VideoJobBody.model_validate(
        columns_of(job)
        | {
            "cloudinary_url": job.cloudinary_url and show(job.cloudinary_url),
            "thumbnail_url": job.thumbnail_url and show(job.thumbnail_url),
            "queue_position": place and place.position,
            "estimated_wait_seconds": place and place.estimated_wait_seconds,
            "logs": [
                LogLineBody.model_validate(line, from_attributes=True) for line in video_jobs.logs_of_version(job, logs)
            ],
            "associated_looks": _LOOKS_OF_JOB.of(in_looks, show),
        }
    )


def video_job_list_items(
    jobs: Sequence[VideoJobRow], in_looks: Mapping[UUID, Sequence[LookOfJob]], show: ShowUrl
) -> list[Item]:
    """Return the items of a page of jobs."""
    return _JOBS.of(
        jobs,
        show,
        prompt=[job.prompt and job.prompt[:PROMPT_IN_LIST] for job in jobs],
        associated_looks=_LOOKS_OF_JOB.of_each([in_looks.get(job.id, ()) for job in jobs], show),
    )


def look_bodies(
    rows: Sequence[LookRow],
    products: Mapping[UUID, Sequence[ProductRow]],
    videos: Mapping[UUID, Sequence[VideoInLook]],
    shared_with: Mapping[UUID, Sequence[SharedWith]],
    show: ShowUrl,
) -> list[Item]:
    """Put looks together, given what belongs to each by its id."""
    ids = [look.id for look in rows]
    shown = [videos.get(id_, ()) for id_ in ids]
    thumbnails = [looks.thumbnail(look, found) for look, found in zip(rows, shown, strict=True)]
    return _LOOKS.of(
        rows,
        show,
        products=_PRODUCTS.of_each([products.get(id_, ()) for id_ in ids], show),
        shared_with=_SHARED_WITH.of_each([shared_with.get(id_, ()) for id_ in ids], show),
        videos=_VIDEOS.of_each(shown, show),
        default_thumbnail_type=[thumbnail.type for thumbnail in thumbnails],
        default_thumbnail_url=[show(thumbnail.url) for thumbnail in thumbnails],
    )
