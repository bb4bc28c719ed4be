"""A hostile web site: it serves a page, and records the requests that it gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from testkit.serving import served

#: The address of the page itself; a request for any other is a leak.
PAGE = "/page"
#: What browsers request themselves.
_BY_ITSELF = "/favicon.ico"
#: Bytes of a body that are kept.
_MAX_BODY = 1_000_000


@dataclass
class Attacker:
    """The site, on a separate port."""

    port: int
    #: Method, path and body of each request except those for the page.
    heard: list[tuple[str, str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening() -> Iterator[Attacker]:
    """Start a site."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _MAX_BODY)
            body = self.rfile.read(length)
            if self.path not in (PAGE, _BY_ITSELF):
                attacker.heard.append((self.command, self.path, body))
            page = b"<!doctype html><title>hostile</title><body></body>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """The record is enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    attacker = Attacker(server.server_address[1])
    with served(server):
        yield attacker
