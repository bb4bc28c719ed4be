"""All WebSockets of this process, served by one thread, so that a connection costs memory but no thread."""

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

#: The most WebSockets of one client (browser tabs).
MAX_PER_CLIENT = 16
#: The most unsent bytes of all connections. If there are more, those end first whose clients have received
#: nothing for the longest time.
MAX_UNSENT = 32 * 1024 * 1024
#: Seconds between two calls of `Connection.tick`.
TICK = 1.0
#: Seconds for sending the close frames at the end.
CLOSE_TIMEOUT = 1.0


class WebSocketServer:
    """Pushes events to the clients when their inboxes get them.

    Args:
        most: the most connections; further ones are closed with "try again later".
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
        #: The unsent bytes of the connections that have any, and their sum.
        self._unsent: dict[Connection, int] = {}
        self._all_unsent = 0
        self.pushed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="websocket-server", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return the number of open connections."""
        return self._count

    def alive(self) -> bool:
        """Return whether connections are being served."""
        return self._thread.is_alive()

    def add(self, connection: Connection) -> None:
        """Serve another connection."""
        self._new.put(connection)
        self._wake_thread()

    def on_event(self, topic: str) -> None:
        """Handle a new event in the inbox of a topic. May be called by any thread."""
        self._on_event.put(topic)
        self._wake_thread()

    def close(self) -> None:
        """Close all connections and stop."""
        if not self._stop.is_set():
            self._stop.set()
            self._wake_thread()
        self._thread.join(CLOSE_TIMEOUT + 2 * TICK)
        self._waker.close()

    def _wake_thread(self) -> None:
        # The thread may already have enough wake-ups, or be closed.
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
            self._accept_new()
            self._push()
            if (now := time.monotonic()) - ticked >= TICK:
                ticked = now
                for connection in self._all():
                    self._guarded(connection, partial(Connection.tick, now=now))
        self._accept_new()
        self._close_all()

    def _all(self) -> list[Connection]:
        return [connection for served in self._by_topic.values() for connection in served]

    def _accept_new(self) -> None:
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
        """Use a connection, then send its data. An error ends this connection only."""
        if connection.sock.fileno() < 0:
            return
        try:
            if work is not None:
                work(connection)
            count, keep = connection.pump()
            self.pushed += count
        except OSError:
            keep = False  # the client has disconnected; it may reconnect with the last id that it saw
        except Exception:
            log.exception("a WebSocket failed")
            keep = False
        if not keep:
            self._drop(connection)
            return
        self._count_unsent(connection, connection.unsent)
        while self._all_unsent > MAX_UNSENT:
            self._drop(min(self._unsent, key=lambda other: other.moved))
        if connection.sock.fileno() < 0:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        if self._selector.get_key(connection.sock).events != wanted:
            self._selector.modify(connection.sock, wanted, connection)

    def _count_unsent(self, connection: Connection, size: int) -> None:
        self._all_unsent += size - self._unsent.pop(connection, 0)
        if size:
            self._unsent[connection] = size

    def _drop(self, connection: Connection) -> None:
        if connection.sock.fileno() < 0:
            return
        self._count_unsent(connection, 0)
        self._selector.unregister(connection.sock)
        connection.sock.close()
        if connection.on_close is not None:
            connection.on_close()
        topic = connection.inbox.topic
        self._by_topic[topic].discard(connection)
        if not self._by_topic[topic]:
            del self._by_topic[topic]
        connection.inbox.leave()
        self._count -= 1

    def _close_all(self) -> None:
        for connection in self._all():
            connection.close(AWAY, "connect again")
            self._guarded(connection)
        end = time.monotonic() + CLOSE_TIMEOUT
        while self._count and (left := end - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if key.data is not None:
                    self._guarded(key.data)
        for connection in self._all():
            self._drop(connection)
        self._selector.close()
        self._wake.close()
