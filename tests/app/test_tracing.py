"""One trace from a request through the queue to the provider, as a collector receives it by OTLP (decision 47)."""

import gzip
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.environment import InvalidSettings
from app.logs import formatter
from app.process import traced
from app.settings import Settings
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.workers import at_work

CALLERS_TRACE = "0af7651916cd43dd8448eb211c80319c"
CREATE = """mutation { createVideoJob(input: { prompt: "a secret prompt", model: "veo-3.1-generate-preview",
  resolution: "720p", aspectRatio: "16:9", mockMode: true }) { videoJob { id } errors { __typename } } }"""


@dataclass
class Collector:
    """What was received: spans by name, with their resource."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(attributes["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    async def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]

    async def of_trace(self, trace_id: str) -> dict[str, Any]:
        return {span.name: span for span in self.spans if span.trace_id.hex() == trace_id}


@pytest.fixture
def collector() -> Iterator[Collector]:
    received = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def house_of(
    settings: Settings, house: House, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """A house with a worker whose spans are sent at once."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    own = settings.model_copy(update={"otel_exporter_otlp_endpoint": collector.url, "mock_seconds": 0.05})
    with traced(own, "api"):
        async with (
            serving(own, house.database) as address,
            House.opened(own, house.database, address) as traced_house,
            at_work(own, house.database),
        ):
            yield traced_house


async def test_a_jobs_trace_begins_at_the_request_and_ends_at_the_provider(
    house_of: House, collector: Collector
) -> None:
    caller = await house_of.user()
    headers = house_of.headers(caller) | {"traceparent": f"00-{CALLERS_TRACE}-b7ad6b7169203331-01"}

    answer = await house_of.http.post("/graphql", json={"query": CREATE}, headers=headers)
    job = await house_of.finished(answer.json()["data"]["createVideoJob"]["videoJob"]["id"])
    spans = await eventually(lambda: collector.of_trace(CALLERS_TRACE), lambda found: "process generate_video" in found)

    parents = {
        name: next((other.name for other in spans.values() if other.span_id == span.parent_span_id), None)
        for name, span in spans.items()
    }
    assert parents == {
        "POST /graphql": None,
        "mutation createVideoJob": "POST /graphql",
        "send generate_video": "mutation createVideoJob",
        "process generate_video": "send generate_video",
        "submit": "process generate_video",
        "mock submit": "submit",
        "generate": "process generate_video",
        "mock poll": "generate",
        "store": "process generate_video",
    }
    ids = {each.key: each.value.string_value for each in spans["process generate_video"].attributes}
    assert (ids["lookreel.video_job_id"], ids["lookreel.provider"]) == (str(job.id), "mock")
    assert spans["POST /graphql"].parent_span_id.hex() == "b7ad6b7169203331"
    assert collector.services == {"lookreel-api"}
    assert not any(b"a secret prompt" in body for body in collector.bodies)


async def test_rest_is_traced_by_its_routes_and_logs_carry_the_traces_id(
    house_of: House, collector: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caplog.handler, "formatter", formatter("json"))  # all tests share the handler
    caplog.set_level(logging.INFO)
    caller = await house_of.user()

    job_id = await house_of.create(caller, prompt="[fail:CONTENT_FILTERED] a secret prompt")
    await house_of.finished(job_id)
    created = "POST /api/v1/video-jobs"
    (span,) = await eventually(lambda: collector.named(created), lambda found: len(found) == 1)
    await eventually(lambda: collector.named("process generate_video"), lambda found: len(found) == 1)

    (failed,) = await collector.named("generate")
    assert {each.key: each.value.string_value for each in failed.attributes} == {"error.type": "GenerationFailed"}
    assert (list(failed.events), failed.status.message) == ([], "")
    assert failed.trace_id == span.trace_id
    assert not any(b"secret" in body for body in collector.bodies)
    lines = [json.loads(line) for line in caplog.text.splitlines() if "has ended" in line]
    assert [(line["job_id"], line["trace_id"]) for line in lines] == [(job_id, span.trace_id.hex())]


async def test_without_an_endpoint_nothing_is_stored_or_named(house: House, database: InspectedDatabase) -> None:
    await house.create(await house.user())

    async with database.raw_connection() as connection:
        assert [row["headers"] for row in await connection.fetch("SELECT headers FROM pgqueuer")] == ["null"]


def test_without_the_extra_it_is_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "app.tracing", raising=False)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    own = settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://127.0.0.1:1"})

    with pytest.raises(InvalidSettings) as refusal, traced(own, "api"):
        pass

    assert str(refusal.value).startswith("OTEL_EXPORTER_OTLP_ENDPOINT: there is no opentelemetry.exporter.otlp.proto")
    assert "requirements-otel.lock" in str(refusal.value)


def test_a_collector_that_is_not_there_is_told_once_a_while(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.tracing.LAST_SECONDS", 0.0)
    own = settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://127.0.0.1:1"})
    with traced(own, "worker"):
        exporter = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        for _ in range(3):
            exporter.warning("Transient error")

    assert [record.getMessage() for record in caplog.records] == ["Transient error"]
