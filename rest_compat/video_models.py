"""`/api/v1/video-models`: what can be asked for."""

from rest_compat.services import Call, router_at
from rest_compat.wire import RefusalBody, VideoModelBody, VideoModelListBody

router = router_at("/api/v1/video-models", "video jobs")


@router.get("", responses={401: {"model": RefusalBody}})
async def list_video_models(call: Call) -> VideoModelListBody:
    """List the video models, with what each can do and what it costs."""
    models = call.services.catalogue.models.values()
    return VideoModelListBody(models=[VideoModelBody.model_validate(model, from_attributes=True) for model in models])
