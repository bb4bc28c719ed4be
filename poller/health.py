"""The poller's HTTP endpoint: `/healthz` and `/metrics`.

`/healthz` answers 200 while the loop runs and the consumer groups are joined.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from wsgiref.simple_server import WSGIServer

from core.metrics import start_endpoint
from core.origin import Allowed
from poller.worker import Poller

#: Seconds without an iteration after which the loop counts as stuck.
STUCK = 30.0


def serve(poller: Poller, host: str, port: int, allowed: Allowed, with_metrics: bool = True) -> WSGIServer:
    """Serve the endpoint in a separate thread.

    Args:
        poller: the poller to report on.
        host: the address to listen on.
        port: the port to listen on.
        allowed: which hosts and origins may call.
        with_metrics: whether `/metrics` is here, and not on a port of its own.

    Returns:
        The running server.

    Raises:
        OSError: the port is in use.
    """

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if with_metrics and environ.get("PATH_INFO") == "/metrics":
            start_response("200 OK", [("Content-Type", poller.metrics.content_type)])
            return [poller.metrics.text(poller.tracker.states)]
        running = time.monotonic() - poller.last_step < STUCK
        healthy = environ.get("PATH_INFO") == "/healthz" and running and poller.ready
        start_response("200 OK" if healthy else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok\n" if healthy else b"not ready\n"]

    return start_endpoint("health", host, port, allowed, app)
