"""`/api/v1/video-jobs`: a multipart form in, the legacy frontend's job out."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile

from db.models import VideoJob
from db.session import Session
from resolvers import video_jobs
from resolvers.errors import InvalidLook, VideoJobNotFound
from resolvers.video_job_input import DEFAULT_DURATION_SECONDS, VideoJobInput
from rest_compat.ids import uuid_or
from rest_compat.services import AdmittedCaller, Services
from rest_compat.wire import FormBoolean, InsufficientTokensBody, RefusalBody, VideoJobBody, video_job_body

router = APIRouter(prefix="/api/v1/video-jobs", tags=["video jobs"])

REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": RefusalBody, "description": "A field breaks its rule, or the look is not the caller's"},
    401: {"model": RefusalBody, "description": "No valid token"},
    402: {"model": InsufficientTokensBody, "description": "The balance does not cover the cost"},
    403: {"model": RefusalBody, "description": "The account is not active"},
    429: {"model": RefusalBody, "description": "Three jobs are in progress already"},
    503: {"model": RefusalBody, "description": "Real generation is not configured"},
}


def video_job_input(  # noqa: PLR0913 - one parameter for each field of the form
    *,
    prompt: Annotated[str | None, Form(description="What to show; this or `initialImage` is needed")] = None,
    model: Annotated[str, Form(description="Such as `veo-3.1-generate-preview`; a leading `models/` is accepted")],
    resolution: Annotated[str, Form(description="`720p` or `1080p`")],
    aspect_ratio: Annotated[str, Form(alias="aspectRatio", description="`16:9` or `9:16`")],
    duration_seconds: Annotated[int, Form(alias="durationSeconds", description="4 or 8")] = DEFAULT_DURATION_SECONDS,
    generate_audio: Annotated[FormBoolean, Form(alias="generateAudio")] = False,
    mock_mode: Annotated[FormBoolean, Form(alias="mockMode", description="`true` for a mock video, `false` for Veo")],
    look_id: Annotated[str | None, Form(alias="lookId", description="A look of the caller's, to show it in")] = None,
    look_id_in_query: Annotated[str | None, Query(alias="look_id", description="The same as `lookId`")] = None,
    initial_image: Annotated[UploadFile | None, File(alias="initialImage")] = None,
    end_frame: Annotated[UploadFile | None, File(alias="endFrame")] = None,  # noqa: ARG001 - not used by mock videos
    reference_images: Annotated[list[UploadFile] | None, File(alias="referenceImages", max_length=3)] = None,  # noqa: ARG001 - as above
    idempotency_key: Annotated[str | None, Header(description="Makes a repeated request safe, for 24 hours")] = None,
) -> VideoJobInput:
    """Read the form."""
    return VideoJobInput(
        prompt=prompt,
        model=model,
        resolution=resolution,
        aspect_ratio=aspect_ratio,
        duration_seconds=duration_seconds,
        generate_audio=generate_audio,
        mock_mode=mock_mode,
        look_id=_one_look(look_id, look_id_in_query),
        has_initial_image=initial_image is not None and bool(initial_image.size),
        idempotency_key=idempotency_key,
    )


@router.post("", status_code=202, responses=REFUSALS)
async def create_video_job(
    caller: AdmittedCaller,
    asked: Annotated[VideoJobInput, Depends(video_job_input)],
    services: Services,
    request: Request,
    response: Response,
) -> VideoJobBody:
    """Charge for a video and queue its generation."""
    async with services.database.transaction() as session:
        created = await video_jobs.create(session, caller, asked, real_generation=services.real_generation)
        body = await _body(session, created.job, request)
    response.headers["Location"] = request.url_for("read_video_job", video_job_id=str(created.job.id)).path
    if created.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return body


@router.get("/{video_job_id}", responses={401: REFUSALS[401], 404: {"model": RefusalBody}})
async def read_video_job(
    video_job_id: str, caller: AdmittedCaller, services: Services, request: Request
) -> VideoJobBody:
    """Read a job of the caller's."""
    async with services.database.transaction() as session:
        job = await video_jobs.get(session, caller, uuid_or(video_job_id, VideoJobNotFound))
        return await _body(session, job, request)


async def _body(session: Session, job: VideoJob, request: Request) -> VideoJobBody:
    logs = await video_jobs.logs_by_job(session, [job.id])
    in_looks = await video_jobs.looks_by_job(session, [job.id])
    return video_job_body(job, logs[job.id], in_looks[job.id], str(request.base_url))


def _one_look(in_form: str | None, in_query: str | None) -> str | None:
    """Take the look from wherever it is given; two different ones are no look."""
    if in_form and in_query and in_form.strip().lower() != in_query.strip().lower():
        raise InvalidLook
    return in_form or in_query
