"""HTTP servers of tests, each served by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import TypeVar

#: Seconds between two looks of a server whether it shall end.
INTERVAL = 0.02

Server = TypeVar("Server", bound=HTTPServer)


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """Serve for the duration of the context, then close the server.

    Args:
        server: the server, which listens already.
    """
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(INTERVAL,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
