"""Bounds the views that compute at the same time, so that the event loop gets its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

#: The views that compute at the same time. More would not be faster, since one thread runs at a time.
SLOTS = 4

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Processor:
    """Slots for the threads of views.

    Python runs one thread at a time. After each of its system calls, the event loop has to wait for the views
    that compute, and with hundreds of them it would answer probes late. A view gives up its slot while it
    waits for a function, the broker or a store.

    Args:
        slots: the number of slots.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._free = threading.Semaphore(slots)
        self._thread = threading.local()

    def bounded(self, app: WSGIApplication) -> WSGIApplication:
        """Return a WSGI application that calls another one when a slot is free."""

        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            with self._free:
                self._thread.has_slot = True
                try:
                    return app(environ, start_response)
                finally:
                    self._thread.has_slot = False

        return call

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Give up this thread's slot, if it has one, for the duration of the context."""
        if not getattr(self._thread, "has_slot", False):
            yield
            return
        self._thread.has_slot = False
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            self._thread.has_slot = True
