"""Sends traces by OTLP over HTTP. Needs the extra `otel`: `app.process` loads this where an endpoint is set."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pgqueuer.adapters.tracing.opentelemetry import OpenTelemetryTracing
from pgqueuer.models import Job
from pgqueuer.ports.tracing import TRACER, set_tracing_class

from resolvers import observing
from resolvers.observing import send_by, span, trace_id

# How long a process that ends waits for the last spans to be sent.
LAST_SECONDS = 2.0
# How often the log says that spans cannot be sent: the exporter tries again and again, and has words for each try.
COMPLAINT_SECONDS = 60.0
EXPORTER = logging.getLogger(OTLPSpanExporter.__module__)


class QueueTracing(OpenTelemetryTracing):
    """Lets a job's trace go on in the worker; of what stops a handler, the words are not sent."""

    @asynccontextmanager
    async def trace_process(self, job: Job) -> AsyncIterator[None]:
        """Run the handler in a span whose parent is the one that put the job into the queue."""
        parent = TraceContextTextMapPropagator().extract(job.otel_headers() or {})
        with span(f"process {job.entrypoint}", trace.SpanKind.CONSUMER, parent):
            observing.bind(trace_id=trace_id())
            yield


class _Seldom(logging.Filter):
    _last = -COMPLAINT_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        """Let one line through a while."""
        is_due = record.created - self._last >= COMPLAINT_SECONDS
        if is_due:
            self._last = record.created
        return is_due


@contextmanager
def sending(endpoint: str, process: str) -> Iterator[None]:
    """Send until the context ends. What else there is to set, the SDK reads from `OTEL_*` by itself."""
    names = {"service.namespace": "lookreel", "service.name": f"lookreel-{process}"}
    provider = TracerProvider(resource=Resource.create().merge(Resource(names)).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    seldom = _Seldom()
    EXPORTER.addFilter(seldom)
    # Not the global one: libraries of others would send addresses and words by it.
    tracer = provider.get_tracer("lookreel")
    send_by(tracer)
    set_tracing_class(QueueTracing(tracer))
    try:
        yield
    finally:
        send_by(None)
        TRACER.tracer = None
        EXPORTER.removeFilter(seldom)
        # It would wait for a collector that does not answer for as long as that may take.
        ending = Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(LAST_SECONDS)
