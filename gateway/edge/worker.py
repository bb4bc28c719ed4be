"""gunicorn's threaded worker, which lets go of connections that became WebSockets."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class GatewayWorker(ThreadWorker):  # type: ignore[misc]
    """Serves HTTP; what it no longer owns it does not close."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Called when a request is done with."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)
