"""Google's own SDK against a double of Veo: what goes over the wire, and what each of its failures means to a job."""

import asyncio
import base64
import math
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from google.auth.exceptions import RefreshError
from starlette.types import ASGIApp, Receive, Scope, Send

from providers.result_files import result_file
from providers.veo import POLLS_AT_ONCE, VeoAccess, VeoGenerator
from providers.veo_errors import failed_submit
from resolvers.images import Image
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationInterrupted,
    GenerationRequest,
    GeneratorMisconfigured,
    GeneratorUnreachable,
    NotAccepted,
    StillGenerating,
    SubmissionUncertain,
    VideoGenerator,
)
from tests.doubles.answers import Answer, done, error, failed, filtered, quota_exceeded
from tests.doubles.google_account import service_account_file
from tests.doubles.serving import serving_app
from tests.doubles.veo import VeoDouble
from tests.house import eventually

MODEL = "veo-3.1-generate-001"
LARGE = 24 * 1024**2
JPEG = Image(b"\xff\xd8\xfe\xfb\xff a jpeg", "image/jpeg", "jpg")
PNG = Image(b"\x89PNG a png", "image/png", "png")


class Front:
    """One server for all tests; each has a double of its own behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp = VeoDouble().app
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    front = Front()
    async with serving_app(front) as front.url:
        yield front


@pytest.fixture
def veo(front: Front) -> Iterator[VeoDouble]:
    veo = VeoDouble()
    veo.url, front.app = front.url, veo.app
    yield veo
    veo.release()


@pytest.fixture(scope="module")
def access(front: Front, tmp_path_factory: pytest.TempPathFactory) -> VeoAccess:
    """With an API key. The scratch folder is not there yet: whoever writes first makes it."""
    scratch = tmp_path_factory.mktemp("veo") / "not" / "yet"
    return VeoAccess(None, "us-central1", "the key", front.url, 10.0, None, scratch)


@pytest.fixture(scope="module")
async def shared_generator(access: VeoAccess) -> AsyncIterator[VeoGenerator]:
    """One for most tests: each new one reads the system's certificates."""
    generator = VeoGenerator(access)
    yield generator
    await generator.aclose()


@pytest.fixture
def generator(shared_generator: VeoGenerator, veo: VeoDouble) -> VeoGenerator:
    assert veo.url
    return shared_generator


@pytest.fixture
async def another(access: VeoAccess, veo: VeoDouble) -> AsyncIterator[Callable[..., VeoGenerator]]:
    """Generators whose access differs."""
    made: list[VeoGenerator] = []

    def make(**changes: Any) -> VeoGenerator:
        assert veo.url
        made.append(VeoGenerator(replace(access, **changes)))
        return made[-1]

    yield make
    for generator in made:
        await generator.aclose()


@pytest.fixture
def scratch(access: VeoAccess) -> Iterator[Path]:
    yield access.scratch
    for file in access.scratch.glob("*"):
        file.unlink()


@pytest.fixture
def account(veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = service_account_file(tmp_path / "account.json", f"{veo.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*"))


def asked(**changes: Any) -> GenerationRequest:
    plain = GenerationRequest(UUID(int=7), "A dress in the wind", MODEL, "720p", "16:9", 8, generate_audio=True)
    return replace(plain, **changes)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def finished(generator: VeoGenerator) -> Generated:
    """Submit and poll once, with a double that is done at once."""
    outcome = await generator.poll(await generator.submit(asked()))
    assert isinstance(outcome, Generated)
    return outcome


def test_it_fits_the_port(generator: VeoGenerator) -> None:
    port: VideoGenerator = generator  # mypy is the one who checks this

    assert port.submitting_costs


def test_without_a_project_or_a_key_there_is_no_generator(access: VeoAccess) -> None:
    with pytest.raises(ValueError, match="project or an API key"):
        VeoGenerator(replace(access, api_key=None))


