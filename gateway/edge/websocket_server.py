"""All WebSockets of this process, served by one thread: a connection costs memory, and no thread."""

from __future__ import annotations

import logging
import queue
import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gateway.edge.connection import AWAY, LATER, Connection

log = logging.getLogger(__name__)

#: WebSockets of one client at once (browser tabs).
MAX_PER_CLIENT = 16
#: Seconds between looks at what time asks for.
TICK = 1.0
#: Seconds that the goodbyes may take at the end.
FAREWELL = 1.0


class WebSocketServer:
    """Pushes events to the clients as their inboxes fill.

    Args:
        most: connections at once; more are asked to come again later.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._new: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._on_event: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._by_topic: dict[str, set[Connection]] = defaultdict(set)
        self._count = 0
        self.pushed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="websocket-server", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Connections that are open."""
        return self._count

    def alive(self) -> bool:
        """True while connections are served."""
        return self._thread.is_alive()

    def add(self, connection: Connection) -> None:
        """Serve one more connection from now on."""
        self._new.put(connection)
        self._rouse()

    def on_event(self, topic: str) -> None:
        """There is something new in the inbox of `topic`. May be called by any thread."""
        self._on_event.put(topic)
        self._rouse()

    def close(self) -> None:
        """Say goodbye to all, and stop."""
        if not self._stop.is_set():
            self._stop.set()
            self._rouse()
        self._thread.join(FAREWELL + 2 * TICK)
        self._waker.close()

    def _rouse(self) -> None:
        # It may have been roused often enough already, or be closed.
        with suppress(OSError):
            self._waker.send(b"\0")

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        ticked = time.monotonic()
        while not self._stop.is_set():
            for key, events in self._selector.select(TICK):
                if key.fileobj is self._wake:
                    self._wake.recv(65_536)
                else:
                    self._serve(key.data, events)
            self._welcome()
            self._push()
            if (now := time.monotonic()) - ticked >= TICK:
                ticked = now
                for connection in self._all():
                    self._guarded(connection, partial(Connection.tick, now=now))
        self._welcome()
        self._farewell()

    def _all(self) -> list[Connection]:
        return [connection for served in self._by_topic.values() for connection in served]

    def _welcome(self) -> None:
        while not self._new.empty():
            connection = self._new.get()
            topic = connection.inbox.topic
            self._by_topic[topic].add(connection)
            self._count += 1
            self._selector.register(connection.sock, selectors.EVENT_READ, connection)
            if len(self._by_topic[topic]) > MAX_PER_CLIENT or self._count > self._most:
                connection.close(LATER, "too many connections")
            self._guarded(connection)

    def _push(self) -> None:
        topics = set()
        while not self._on_event.empty():
            topics.add(self._on_event.get())
        for topic in topics:
            for connection in list(self._by_topic.get(topic, ())):
                self._guarded(connection)

    def _serve(self, connection: Connection, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._guarded(connection, Connection.receive)
        if events & selectors.EVENT_WRITE and connection.sock.fileno() >= 0:
            self._guarded(connection)

    def _guarded(self, connection: Connection, work: Callable[[Connection], None] | None = None) -> None:
        """Do something with a connection, then send what there is; one that is broken concerns no other."""
        try:
            if work is not None:
                work(connection)
            count, keep = connection.pump()
            self.pushed += count
        except OSError:
            keep = False  # the client is gone; it comes back with the id it saw last, or not at all
        except Exception:
            log.exception("a WebSocket failed")
            keep = False
        if not keep:
            self._drop(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        if self._selector.get_key(connection.sock).events != wanted:
            self._selector.modify(connection.sock, wanted, connection)

    def _drop(self, connection: Connection) -> None:
        if connection.sock.fileno() < 0:
            return
        self._selector.unregister(connection.sock)
        connection.sock.close()
        topic = connection.inbox.topic
        self._by_topic[topic].discard(connection)
        if not self._by_topic[topic]:
            del self._by_topic[topic]
        connection.inbox.leave()
        self._count -= 1

    def _farewell(self) -> None:
        for connection in self._all():
            connection.close(AWAY, "connect again")
            self._guarded(connection)
        end = time.monotonic() + FAREWELL
        while self._count and (left := end - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if key.data is not None:
                    self._guarded(key.data)
        for connection in self._all():
            self._drop(connection)
        self._selector.close()
        self._wake.close()
