"""`/api/v1/video-jobs`: a multipart form in, the legacy frontend's job out; `/api/v1/video-models`."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Query, Response
from fastapi.responses import RedirectResponse

from db.engine.statements import Reader
from db.video_jobs import VideoJobRow
from resolvers import looks, video_job_creation, video_job_images, video_job_lists, video_jobs
from resolvers.errors import InvalidInput, LookNotFound, VideoJobNotFound
from resolvers.limits import queue_places
from resolvers.texts import uuid_or
from resolvers.video_job_creation import CreatedVideoJob
from resolvers.video_job_images import Uploads
from resolvers.video_job_input import VideoJobInput
from resolvers.video_job_retries import asked_again
from rest_compat.bodies import json_response, rate_limit_headers, video_job_body, video_job_list_items
from rest_compat.conditional import (
    WholeJob,
    body_of,
    is_named,
    not_modified,
    seconds_to_wait,
    wait_for_change,
    whole_job,
)
from rest_compat.paging import DEFAULT_PAGE, LARGEST_SKIP, Limit, Skip, given
from rest_compat.services import (
    IN_TURN,
    NOTHING,
    AdmittedCall,
    Call,
    LookId,
    VideoJobId,
    allow,
    no_parameters,
    router_at,
)
from rest_compat.video_job_form import VideoJobRoute, video_job_input, video_job_uploads
from rest_compat.wire import (
    PLAIN,
    DefaultVideoBody,
    IdempotencyKey,
    InsufficientTokensBody,
    InvalidRequestBody,
    RefusalBody,
    VideoJobBody,
    VideoJobListBody,
    VideoModelBody,
    VideoModelListBody,
)

router = router_at("/api/v1/video-jobs", "video jobs", VideoJobRoute)
models_router = router_at("/api/v1/video-models", "video jobs")

REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "A field breaks its rule, or the look is not the caller's"},
    401: {"model": RefusalBody, "description": "No valid token"},
    402: {"model": InsufficientTokensBody, "description": "The balance does not cover the cost"},
    403: {"model": RefusalBody, "description": "The account is not active"},
    409: {"model": RefusalBody, "description": "The price is not `expectedCost`, or the key's job has been deleted"},
    415: {"model": RefusalBody, "description": "The body is no multipart form"},
    422: {
        "model": InvalidRequestBody | RefusalBody,
        "description": "A field is missing or of the wrong type, or the idempotency key stands for another request",
    },
    429: {"model": RefusalBody, "description": "All slots are taken, or the day's spending ceiling is reached"},
    503: {"model": RefusalBody, "description": "New videos are paused, or real ones not configured or suspended"},
}


NOT_FOUND: dict[str, object] = {"model": RefusalBody, "description": "Not the caller's, or not there"}
LOOK_VIDEO_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "The look does not show the video"},
    401: REFUSALS[401],
    404: NOT_FOUND,
}


# There are ten fields of text, the longest one a prompt, and five files; of a few more, the rules say what is wrong.
MOST_FIELDS = 40
MOST_FILES = 10
LARGEST_FIELD = 64 * 1024


@router.post(
    "",
    status_code=202,
    responses=REFUSALS,
    form_limits={
        "max_fields": MOST_FIELDS,
        "max_files": MOST_FILES,
        "max_part_size": LARGEST_FIELD,
    },
)
async def create_video_job(
    call: Call,
    asked: Annotated[VideoJobInput, Depends(video_job_input)],
    uploads: Annotated[Uploads, Depends(video_job_uploads)],
    response: Response,
) -> VideoJobBody:
    """Charge for a video and queue its generation."""
    if asked.uses_look or any(uploads.parts()):
        allow(call.request, None)  # the images' storage has limits of its own, and so has each use of the database
    return await _created(call, video_job_images.stored(call.services, call.caller, asked, uploads), response)


@router.get("", response_model=VideoJobListBody, responses={401: REFUSALS[401]}, dependencies=[IN_TURN])
async def list_video_jobs(
    call: Call,
    *,
    skip: Skip = 0,
    offset: Annotated[int | None, Query(ge=0, le=LARGEST_SKIP, description="An old name for `skip`"), PLAIN] = None,
    limit: Limit = DEFAULT_PAGE,
    status_filter: Annotated[str | None, Query(description="Only jobs of this status, such as `SUCCEEDED`")] = None,
) -> Response:
    """List the caller's own jobs, newest first."""
    start = skip if offset is None else offset
    page = await video_job_lists.offset_page(call.reader, call.caller, given(status_filter), skip=start, limit=limit)
    in_looks = await video_jobs.looks_by_job(call.reader, [job.id for job in page.rows])
    items = video_job_list_items(page.rows, in_looks, call.show)
    return json_response({"jobs": items, "total": page.total, "skip": start, "limit": limit})


