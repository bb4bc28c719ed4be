"""The context of a trace, as W3C Trace Context writes it in the header `traceparent`."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

#: The name of the header, of the message header and of the parameter of a function.
TRACEPARENT = "traceparent"
#: The most characters of a header that is read. Version 00 has 55; a later version may append fields.
MAX_HEADER = 256

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: the span, 16 hexadecimal digits.
        sampled: whether spans of this trace are recorded.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def header(self) -> str:
        """The value of the header `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"

    def child(self) -> TraceContext:
        """Return the context of a new span below this one."""
        return TraceContext(self.trace_id, secrets.token_hex(8), self.sampled)

    @classmethod
    def new(cls, ratio: float) -> TraceContext:
        """Return the context of the first span of a new trace.

        Args:
            ratio: the share of new traces that are recorded.
        """
        trace_id = secrets.token_hex(16)
        # The lower eight bytes decide, as OpenTelemetry's sampler by ratio has it.
        sampled = int(trace_id[16:], 16) < ratio * 2**64
        return cls(trace_id, secrets.token_hex(8), sampled)


def trace_id(header: str | None) -> str | None:
    """Return the id of the trace that a header names, for the log; None without one."""
    context = parse(header)
    return None if context is None else context.trace_id


def parse(header: str | bytes | None) -> TraceContext | None:
    """Return the context that a header names; None if the header is missing or malformed.

    The header `tracestate` is not read: nothing here writes entries of it, and a caller's are not passed on.

    Args:
        header: the value of `traceparent`, from a caller that may be hostile.
    """
    if header is None or len(header) > MAX_HEADER:
        return None
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    match = _HEADER.fullmatch(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))
