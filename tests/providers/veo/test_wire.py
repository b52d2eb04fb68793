"""What goes over the wire, with an API key and with a project: Google's own SDK against a double of Veo."""

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from media.images import Image
from providers.veo.generator import VeoGenerator
from resolvers.ports import Generated, StillGenerating, VideoGenerator
from tests.doubles.answers import Answer
from tests.doubles.veo import VeoDouble
from tests.providers.veo.asking import MODEL, asked, finished

JPEG = Image(b"\xff\xd8\xfe\xfb\xff a jpeg", "image/jpeg", "jpg")
PNG = Image(b"\x89PNG a png", "image/png", "png")


def test_it_fits_the_port(generator: VeoGenerator) -> None:
    port: VideoGenerator = generator  # mypy is the one who checks this

    assert port.submitting_costs


async def test_a_prompt_goes_out_with_what_veo_requires_and_nothing_else(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    name = await generator.submit(asked(generate_audio=False))

    (submit,) = veo.submits
    assert submit.operation_name == name
    assert submit.model == MODEL
    assert submit.body == {
        "instances": [{"prompt": "A dress in the wind"}],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "16:9",
            "resolution": "720p",
            "generateAudio": False,
        },
    }


async def test_images_go_out_as_base64_with_their_types(generator: VeoGenerator, veo: VeoDouble) -> None:
    await generator.submit(asked(prompt=None, initial_image=JPEG, end_frame=PNG, resolution="1080p"))

    instance = {"image": on_the_wire(JPEG), "lastFrame": on_the_wire(PNG)}
    assert veo.submits[0].body["instances"] == [instance]
    assert veo.submits[0].body["parameters"]["resolution"] == "1080p"
    assert veo.submits[0].body["parameters"]["generateAudio"] is True


async def test_reference_images_go_out_as_assets(generator: VeoGenerator, veo: VeoDouble) -> None:
    await generator.submit(asked(reference_images=(JPEG, PNG)))

    (instance,) = veo.submits[0].body["instances"]
    assert instance["referenceImages"] == [
        {"image": on_the_wire(JPEG), "referenceType": "ASSET"},
        {"image": on_the_wire(PNG), "referenceType": "ASSET"},
    ]


async def test_a_submit_with_large_images_is_sent_whole(generator: VeoGenerator, veo: VeoDouble) -> None:
    image = Image(bytes(5 * 1024**2), "image/png", "png")

    await asyncio.gather(*(generator.submit(asked(initial_image=image)) for _ in range(3)))

    assert [submit.body["instances"][0]["image"] for submit in veo.submits] == 3 * [on_the_wire(image)]


def on_the_wire(image: Image) -> dict[str, str]:
    return {"bytesBase64Encoded": base64.b64encode(image.data).decode(), "mimeType": image.media_type}


async def test_express_mode_shows_the_key_and_names_no_project(
    generator: VeoGenerator, veo: VeoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")

    await finished(generator)

    assert veo.submits[0].path == f"/v1beta1/publishers/google/models/{MODEL}:predictLongRunning"
    assert veo.submits[0].headers["x-goog-api-key"] == "the key"
    assert "authorization" not in veo.submits[0].headers
    assert veo.tokens == 0


@pytest.mark.usefixtures("account", "scratch")
async def test_project_mode_shows_a_token_and_names_project_and_region(
    another: Callable[..., VeoGenerator], veo: VeoDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "not to be used")

    await finished(another(project="ours", api_key=None))

    place = "projects/ours/locations/us-central1/publishers/google/models"
    assert veo.submits[0].path == f"/v1beta1/{place}/{MODEL}:predictLongRunning"
    assert veo.submits[0].headers["authorization"] == "Bearer token-1"
    assert "x-goog-api-key" not in veo.submits[0].headers
    assert veo.polls[0].startswith(f"{place}/{MODEL}/operations/")
    assert veo.tokens == 1


@pytest.mark.usefixtures("scratch")
async def test_any_generator_goes_on_with_an_operation_of_which_it_knows_the_name(
    another: Callable[..., VeoGenerator], generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.polls_until_done = 1
    name = await generator.submit(asked())
    assert isinstance(await generator.poll(name), StillGenerating)

    outcome = await another().poll(name)

    assert isinstance(outcome, Generated)
    assert outcome.video.read_bytes() == veo.video
    assert veo.polls == [name, name]


# A stand-in for aiohttp: the SDK finds it, and would fail with it.
AIOHTTP = """
from types import ModuleType
class ClientSession:
    def __init__(self, *args, **kwargs):
        raise SystemExit("aiohttp was used")
class TCPConnector(ClientSession): pass
class ClientResponse: pass
class ClientTimeout(ClientSession): pass
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Exception,), {})
"""

SUBMITTING = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from google.genai import _api_client
from providers.veo.generator import VeoAccess, VeoGenerator
from resolvers.ports import GenerationRequest, SubmissionUncertain
async def main():
    assert _api_client.has_aiohttp
    access = VeoAccess(
        location="us-central1", api_key="key", base_url=sys.argv[1], poll_seconds=10.0, scratch=Path("unused")
    )
    generator = VeoGenerator(access)
    request = GenerationRequest(
        video_job_id=UUID(int=7),
        prompt="A dress",
        model="veo-3.1-generate-001",
        resolution="720p",
        aspect_ratio="16:9",
        generate_audio=True,
        mock_mode=False,
    )
    try:
        await generator.submit(request)
    except SubmissionUncertain as error:
        print(error)
    print(await generator.submit(request))
    await generator.aclose()
asyncio.run(main())
"""


async def test_a_dropped_submit_is_not_sent_again_where_aiohttp_is_installed(veo: VeoDouble, tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text(AIOHTTP)
    veo.script_submit(Answer(trouble="drop", accepts=True))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SUBMITTING, veo.url],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    lost, kept = list(veo.accepted)
    assert lost not in done.stdout
    assert done.stdout.splitlines()[0].startswith("RemoteProtocolError")
    assert done.stdout.splitlines()[1] == kept