IfNoneMatch = Annotated[
    list[str] | None,
    Header(alias="If-None-Match", description="Tags of what the client has: 304 where one of them is current"),
]
Prefer = Annotated[
    list[str] | None,
    Header(
        alias="Prefer",
        description="`wait=25` (RFC 7240): where `If-None-Match` names what is current, wait so long for a change",
    ),
]


@router.get(
    "/{video_job_id}",
    response_model=VideoJobBody,
    responses={304: {"description": "What `If-None-Match` names is current"}, 401: REFUSALS[401], 404: NOT_FOUND},
)
async def read_video_job(
    video_job_id: VideoJobId, call: Call, response: Response, if_none_match: IfNoneMatch = None, prefer: Prefer = None
) -> VideoJobBody | Response:
    """Read a job of the caller's, where it has changed (RFC 9110, section 13.1.2) or as soon as it has (RFC 7240)."""
    whole, body = await _read(call, video_job_id, if_none_match)
    applied, seconds = {}, seconds_to_wait(prefer)
    if body is None and seconds and not whole.state.is_terminal:
        allow(call.request, seconds + call.services.timeout_seconds)
        if await wait_for_change(call, whole.job, seconds=seconds):
            applied = {"Preference-Applied": f"wait={seconds}"}
            call = replace(call, caller=await call.services.still_active(call.caller))
        whole, body = await _read(call, video_job_id, if_none_match)
    if body is None:
        return not_modified(whole.state, applied)
    response.headers.update(applied | whole.state.headers())
    return body


@router.get(
    "/{video_job_id}/download",
    status_code=302,
    response_class=RedirectResponse,
    responses={400: {"model": RefusalBody}, 401: REFUSALS[401], 404: {"model": RefusalBody}},
)
async def download_video(video_job_id: VideoJobId, call: Call) -> str:
    """Go to the stored video, to be saved as a file under the job's id."""
    stored = await video_jobs.stored_video(call.reader, call.caller, uuid_or(video_job_id, VideoJobNotFound))
    return call.show(call.services.storage.as_download(stored))


@router.post("/{video_job_id}/cancel", responses={401: REFUSALS[401], 404: NOT_FOUND, 409: {"model": RefusalBody}})
async def cancel_video_job(video_job_id: VideoJobId, call: Call) -> VideoJobBody:
    """End a job that is in progress; a waiting job's tokens come back."""
    async with call.transaction() as transaction:
        job = await video_jobs.cancel(transaction, call.caller, uuid_or(video_job_id, VideoJobNotFound))
        return await _body(call, transaction, job)


@router.post(
    "/{video_job_id}/retry",
    status_code=202,
    responses=REFUSALS | {404: NOT_FOUND},
    dependencies=[Depends(no_parameters)],
)
async def retry_video_job(
    video_job_id: VideoJobId, call: Call, response: Response, idempotency_key: IdempotencyKey = None
) -> VideoJobBody:
    """Charge for a new job of what an earlier one asked for, its images included while they are kept."""
    allow(call.request, None)  # as for a create: there may be images
    body = b"".join([piece async for piece in call.request.stream()])
    if body.strip() not in NOTHING:
        raise InvalidInput("A retry asks for what the earlier job asked for, and takes nothing else")
    job_id = uuid_or(video_job_id, VideoJobNotFound)
    asking = asked_again(call.services, call.caller, job_id, idempotency_key=idempotency_key)
    return await _created(call, asking, response)


