"""Exports spans with OpenTelemetry's SDK, over OTLP and HTTP. The packages are imported only if it is set."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from typing import Any

from core.settings.kinds import URL, number
from core.settings.setting import Setting, Source
from core.tracing.spans import MAX_TEXT, Recorder, Span, record_with

ENDPOINT = Setting(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    URL,
    "",
    "OpenTelemetry collector that gets traces, over OTLP and HTTP, such as http://collector:4318; other "
    "OTEL_EXPORTER_OTLP_* and OTEL_BSP_* variables apply too",
    default_text="none: no traces",
)
RATIO = Setting(
    "OTEL_TRACES_SAMPLER_ARG",
    number(0, 1),
    1.0,
    "share of the traces that begin at the gateway which are recorded; a caller's traceparent decides itself",
)
TRACING_ROWS = (ENDPOINT, RATIO)

#: Seconds in which the last spans are sent at the end of a process.
FLUSH_TIMEOUT = 3.0
#: The most bytes of a collector's response that are read, so that the connection can be used again.
MAX_RESPONSE = 4_096


def configure(service: str, env: Source) -> Callable[[], None]:
    """Export the spans of this process if the environment names a collector.

    Args:
        service: the part's name.
        env: the environment.

    Returns:
        A function that sends the last spans, at the end of the process.

    Raises:
        SettingsError: a setting is wrong.
    """
    ratio = RATIO.read(env)
    if not ENDPOINT.read(env):
        return _nothing
    try:
        recorder, shutdown = _exporter(service)
    except (ImportError, ValueError, RuntimeError) as error:
        # ValueError: another variable of OpenTelemetry has a value that it does not accept.
        raise ENDPOINT.error(
            f"is set, but traces cannot be exported: {type(error).__name__}: {str(error)[:MAX_TEXT]}."
        ) from None
    record_with(recorder, ratio)

    def close() -> None:
        # The exporter repeats requests for longer if the collector does not answer.
        closing = threading.Thread(target=shutdown, name="traces-end", daemon=True)
        closing.start()
        closing.join(FLUSH_TIMEOUT)

    return close


def _nothing() -> None:
    """Do nothing: traces are off."""


def _session() -> Any:
    """Return a session for the exporter, which would keep a response of any size in memory."""
    library: Any = importlib.import_module("requests")

    class Session(library.Session):  # type: ignore[misc]
        def request(self, *args: Any, **options: Any) -> Any:
            try:
                response = super().request(*args, **options | {"stream": True})
                length = response.headers.get("Content-Length", "")
                if length.isascii() and length.isdigit() and int(length[:9]) <= MAX_RESPONSE:
                    response.content  # noqa: B018 (reads it)
                else:
                    response.close()
            except library.RequestException as error:
                # The message, which is logged, may have a URL with a key.
                raise type(error)(f"{type(error).__name__}, see {ENDPOINT.name}") from None
            return response

    return Session()


def _exporter(service: str) -> tuple[Recorder, Callable[[], None]]:
    """Return what exports spans, in batches, by a thread of its own, and what ends it.

    A full queue drops spans.
    """
    # The types of the SDK are not needed, and importing its modules takes 0.1 s of processor time.
    api: Any = importlib.import_module("opentelemetry.trace")
    sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
    batches: Any = importlib.import_module("opentelemetry.sdk.trace.export")
    otlp: Any = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resources: Any = importlib.import_module("opentelemetry.sdk.resources")

    kinds = {kind.name.lower(): kind for kind in api.SpanKind}
    sampled = api.TraceFlags(api.TraceFlags.SAMPLED)
    ok, failed = api.Status(), api.StatusCode.ERROR
    own = resources.Resource.create(
        {"service.name": f"qwhisk-{service}", "service.instance.id": f"{os.uname().nodename}-{os.getpid()}"}
    )
    processor = batches.BatchSpanProcessor(otlp.OTLPSpanExporter(session=_session()))

    def resource(part: str) -> Any:
        return own if not part else own.merge(resources.Resource({"service.name": f"qwhisk-{part}"}))

    by_part: dict[str, Any] = {}

    def record(span: Span) -> None:
        trace = int(span.context.trace_id, 16)
        parent = None
        if span.parent_id is not None:
            parent = api.SpanContext(trace, int(span.parent_id, 16), is_remote=False, trace_flags=sampled)
        if span.service not in by_part:
            by_part[span.service] = resource(span.service)
        processor.on_end(
            sdk.ReadableSpan(
                span.name,
                api.SpanContext(trace, int(span.context.span_id, 16), is_remote=False, trace_flags=sampled),
                parent,
                by_part[span.service],
                span.attributes | ({"error.type": span.error} if span.error else {}),
                kind=kinds[span.kind],
                status=api.Status(failed, span.error) if span.error else ok,
                start_time=span.started,
                end_time=span.ended,
            )
        )

    return record, processor.shutdown
