"""What the metrics of every part have, and the port of their own on which they can be served."""

from __future__ import annotations

import logging
import os
import platform
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from core.errors import SettingsError
from core.origin import Allowed
from core.settings.kinds import PORT_OR_FREE, TEXT
from core.settings.setting import Setting

#: The version of all parts (pyproject.toml).
VERSION = "0.1.0"
REVISION = Setting(
    "QWHISK_REVISION", TEXT, "", "commit that the part was built from, for qwhisk_build_info", default_text=""
)
#: The most connections to an endpoint. Above it, the oldest one is closed: a probe or a scrape takes
#: milliseconds, so it is one that sends nothing.
MAX_CONNECTIONS = 32

log = logging.getLogger(__name__)


class QuietHandler(WSGIRequestHandler):
    """Handles requests without a log line: probes and scrapes are not worth one."""

    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


class EndpointServer(ThreadingMixIn, WSGIServer):
    """Serves probes and scrapes. Connections that send nothing delay no others."""

    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        self._open: deque[socket.socket] = deque()
        self._lock = threading.Lock()
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in a thread of its own."""
        with self._lock:
            self._open.append(request)
            oldest = self._open.popleft() if len(self._open) > MAX_CONNECTIONS else None
        if oldest is not None:
            # Its thread closes it.
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock, suppress(ValueError):
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Log a failure, instead of printing it: a connection was reset, or took too long."""
        log.debug("a connection failed: %s", type(sys.exception()).__name__)


class _IPv6Server(EndpointServer):
    address_family = socket.AF_INET6


def start_endpoint(name: str, host: str, port: int, allowed: Allowed, app: Any) -> WSGIServer:
    """Serve an endpoint in a separate thread, and return the running server.

    Args:
        name: the thread's name.
        host: the address to listen on.
        port: the port to listen on.
        allowed: which hosts and origins may call; others get the refusal.
        app: the WSGI application.

    Raises:
        OSError: the port cannot be listened on.
    """

    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        refusal = allowed.refusal(
            environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
        )
        if refusal is None:
            answer: Iterable[bytes] = app(environ, start_response)
            return answer
        reason = HTTPStatus(refusal.status).phrase
        start_response(f"{refusal.status} {reason}", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{refusal.message}\n".encode()]

    address = host.removeprefix("[").removesuffix("]")
    kind = _IPv6Server if ":" in address else EndpointServer
    server = make_server(address, port, checked, server_class=kind, handler_class=QuietHandler)
    threading.Thread(target=server.serve_forever, name=name, daemon=True).start()
    return server


def metrics_port(part: str) -> Setting[int]:
    """Return the setting of the port for a part's metrics alone.

    Args:
        part: the part's name in capitals.
    """
    return Setting(
        f"{part}_METRICS_PORT",
        PORT_OR_FREE,
        0,
        f"port for /metrics alone; {part}_PORT then does not serve it"
        + (", and usage by tenant is counted" if part == "GATEWAY" else ""),
        default_text=f"none: /metrics is on {part}_PORT",
    )


def add_common(registry: CollectorRegistry, part: str) -> None:
    """Add the facts of the build, and processor time, memory and open files of this process.

    Args:
        registry: the part's metrics.
        part: the part's name.
    """
    ProcessCollector(registry=registry)
    Gauge(
        "qwhisk_build_info",
        "What runs: always 1",
        ["part", "version", "revision", "python"],
        registry=registry,
    ).labels(part, VERSION, REVISION.read(os.environ)[:64], platform.python_version()).set(1)


def serve(host: str, port: int, allowed: Allowed, text: Callable[[], bytes], variable: str) -> WSGIServer:
    """Serve `/metrics` in a separate thread.

    Args:
        host: the address to listen on.
        port: the port to listen on.
        allowed: which hosts and origins may call.
        text: returns the metrics in the text format.
        variable: the setting of the port, for messages.

    Returns:
        The running server.

    Raises:
        SettingsError: the port cannot be listened on.
    """

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Only /metrics is here.\n"]
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [text()]

    try:
        return start_endpoint("metrics", host, port, allowed, app)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host[:100]}:{port} for metrics: {error.strerror}. Set {variable}.",
            variable=variable,
        ) from None
