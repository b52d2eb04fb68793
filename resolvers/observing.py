"""What is told of a running request or job: the ids that its log lines carry, and the spans of its trace.

Names and ids of ours alone, never what somebody has written, such as a prompt or an error's words: both are kept for
longer, and read by more people, than prompts are. Spans are made where somebody takes them (`app.process`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.context import Context

_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))


def bind(**ids: object) -> None:
    """Add ids to the lines of the running task, and of those that it starts from now on."""
    _context.set({**_context.get(), **ids})


def bound() -> Mapping[str, str]:
    """Return the ids of the running task, by name."""
    return {name: str(value) for name, value in _context.get().items()}


class _Tracing:
    tracer: trace.Tracer | None = None


def send_by(tracer: trace.Tracer | None) -> None:
    """Have spans made by this tracer from now on; by none, none are made."""
    _Tracing.tracer = tracer


@contextmanager
def span(
    name: str, kind: trace.SpanKind = trace.SpanKind.INTERNAL, parent: Context | None = None
) -> Iterator[trace.Span]:
    """Make what happens inside a part of the running trace, or of the parent's; an error is named by its class.

    It ends with the context, unless it has been ended before.
    """
    if _Tracing.tracer is None:
        yield trace.INVALID_SPAN
        return
    made = _Tracing.tracer.start_span(name, parent, kind)
    try:
        with trace.use_span(made, record_exception=False, set_status_on_exception=False):
            yield made
    except Exception as error:
        if made.is_recording():
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        if made.is_recording():
            made.end()


def rename(name: str) -> None:
    """Give the running span the name that was not known when it began."""
    if _Tracing.tracer is not None:
        trace.get_current_span().update_name(name)


def note(**ids: object) -> None:
    """Add ids to the running span."""
    if _Tracing.tracer is not None:
        trace.get_current_span().set_attributes({f"lookreel.{name}": str(value) for name, value in ids.items()})


def trace_id() -> str:
    """Return the running trace's id as others write it: 32 hexadecimal digits."""
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)