# The wire


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
from providers.veo import VeoAccess, VeoGenerator
from resolvers.ports import GenerationRequest, SubmissionUncertain
async def main():
    assert _api_client.has_aiohttp
    generator = VeoGenerator(VeoAccess(None, "us-central1", "key", sys.argv[1], 10.0, None, Path("unused")))
    request = GenerationRequest(UUID(int=7), "A dress", "veo-3.1-generate-001", "720p", "16:9", 8, generate_audio=True)
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


# Submits that fail


@pytest.mark.parametrize("status", [400, 409, 413])
async def test_a_refused_submit_fails_with_googles_message(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Prompts of violence are not allowed", reason="INVALID_ARGUMENT"))

    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked())

    assert type(caught.value) is GenerationFailed
    assert caught.value.code == "REJECTED_BY_GENERATOR"
    assert "Prompts of violence are not allowed" in caught.value.message
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_submit_without_permission_tells_the_owner_nothing_and_the_operator_all(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Permission denied on project secret-project", reason="PERMISSION_DENIED"))

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())

    assert caught.value.code == "GENERATOR_MISCONFIGURED"
    assert "secret-project" not in caught.value.message
    assert caught.value.reason == "Permission denied on project secret-project"
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


async def test_a_model_that_is_gone_is_named(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_submit(error(404, "Publisher Model was not found", reason="NOT_FOUND"))

    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked(model="veo-2.0-generate-exp"))

    assert caught.value.code == "MODEL_NOT_AVAILABLE"
    assert "veo-2.0-generate-exp" in caught.value.message
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


