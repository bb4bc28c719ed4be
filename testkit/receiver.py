"""A receiver of webhooks: a real HTTP server that keeps each request and answers as the test specifies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from testkit.serving import served


@dataclass
class Delivery:
    """One request that was received."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """The final event."""
        event: dict[str, Any] = json.loads(self.body)["data"]
        return event

    def signed_with(self, secret: str) -> bool:
        """Check the signature as a receiver does, implemented independently: Standard Webhooks, version 1."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        fresh = abs(self.at - int(self.headers["webhook-timestamp"])) < 300
        # There may be several, separated by blanks, while the sender's secret is being changed.
        given = self.headers["webhook-signature"].split(" ")
        return fresh and any(hmac.compare_digest(wanted, one) for one in given)


#: The status of the answer to a delivery, given the earlier ones; None for no answer at all.
Answer = Callable[[Delivery, list[Delivery]], int | None]


class Receiver:
    """The received requests, and the receiver's address."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.deliveries: list[Delivery] = []
        self.port = 0
        self.over = threading.Event()
        self._lock = threading.Lock()

    def take(self, delivery: Delivery) -> int | None:
        """Keep a request and return the status to answer with."""
        with self._lock:
            before = list(self.deliveries)
            self.deliveries.append(delivery)
        return self.answer(delivery, before)

    def of(self, process_job_id: str) -> list[Delivery]:
        """Return the deliveries for one job."""
        with self._lock:
            return [delivery for delivery in self.deliveries if delivery.id == f"msg_{process_job_id}"]


@contextmanager
def receiver(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Start a receiver on a free port of the loopback interface, with TLS if there is a context."""
    hooks = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = hooks.take(Delivery(self.path, dict(self.headers), body))
            if status is None:
                hooks.over.wait(60)
                return
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", f"http://127.0.0.1:{hooks.port}/elsewhere")
            if status == 429:
                self.send_header("Retry-After", "30")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Do not log to the terminal."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            """Tests make clients disconnect early; this is not an error."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    hooks.port = server.server_address[1]
    with served(server):
        try:
            yield hooks
        finally:
            hooks.over.set()
