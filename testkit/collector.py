"""A collector of traces for tests: a real HTTP server that keeps the spans which parts export over OTLP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from testkit.serving import served


@dataclass(frozen=True)
class ExportedSpan:
    """One span as it was exported."""

    part: str
    name: str
    kind: str
    trace: str
    id: str
    #: "" for the first span of a trace.
    parent: str
    attributes: dict[str, Any]
    started: int
    ended: int
    failed: bool


class Collector:
    """The exported spans, and the collector's address."""

    def __init__(self) -> None:
        self.port = 0
        #: What was sent, before it is parsed.
        self.received = bytearray()
        self._spans: list[ExportedSpan] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """What parts have as `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        message = ExportTraceServiceRequest.FromString(body)
        spans = []
        for resource in message.resource_spans:
            part = _values(resource.resource.attributes)["service.name"]
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                spans.append(
                    ExportedSpan(
                        part,
                        span.name,
                        type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        _values(span.attributes),
                        span.start_time_unix_nano,
                        span.end_time_unix_nano,
                        span.status.code == 2,
                    )
                )
        with self._lock:
            self.received += body
            self._spans += spans

    def trace(self, trace: str) -> list[ExportedSpan]:
        """Return the spans of a trace, in the order of their beginnings."""
        with self._lock:
            return sorted(
                (span for span in self._spans if span.trace == trace), key=lambda span: span.started
            )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """Start a collector on a free port of the loopback interface."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Do not log to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    with served(server):
        yield kept
