"""Spans: what a part did for a trace, from when to when.

Recording is off until `record_with` sets a recorder, or an `activation` begins. An action has no exporter:
its spans travel in its reply, and the part that invoked it exports them. So an action's start, which imports
nothing for it, and its container, which OpenWhisk may pause after the reply, need none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal

from core.errors import QwhiskError
from core.tracing.context import TraceContext, parse

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
AttributeValue = str | int | float | bool

#: The most characters of a text among the attributes.
MAX_TEXT = 200
#: The most spans of one activation. The others are left out.
MAX_SPANS = 64


class Span:
    """One span.

    Args:
        name: what was done; one of few names, without ids.
        kind: its kind, as OpenTelemetry defines them.
        context: its place in the trace.
        parent_id: the span above it; None for the first span of a trace.
        attributes: facts about it. Nothing secret: no token, no input, no address of a client.
        started: nanoseconds since 1970.
    """

    __slots__ = ("attributes", "context", "ended", "error", "kind", "name", "parent_id", "service", "started")

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        context: TraceContext,
        parent_id: str | None,
        attributes: Mapping[str, AttributeValue],
        started: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent_id = parent_id
        self.attributes = dict(attributes)
        self.started = started
        self.ended = started
        #: The code of the error that ended it; "" for none.
        self.error = ""
        #: The part that it belongs to; "" for this process.
        self.service = ""

    def set(self, name: str, value: AttributeValue) -> None:
        """Set an attribute."""
        self.attributes[name] = value[:MAX_TEXT] if isinstance(value, str) else value

    def end(self, error: str = "") -> None:
        """End the span and record it.

        Args:
            error: the code of the error that ended it.
        """
        self.ended, self.error = max(time.time_ns(), self.started), error[:MAX_TEXT]
        _record(self)


Recorder = Callable[[Span], None]

#: The process's recorder; None while traces are off.
_recorder: Recorder | None = None
_ratio = 1.0
#: The recorder of an activation, and the span that is under way.
_activation: ContextVar[Recorder | None] = ContextVar("activation", default=None)
_current: ContextVar[Span | None] = ContextVar("span", default=None)


def record_with(recorder: Recorder | None, ratio: float = 1.0) -> None:
    """Record the spans of this process.

    Args:
        recorder: called with each span that has ended, by any thread; None to record none.
        ratio: the share of the traces that begin here which are recorded.
    """
    global _recorder, _ratio
    _recorder, _ratio = recorder, ratio


def is_on() -> bool:
    """Return whether spans are recorded here."""
    return _recorder is not None or _activation.get() is not None


def _record(span: Span) -> None:
    recorder = _activation.get() or _recorder
    if recorder is not None and span.context.sampled:
        recorder(span)


def current() -> TraceContext | None:
    """Return the context of the span that is under way in this thread; None if there is none."""
    span = _current.get()
    return None if span is None else span.context


def traceparent(otherwise: str | None = None) -> str | None:
    """Return the header for what is sent now; None if its trace is not recorded.

    Args:
        otherwise: the header if no span is under way.
    """
    context = current()
    if context is None:
        return otherwise
    return context.header if context.sampled else None


def begin(header: str | None, name: str, attributes: Mapping[str, AttributeValue]) -> Span | None:
    """Begin the span of a request, which `attach` makes the current one. The caller ends it.

    Args:
        header: the caller's `traceparent`. Without a valid one, a new trace begins.
        name: the span's name.
        attributes: its attributes.

    Returns:
        The span; None if traces are off.
    """
    if not is_on():
        return None
    above = parse(header)
    context = TraceContext.new(_ratio) if above is None else above.child()
    return Span(name, "server", context, above.span_id if above else None, attributes, time.time_ns())


@contextmanager
def attached(span: Span | None) -> Iterator[None]:
    """Make a span the current one of this thread."""
    token = _current.set(span)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def span(
    name: str,
    kind: SpanKind = "internal",
    parent: str | None = None,
    attributes: Mapping[str, AttributeValue] = MappingProxyType({}),
) -> Iterator[Span | None]:
    """Record what the block does.

    Args:
        name: the span's name.
        kind: the span's kind.
        parent: the `traceparent` above it if no span is under way. Without both, nothing is recorded.
        attributes: its attributes.

    Yields:
        The span; None if nothing is recorded.
    """
    above = (current() or parse(parent)) if is_on() else None
    if above is None:
        yield None
        return
    made = Span(name, kind, above.child(), above.span_id, attributes, time.time_ns())
    error = ""
    try:
        with attached(made):
            yield made
    except BaseException as exception:
        # The message may have what a caller sent.
        error = exception.code if isinstance(exception, QwhiskError) else type(exception).__name__
        raise
    finally:
        made.end(error)


def add(
    name: str,
    kind: SpanKind,
    parent: str | None,
    started: float,
    ended: float,
    attributes: Mapping[str, AttributeValue] = MappingProxyType({}),
) -> str | None:
    """Record a span that has ended.

    Args:
        name: its name.
        kind: its kind.
        parent: the `traceparent` above it.
        started: seconds since 1970.
        ended: seconds since 1970.
        attributes: its attributes.

    Returns:
        Its `traceparent`; that of the parent if nothing is recorded.
    """
    above = parse(parent) if is_on() else None
    if above is None:
        return parent
    made = Span(name, kind, above.child(), above.span_id, attributes, int(min(started, ended) * 1e9))
    made.ended = int(ended * 1e9)
    _record(made)
    return made.context.header


@contextmanager
def activation(header: Any, name: str) -> Iterator[list[Span]]:
    """Record the spans of one activation of an action.

    Args:
        header: the `traceparent` among its parameters. Without a valid one, nothing is recorded.
        name: the name of the span of the whole activation.

    Yields:
        The recorded spans, complete after the block.
    """
    spans: list[Span] = []
    above = parse(header) if isinstance(header, str) else None
    if above is None or not above.sampled:
        yield spans
        return

    def record(ended: Span) -> None:
        if len(spans) < MAX_SPANS:
            spans.append(ended)

    token = _activation.set(record)
    try:
        root = Span(name, "server", above.child(), above.span_id, {}, time.time_ns())
        with attached(root):
            yield spans
        # Its children without it would be in no tree.
        del spans[MAX_SPANS - 1 :]
        root.end()
    finally:
        _activation.reset(token)