@router.delete("/{video_job_id}", status_code=204, responses={401: REFUSALS[401], 404: NOT_FOUND})
async def delete_video_job(video_job_id: VideoJobId, call: Call) -> None:
    """Delete a job, cancelled first where it is in progress."""
    async with call.transaction() as transaction:
        await video_jobs.delete(transaction, call.caller, uuid_or(video_job_id, VideoJobNotFound))


@router.patch("/{video_job_id}/set-default-for-look/{look_id}", responses=LOOK_VIDEO_REFUSALS)
async def set_default_for_look(video_job_id: VideoJobId, look_id: LookId, call: Call) -> DefaultVideoBody:
    """Let a video stand for its look."""
    return await _set_default(call, video_job_id, look_id, is_default=True)


@router.patch("/{video_job_id}/unset-default-for-look/{look_id}", responses=LOOK_VIDEO_REFUSALS)
async def unset_default_for_look(video_job_id: VideoJobId, look_id: LookId, call: Call) -> DefaultVideoBody:
    """Let a video no longer stand for its look."""
    return await _set_default(call, video_job_id, look_id, is_default=False)


async def _created(
    call: AdmittedCall, asking: AbstractAsyncContextManager[VideoJobInput], response: Response
) -> VideoJobBody:
    async with asking as asked, call.transaction() as transaction:
        created = await video_job_creation.create(transaction, call.caller, asked, call.services.catalogue)
        body = await _body_of_created(call, transaction, created)
    response.headers["Location"] = call.request.url_for("read_video_job", video_job_id=str(created.job.id)).path
    response.headers.update(rate_limit_headers(created.free_slots, created.slots))
    if created.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return body


async def _set_default(call: AdmittedCall, video_job_id: str, look_id: str, *, is_default: bool) -> DefaultVideoBody:
    video, look = uuid_or(video_job_id, VideoJobNotFound), uuid_or(look_id, LookNotFound)
    async with call.transaction() as transaction:
        await looks.set_default(transaction, call.caller, video, look, is_default=is_default)
    message = "Video set as default successfully" if is_default else "Video unset as default successfully"
    return DefaultVideoBody(message=message, video_id=video, look_id=look, is_default=is_default)


async def _read(
    call: AdmittedCall, video_job_id: str, if_none_match: list[str] | None
) -> tuple[WholeJob, VideoJobBody | None]:
    """Read a job, and put its body together unless the client has it already."""
    job = await video_jobs.read(call.reader, call.caller, uuid_or(video_job_id, VideoJobNotFound))
    whole = await whole_job(call.reader, job, call.services)
    has_it = is_named(whole.state.tag, if_none_match)
    return whole, None if has_it else await body_of(call.reader, whole, call.show)


async def _body(call: AdmittedCall, reader: Reader, job: VideoJobRow) -> VideoJobBody:
    return await body_of(reader, await whole_job(reader, job, call.services), call.show)


async def _body_of_created(call: AdmittedCall, reader: Reader, created: CreatedVideoJob) -> VideoJobBody:
    """Put a job together; of a new one, what was written a moment ago is not read again."""
    job = created.job
    if created.first_line is None:
        return await _body(call, reader, job)
    in_looks = await video_jobs.looks_by_job(reader, [job.id]) if created.in_look else {}
    places = await queue_places(reader, [job.id], call.services.catalogue)
    return video_job_body(job, [created.first_line], in_looks.get(job.id, ()), places.get(job.id), call.show)


@models_router.get("", responses={401: {"model": RefusalBody}})
async def list_video_models(call: Call) -> VideoModelListBody:
    """List the video models, with what each can do and what it costs."""
    models = call.services.catalogue.models.values()
    return VideoModelListBody(models=[VideoModelBody.model_validate(model, from_attributes=True) for model in models])
