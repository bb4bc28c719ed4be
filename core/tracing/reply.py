"""The spans in an action's reply, which the part that invoked it records."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.tracing.context import TraceContext
from core.tracing.spans import MAX_SPANS, MAX_TEXT, Span, SpanKind, _record, current

#: The key of the spans in a reply.
SPANS = "spans"
#: The name of the part in traces.
ACTION = "action"
#: The most attributes of a span, and the latest time in nanoseconds since 1970: OTLP has 64 bits.
MAX_ATTRIBUTES, MAX_TIME = 32, 2**63 - 1

#: An id that no span has.
NO_ID = "0" * 16
#: Attributes that only the gateway and the poller set: a function could name another client's job.
OURS = frozenset({"qwhisk.process_job_id"})
#: Nanoseconds by which a span may begin before its reply, and by which a function's clock may be ahead.
MAX_AGE, MAX_SKEW = 3_600 * 10**9, 60 * 10**9

log = logging.getLogger(__name__)

SpanId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


class ReplySpan(BaseModel):
    """One span of an action."""

    model_config = ConfigDict(extra="ignore", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    kind: SpanKind
    id: SpanId
    parent: SpanId
    started: int = Field(ge=0, le=MAX_TIME)
    ended: int = Field(ge=0, le=MAX_TIME)
    attributes: dict[Text, bool | Integer | float | Text] = Field(
        default_factory=dict, max_length=MAX_ATTRIBUTES
    )
    error: Text = ""


_SPANS = TypeAdapter(Annotated[list[ReplySpan], Field(max_length=MAX_SPANS)])


def with_spans(reply: dict[str, Any], spans: Sequence[Span]) -> dict[str, Any]:
    """Return a reply with the spans of its activation."""
    if not spans:
        return reply
    return reply | {
        SPANS: [
            {
                "name": span.name,
                "kind": span.kind,
                "id": span.context.span_id,
                "parent": span.parent_id,
                "started": span.started,
                "ended": span.ended,
                "attributes": span.attributes,
                "error": span.error,
            }
            for span in spans
        ]
    }


def record_reply(reply: Any) -> None:
    """Record the spans of a reply below the span that is under way, and take them out of the reply.

    Args:
        reply: an action's reply, of any form. What are no spans is ignored.
    """
    if not isinstance(reply, dict) or SPANS not in reply:
        return
    context = current()
    if context is None or not context.sampled:
        # Not ours: a function that is written otherwise may reply with anything.
        return
    try:
        spans = _SPANS.validate_python(reply.pop(SPANS))
    except ValidationError:
        log.debug("the spans of an action cannot be read")
        return
    ids = {each.id for each in spans}
    if len(ids) < len(spans) or ids & {NO_ID, context.span_id}:
        log.debug("the spans of an action have the same id twice, or that of another span")
        return
    parents = {each.id: each.parent for each in spans}
    now = time.time_ns()
    earliest, latest = now - MAX_AGE, now + MAX_SKEW
    for each in spans:
        parent = each.parent if _is_below(each.id, parents, context.span_id) else context.span_id
        started = min(max(each.started, earliest), latest)
        attributes = {name: value for name, value in each.attributes.items() if name not in OURS}
        place = TraceContext(context.trace_id, each.id, True)
        span = Span(each.name, each.kind, place, parent, attributes, started)
        span.ended = max(started, min(each.ended, latest))
        span.error, span.service = each.error, ACTION
        _record(span)


def _is_below(span: str, parents: Mapping[str, str], top: str) -> bool:
    """Return whether the parents of a span lead to the invocation, and neither elsewhere nor in a circle."""
    for _ in range(len(parents)):
        span = parents.get(span, "")
        if span == top:
            return True
    return False
