"""gunicorn's threaded worker, which leaves connections alone that became WebSockets."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class GatewayWorker(ThreadWorker):  # type: ignore[misc]
    """Serves HTTP. It does not close connections that were handed over."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Handle the end of a request."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)
