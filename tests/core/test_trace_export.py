"""The exporter of traces against collectors that are slow, endless, wrong, or away."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core import tracing
from core.errors import SettingsError
from core.tracing import export
from testkit.serving import served
from testkit.stack import wait_for

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#: Bytes that a test's endless collector sends until it gives up.
ENDLESS = 64_000_000

Answer = Callable[[BaseHTTPRequestHandler, "Hostile"], None]


class Hostile:
    """A collector's address, and what it was asked and could send."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = 0
        self.sent = 0
        self.ended = threading.Event()


@contextmanager
def hostile(answer: Answer) -> Iterator[Hostile]:
    """Start a collector that answers each request in its own way."""
    found = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.requests += 1
            try:
                answer(self, found)
            except OSError:
                pass  # the exporter has closed the connection
            finally:
                found.ended.set()

        def log_message(self, *_: Any) -> None:
            """Do not log to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    with served(server):
        yield found


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    yield
    tracing.record_with(None)


def exporting(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Export the spans of this process; return what ends that."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    return export.configure("test", os.environ)


def record(number: int = 1) -> None:
    for _ in range(number):
        with tracing.span("work", parent=HEADER):
            pass


def endless(handler: BaseHTTPRequestHandler, found: Hostile) -> None:
    handler.send_response(200)
    handler.end_headers()
    while found.sent < ENDLESS:
        found.sent += handler.wfile.write(b"x" * 65_536)


def silent(released: threading.Event) -> Answer:
    """Answer nothing until the test ends."""

    def answer(_handler: BaseHTTPRequestHandler, _found: Hostile) -> None:
        released.wait(120)

    return answer


def test_an_endless_response_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(endless) as collector:
        close = exporting(collector.url, monkeypatch)
        record()
        assert collector.ended.wait(60)
        # What the kernel buffers, and no more.
        assert collector.sent < ENDLESS
        close()


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(lambda *_: None) as elsewhere:

        def redirect(handler: BaseHTTPRequestHandler, _found: Hostile) -> None:
            handler.send_response(307)
            handler.send_header("Location", elsewhere.url)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with hostile(redirect) as collector:
            close = exporting(collector.url, monkeypatch)
            record()
            assert collector.ended.wait(60)
            close()
        assert elsewhere.requests == 0


def test_a_collector_that_never_answers_costs_no_threads_and_does_not_hold_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    monkeypatch.setattr(export, "FLUSH_TIMEOUT", 0.1)
    with hostile(silent(released)) as collector:
        try:
            close = exporting(collector.url, monkeypatch)
            record(2_000)
            wait_for(lambda: collector.requests, 60)
            threads = threading.active_count()
            record(20_000)
            assert threading.active_count() <= threads
            close()
        finally:
            released.set()


def test_the_log_of_a_failed_export_has_no_key_of_the_url(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://user:a-password@127.0.0.1:{unused.getsockname()[1]}/a-key-in-the-path"
        with caplog.at_level(logging.WARNING):
            close = exporting(url, monkeypatch)
            record()
            wait_for(lambda: caplog.text, 60)
            close()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in caplog.text
    assert "a-key-in-the-path" not in caplog.text
    assert "a-password" not in caplog.text


def test_a_wrong_variable_of_opentelemetry_is_named_as_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    # More than its queue has.
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        exporting("http://127.0.0.1:9", monkeypatch)


def test_a_process_ends_while_its_collector_does_not_answer() -> None:
    released = threading.Event()
    with hostile(silent(released)) as collector:
        program = (
            "import os; from core import tracing; from core.tracing import export\n"
            "close = export.configure('test', os.environ)\n"
            f"with tracing.span('work', parent='{HEADER}'): pass\n"
            "close()"
        )
        env = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        try:
            done = subprocess.run(
                [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=100
            )
            assert done.returncode == 0, done.stderr
            assert collector.requests
        finally:
            released.set()
