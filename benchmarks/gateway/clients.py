"""A thousand WebSocket clients in one process: they note when each event came, and parse no JSON."""

from __future__ import annotations

import re
import selectors
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from testkit.websocket import WebSocket

#: When a result was published, in its parameters.
SENT = re.compile(rb'"sent":([0-9.]+)')

#: Clients that connect at the same moment.
AT_ONCE = 32


class Crowd:
    """Clients that listen."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listeners: list[WebSocket] = []
        #: Seconds from each event's `sent` to its arrival.
        self.latencies: list[float] = []

    def join(self, port: int, tokens: Sequence[str]) -> None:
        """Connect more clients, some of them at once, as after a gateway's restart."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for listener in pool.map(lambda token: WebSocket(port, token), tokens):
                self._listeners.append(listener)
                self._selector.register(listener.sock, selectors.EVENT_READ, listener)

    def listen(self, seconds: float, most: int | None = None) -> None:
        """Receive for this long, or until `most` results have arrived in total."""
        end = time.perf_counter() + seconds
        while most is None or len(self.latencies) < most:
            left = end - time.perf_counter()
            for key, _ in self._selector.select(max(0.0, left)):
                texts = key.data.texts()
                now = time.time()
                self.latencies += [now - float(sent[1]) for sent in map(SENT.search, texts) if sent]
            if left <= 0:
                return

    def close(self) -> None:
        """Close all connections."""
        for listener in self._listeners:
            listener.close()
        self._selector.close()
