"""What the gateway is measured with and compared to: an action that does nothing, and bare Flask routes.

`python -m benchmarks.gateway.servers noop PORT` and `... flask PORT THREADS ACTION_URL`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import urllib3
from flask import Flask, Response
from gunicorn.app.base import BaseApplication

#: The answer of an action that has submitted a job.
ANSWER = b'{"job_id":"noop","backend":"none","backend_type":"simulator"}'

_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


class NoOp(asyncio.Protocol):
    """Answer every request at once with the same bytes."""

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        while head >= 0:
            at = self._received.lower().find(b"content-length:", 0, head)
            length = int(self._received[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._received) < head + 4 + length:
                return
            del self._received[: head + 4 + length]
            self._transport.write(_REPLY)
            head = self._received.find(b"\r\n\r\n")


async def noop(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(NoOp, "127.0.0.1", port)
    await server.serve_forever()


class Bare(BaseApplication):  # type: ignore[misc]
    """A Flask application under gunicorn, with threads."""

    def __init__(self, port: int, threads: int, action: str) -> None:
        self._port, self._threads, self._action = port, threads, action
        super().__init__()

    def load_config(self) -> None:
        """As many threads as the gateway has."""
        for name, value in {
            "bind": f"127.0.0.1:{self._port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._threads,
            "worker_connections": 2 * self._threads,
            "keepalive": 30,
            "graceful_timeout": 1,
            "control_socket_disable": True,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return an application with one route that answers at once and one that calls the action."""
        app = Flask("bare")
        pool = urllib3.PoolManager(maxsize=32, retries=False)

        @app.get("/ready")
        def ready() -> Response:
            return Response(b"{}", mimetype="application/json")

        @app.post("/bare")
        def bare() -> Response:
            return Response(ANSWER, 202, mimetype="application/json")

        @app.post("/call")
        def call() -> Response:
            answer = pool.request("POST", self._action, body=b"{}", timeout=20)
            return Response(answer.data, 202, mimetype="application/json")

        return app


def main() -> None:
    """Serve what the command line specifies."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "noop":
        asyncio.run(noop(port))
    else:
        Bare(port, int(sys.argv[3]), sys.argv[4]).run()


if __name__ == "__main__":
    main()
