"""Threads that run the Flask views, in pools with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from a2wsgi import WSGIMiddleware

from gateway.inbox.memory import BusyError

#: The longest time in seconds that a request waits for a free thread.
QUEUE_TIMEOUT = 10.0
#: The most requests that wait.
MAX_QUEUED = 4_096


class NoFreeThreadError(BusyError):
    """All threads are busy, and enough requests are waiting."""

    def __init__(self) -> None:
        super().__init__("Too many requests are in progress. Try again later.")


class ViewPool:
    """Runs a WSGI application in a number of threads.

    Args:
        app: the WSGI application.
        threads: the most requests that it serves at the same time.
    """

    def __init__(self, app: Any, threads: int) -> None:
        #: The ASGI application that calls it. Untyped: its types of messages differ from uvicorn's.
        self.app: Any = WSGIMiddleware(app, workers=threads)
        self._free = asyncio.Semaphore(threads)
        self._queued = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Occupy a thread for the duration of the context.

        Raises:
            NoFreeThreadError: none is free in time.
        """
        if self._queued >= MAX_QUEUED:
            raise NoFreeThreadError
        self._queued += 1
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT):
                await self._free.acquire()
        except TimeoutError:
            raise NoFreeThreadError from None
        finally:
            self._queued -= 1
        try:
            yield
        finally:
            self._free.release()