QUOTA_ANSWERS = [
    (quota_exceeded("12s"), 12.0),
    (quota_exceeded("0.5s"), 0.5),
    (quota_exceeded("soon"), None),
    (quota_exceeded("infs"), None),
    (quota_exceeded(), None),
    (replace(quota_exceeded(), headers={"Retry-After": "7"}), 7.0),
    (replace(quota_exceeded("12s"), headers={"Retry-After": "7"}), 12.0),
    (replace(quota_exceeded(), headers={"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}), 0.0),
    (Answer(b"slow down", status=429), None),
    (Answer(b'[{"error": {"details": "none"}}]', status=429), None),
]


@pytest.mark.parametrize(("answer", "seconds"), QUOTA_ANSWERS)
async def test_a_submit_over_quota_is_certainly_not_accepted_and_honours_the_wait(
    generator: VeoGenerator, veo: VeoDouble, answer: Answer, seconds: float | None
) -> None:
    veo.script_submit(answer)

    with pytest.raises(NotAccepted) as caught:
        await generator.submit(asked())

    assert caught.value.is_certain
    assert caught.value.retry_after_seconds == seconds
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 529])
async def test_a_server_error_on_submit_is_probably_not_accepted_and_not_tried_again_here(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Unavailable", reason="UNAVAILABLE"))

    with pytest.raises(NotAccepted, match=f"{status}.*Unavailable") as caught:
        await generator.submit(asked())

    assert not caught.value.is_certain
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_submit_that_cannot_connect_is_certainly_not_accepted(
    another: Callable[..., VeoGenerator], scheme: str
) -> None:
    generator = another(base_url=f"{scheme}://127.0.0.1:{free_port()}")

    with pytest.raises(NotAccepted, match="ConnectError") as caught:
        await generator.submit(asked())

    assert caught.value.is_certain


async def test_a_submit_that_fails_at_tls_is_certainly_not_accepted(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    generator = another(base_url=veo.url.replace("http:", "https:"))

    with pytest.raises(NotAccepted, match="ConnectError") as caught:
        await generator.submit(asked())

    assert caught.value.is_certain
    assert veo.submits == []


async def test_a_base_url_that_is_none_is_an_operators_mistake(another: Callable[..., VeoGenerator]) -> None:
    with pytest.raises(GeneratorMisconfigured) as caught:
        await another(base_url="localhost:8080").submit(asked())

    assert "localhost" not in caught.value.message


AMBIGUOUS = {
    "dropped": Answer(trouble="drop", accepts=True),
    "dropped before it was accepted": Answer(trouble="drop"),
    "dropped in the middle of the answer": Answer(trouble="drop mid-body"),
    "broken JSON": Answer(b'{"name": "projects/', accepts=True),
    "JSON, but no object": Answer(b"[1, 2]", accepts=True),
    "empty": Answer(b"", accepts=True),
    "no name": Answer({"done": False}, accepts=True),
    "an empty name": Answer({"name": ""}, accepts=True),
    "a name that is no text": Answer({"name": {"projects": 1}}, accepts=True),
    "a redirect": Answer({}, status=307, headers={"Location": "/elsewhere"}, accepts=True),
    "created": Answer({}, status=201, accepts=True),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
async def test_an_ambiguous_submit_is_uncertain_and_sent_once(
    generator: VeoGenerator, veo: VeoDouble, kind: str
) -> None:
    veo.script_submit(AMBIGUOUS[kind])

    with pytest.raises(SubmissionUncertain):
        await generator.submit(asked())

    assert len(veo.submits) == 1
    assert len(veo.accepted) == (kind != "dropped before it was accepted")


async def test_a_submit_without_an_answer_in_time_is_uncertain(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    veo.script_submit(Answer(trouble="hang", accepts=True))

    with pytest.raises(SubmissionUncertain, match="ReadTimeout"):
        await another(timeout_seconds=0.2).submit(asked())

    assert (len(veo.submits), len(veo.accepted)) == (1, 1)


async def test_a_cancelled_submit_is_cancelled(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_submit(Answer(trouble="hang"))
    task = asyncio.create_task(generator.submit(asked()))
    await eventually(number_of(veo.submits), lambda number: number == 1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_mistake_of_ours_is_not_taken_for_an_uncertain_submit(generator: VeoGenerator, veo: VeoDouble) -> None:
    with pytest.raises(ValueError, match="model"):
        await generator.submit(asked(model="../elsewhere"))

    assert veo.submits == []


def number_of(calls: list[Any]) -> Callable[[], Any]:
    async def read() -> int:
        return len(calls)

    return read


# Credentials


async def test_without_credentials_the_generator_is_misconfigured(
    another: Callable[..., VeoGenerator], veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    generator = another(project="ours", api_key=None)

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())
    with pytest.raises(GeneratorUnreachable, match=r"missing\.json"):
        await generator.poll("projects/ours/operations/1")

    assert "missing.json" in caught.value.reason
    assert "missing.json" not in caught.value.message
    assert veo.submits == []


@pytest.mark.usefixtures("account")
async def test_with_refused_credentials_the_generator_is_misconfigured(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    veo.script_token(Answer({"error": "invalid_grant", "error_description": "Invalid JWT"}, status=400))

    with pytest.raises(GeneratorMisconfigured) as caught:
        await another(project="ours", api_key=None).submit(asked())

    assert "Invalid JWT" in caught.value.reason
    assert veo.submits == []


async def test_without_a_way_to_the_token_endpoint_a_submit_was_certainly_not_accepted(
    another: Callable[..., VeoGenerator], veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = service_account_file(tmp_path / "account.json", f"http://127.0.0.1:{free_port()}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(NotAccepted, match="TransportError") as caught:
        await another(project="ours", api_key=None).submit(asked())

    assert caught.value.is_certain
    assert veo.submits == []


def test_a_token_endpoint_in_trouble_is_no_misconfiguration() -> None:
    passing = RefreshError("503", retryable=True)  # type: ignore[no-untyped-call]
    meaning = failed_submit(passing, MODEL, went_out=False)

    assert isinstance(meaning, NotAccepted)
    assert meaning.is_certain


# Polls


async def test_an_operation_under_way_is_asked_about_again_at_about_the_usual_time(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.polls_until_done = 100
    name = await generator.submit(asked())

    outcomes = [await generator.poll(name) for _ in range(10)]

    waits = [outcome.ask_again_seconds for outcome in outcomes if isinstance(outcome, StillGenerating)]
    assert len(waits) == 10
    assert all(8.0 <= wait <= 12.0 for wait in waits)
    assert len(set(waits)) > 1


UNREACHABLE = {
    "500": error(500, "Internal"),
    "503": error(503, "Unavailable"),
    "408": error(408, "Too slow"),
    "401": error(401, "Token expired"),
    "403": error(403, "Permission denied"),
    "dropped": Answer(trouble="drop"),
    "dropped in the middle of the video": Answer(trouble="drop mid-body"),
    "broken JSON": Answer(b'{"name": "projects/'),
    "JSON, but no object": Answer(b"[1, 2]"),
    "empty": Answer(b""),
    "a video that is not base64": done(response={"videos": [{"bytesBase64Encoded": "!"}]}),
    "a redirect": Answer({}, status=307, headers={"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("kind", UNREACHABLE)
async def test_a_poll_without_an_answer_leaves_the_operation_as_it_was(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path, kind: str
) -> None:
    name = await generator.submit(asked())
    veo.script_poll(UNREACHABLE[kind])

    with pytest.raises(GeneratorUnreachable) as caught:
        await generator.poll(name)

    assert str(caught.value)
    assert files(scratch) == []
    assert isinstance(await generator.poll(name), Generated)


async def test_a_poll_over_quota_honours_the_wait(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_poll(quota_exceeded("3.5s"))

    with pytest.raises(GeneratorUnreachable) as caught:
        await generator.poll(await generator.submit(asked()))

    assert caught.value.retry_after_seconds == 3.5


async def test_a_poll_without_permission_is_an_error_in_the_log(
    generator: VeoGenerator, veo: VeoDouble, caplog: pytest.LogCaptureFixture
) -> None:
    veo.script_poll(error(403, "Permission denied"))

    with pytest.raises(GeneratorUnreachable):
        await generator.poll(await generator.submit(asked()))

    assert [(record.name, record.levelname) for record in caplog.records if record.name.startswith("lookreel")] == [
        ("lookreel.providers", "ERROR")
    ]
    assert "Permission denied" in caplog.text


async def test_a_poll_without_an_answer_in_time_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    generator = another(timeout_seconds=0.2)
    name = await generator.submit(asked())
    veo.script_poll(Answer(trouble="hang"))

    with pytest.raises(GeneratorUnreachable, match="ReadTimeout"):
        await generator.poll(name)


async def test_a_poll_that_cannot_connect_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator],
) -> None:
    with pytest.raises(GeneratorUnreachable, match="ConnectError"):
        await another(base_url=f"http://127.0.0.1:{free_port()}").poll("projects/ours/operations/1")


FAILURES = [
    (error(404, "Not found"), (GenerationFailed, "RESULT_LOST", "no longer")),
    (error(400, "Bad operation name"), (GenerationFailed, "REJECTED_BY_GENERATOR", "Bad operation name")),
    (failed(3, "A child is seen"), (GenerationFailed, "REJECTED_BY_GENERATOR", "A child is seen")),
    (failed(8, "Overloaded"), (GenerationInterrupted, "GENERATOR_FAULT", "Overloaded")),
    (failed(13, "Internal"), (GenerationInterrupted, "GENERATOR_FAULT", "Internal")),
    (failed(14, "Unavailable"), (GenerationInterrupted, "GENERATOR_FAULT", "Unavailable")),
    (failed(7, "No access to the bucket"), (GenerationFailed, "GENERATION_FAILED", "No access to the bucket")),
    (done(error={"message": "No code"}), (GenerationFailed, "GENERATION_FAILED", "No code")),
    (filtered("Violence.", "Hate."), (GenerationFailed, "CONTENT_FILTERED", "Violence. Hate.")),
    (done(response={"raiMediaFilteredCount": 1}), (GenerationFailed, "CONTENT_FILTERED", "no reason")),
    (done(), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={"videos": []}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={"videos": [{"mimeType": "video/mp4"}]}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
]


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
async def test_an_operation_that_failed_says_so(
    generator: VeoGenerator, veo: VeoDouble, answer: Answer, failure: tuple[type[GenerationFailed], str, str]
) -> None:
    kind, code, words = failure
    veo.script_poll(answer)

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(await generator.submit(asked()))

    assert type(caught.value) is kind
    assert caught.value.code == code
    assert words in caught.value.message


async def test_an_operation_that_veo_never_heard_of_is_lost(generator: VeoGenerator) -> None:
    place = f"projects/p/locations/us-central1/publishers/google/models/{MODEL}"

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(f"{place}/operations/unheard-of")

    assert caught.value.code == "RESULT_LOST"


# Results


async def test_a_video_is_written_whole_to_a_file_of_its_own(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    name = await generator.submit(asked())

    first, second = [await generator.poll(name) for _ in range(2)]

    assert isinstance(first, Generated)
    assert isinstance(second, Generated)
    assert first.is_temporary
    assert list(first.warnings) == []
    assert {first.video.parent, second.video.parent} == {scratch}
    assert first.video != second.video
    assert first.video.read_bytes() == second.video.read_bytes() == veo.video


@pytest.mark.usefixtures("scratch")
async def test_a_video_of_which_something_was_filtered_comes_with_warnings(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.filter_reasons = ["The audio was removed."]

    outcome = await finished(generator)

    assert [warning.endswith(": The audio was removed.") for warning in outcome.warnings] == [True]
    assert outcome.video.read_bytes() == veo.video


async def test_a_scratch_folder_that_cannot_be_written_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    generator = another(scratch=tmp_path / "file")

    with pytest.raises(GeneratorUnreachable, match="scratch"):
        await finished(generator)


@pytest.fixture
def bucketed(
    another: Callable[..., VeoGenerator], veo: VeoDouble, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], VeoGenerator]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", veo.url)
    return lambda: another(output_gcs_uri="gs://ours/videos/")


async def test_a_video_in_a_bucket_is_downloaded(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path
) -> None:
    veo.filter_reasons = ["The audio was removed."]
    generator = bucketed()

    outcome = await generator.poll(await generator.submit(asked(attempt=2)))

    folder = f"gs://ours/videos/{UUID(int=7)}-2/"
    assert veo.submits[0].body["parameters"]["storageUri"] == folder
    assert list(veo.bucket) == [f"{folder}sample_0.mp4"]
    assert isinstance(outcome, Generated)
    assert outcome.is_temporary
    assert len(outcome.warnings) == 1
    assert outcome.video.parent == scratch
    assert outcome.video.read_bytes() == veo.video


async def test_a_video_that_is_gone_from_its_bucket_is_lost(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path
) -> None:
    veo.script_download(error(404, "No such object"))

    with pytest.raises(GenerationFailed) as caught:
        await finished(bucketed())

    assert caught.value.code == "RESULT_LOST"
    assert files(scratch) == []


@pytest.mark.parametrize(
    "answer", [error(503, "Unavailable"), error(403, "Denied"), Answer(b"half a video", trouble="drop mid-body")]
)
async def test_a_bucket_in_trouble_leaves_the_operation_as_it_was(
    bucketed: Callable[[], VeoGenerator], veo: VeoDouble, scratch: Path, answer: Answer
) -> None:
    generator = bucketed()
    veo.script_download(answer)
    name = await generator.submit(asked())

    with pytest.raises(GeneratorUnreachable):
        await generator.poll(name)

    assert files(scratch) == []
    assert isinstance(await generator.poll(name), Generated)


# Many at once


async def test_one_large_result_is_read_at_a_time(generator: VeoGenerator, veo: VeoDouble, scratch: Path) -> None:
    veo.give(veo.video, size=LARGE)
    names = [await generator.submit(asked()) for _ in range(4)]

    outcomes = await asyncio.gather(*(generator.poll(name) for name in names))

    assert veo.most_large_answers_under_way == 1
    assert len({outcome.video for outcome in outcomes if isinstance(outcome, Generated)}) == 4
    assert {file.stat().st_size for file in files(scratch)} == {LARGE}


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize("announce_length", [True, False])
async def test_small_answers_pass_large_ones_and_waiting_is_no_timeout(
    another: Callable[..., VeoGenerator], veo: VeoDouble, *, announce_length: bool
) -> None:
    generator = another(timeout_seconds=5.0)
    veo.give(veo.video, size=LARGE)
    veo.announce_length = announce_length
    names = [await generator.submit(asked()) for _ in range(2)]
    veo.hold(names[0])
    first = asyncio.create_task(generator.poll(names[0]))
    await eventually(large_answers(veo), lambda number: number == 1)
    second = asyncio.create_task(generator.poll(names[1]))
    await eventually(number_of(veo.polls), lambda number: number == 2)

    veo.script_poll(*(Answer({"name": "not done"}) for _ in range(100)))
    small = [await generator.poll(names[0]) for _ in range(100)]

    assert all(isinstance(outcome, StillGenerating) for outcome in small)
    assert not first.done()
    assert not second.done()
    veo.release()
    assert all(isinstance(outcome, Generated) for outcome in await asyncio.gather(first, second))


async def test_a_cancelled_poll_leaves_no_file_and_lets_the_next_large_result_in(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    veo.give(veo.video, size=LARGE)
    names = [await generator.submit(asked()) for _ in range(2)]
    veo.hold(names[0])
    reading = asyncio.create_task(generator.poll(names[0]))
    await eventually(large_answers(veo), lambda number: number == 1)
    waiting = asyncio.create_task(generator.poll(names[1]))
    await eventually(number_of(veo.polls), lambda number: number == 2)

    for task in (waiting, reading):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert files(scratch) == []
    veo.release()
    outcome = await generator.poll(names[1])
    assert isinstance(outcome, Generated)
    assert outcome.video.stat().st_size == LARGE


def large_answers(veo: VeoDouble) -> Callable[[], Any]:
    async def read() -> int:
        return veo.large_answers_under_way

    return read


async def test_polls_that_hang_and_are_cancelled_give_their_places_back(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path
) -> None:
    name = await generator.submit(asked())
    veo.script_poll(*(POLLS_AT_ONCE * [Answer(trouble="hang")]))
    tasks = [asyncio.create_task(generator.poll(name)) for _ in range(POLLS_AT_ONCE + 1)]
    await eventually(number_of(veo.polls), lambda number: number == POLLS_AT_ONCE)

    for task in tasks[:-1]:
        task.cancel()

    assert isinstance(await tasks[-1], Generated)
    assert len(files(scratch)) == 1


async def test_a_file_that_nobody_waits_for_any_more_does_not_stay(tmp_path: Path) -> None:
    begun, go_on = Event(), Event()

    def fill(file: Path) -> None:
        begun.set()
        go_on.wait(60)
        file.write_bytes(b"too late")
        ended.set()

    ended = Event()
    task = asyncio.create_task(result_file(tmp_path, fill))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.to_thread(ended.wait, 60)

    async def left() -> list[Path]:
        return files(tmp_path)

    assert await eventually(left, lambda found: not found) == []


async def test_chance_fails_the_share_it_was_told_and_never_starts_a_job_twice(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.failure_rate = 0.3
    outcomes = await asyncio.gather(
        *(generator.submit(asked(prompt=str(number))) for number in range(200)), return_exceptions=True
    )

    kinds = {type(outcome) for outcome in outcomes}
    assert kinds == {str, NotAccepted, SubmissionUncertain}
    assert math.isclose(veo.failures.total(), 60, abs_tol=30)
    assert set(veo.accepted_by_prompt().values()) == {1}
    names = {outcome for outcome in outcomes if isinstance(outcome, str)}
    lost = veo.failures["drop after acceptance"] + veo.failures["bad JSON"]
    assert len(veo.accepted) == len(names) + lost
