"""Traces of jobs through all parts. Off unless a collector is set (`core/tracing/export.py`)."""

from core.tracing.context import TRACEPARENT, TraceContext, parse, trace_id
from core.tracing.spans import (
    Span,
    activation,
    add,
    attached,
    begin,
    current,
    is_on,
    record_with,
    span,
    traceparent,
)

__all__ = [
    "TRACEPARENT",
    "Span",
    "TraceContext",
    "activation",
    "add",
    "attached",
    "begin",
    "current",
    "is_on",
    "parse",
    "record_with",
    "span",
    "trace_id",
    "traceparent",
]
