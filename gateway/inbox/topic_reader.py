"""A consumer of the topics of clients that this process serves."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace

from core.errors import EventError, StreamError
from core.kafka.topic_logs import LogEntry, LogFailure, TopicLeaderlessError, TopicLogs, TopicUnknownError
from core.kafka.topics import BACKENDS
from core.protocol import BackendInfo, BackendList, decode
from core.settings import KafkaSettings
from gateway.auth.tokens import TokenError
from gateway.inbox.inbox import Inbox

log = logging.getLogger(__name__)

#: The longest time in seconds to open an inbox and read its past events.
OPEN_TIMEOUT = 10.0
#: Seconds after which an unused inbox is closed, so that its topic is no longer fetched. It is opened again
#: when it is needed.
IDLE = 60.0
#: The most open inboxes. When there are more, those unused for longest are closed.
MAX_INBOXES = 5_000
#: The longest time in milliseconds that a fetch may wait at the broker. A new client's topic is part of the
#: next fetch only, and its first result must not wait for Kafka's usual half second.
FETCH_WAIT_MS = 50
#: Seconds that one poll waits: the longest time that the opening of an inbox waits for it.
PATIENCE = 0.01

#: The attempts to open a topic that is not known yet, and the seconds between them.
APPEARANCES, APPEARS = 10, 0.1


class TopicReader:
    """Reads clients' topics in its own thread and passes each message to its inbox."""

    def __init__(
        self, kafka: KafkaSettings, on_event: Callable[[str], None] | None = None, backends: bool = True
    ) -> None:
        """
        Args:
            kafka: how to reach the broker.
            on_event: called with a topic when its inbox has a new event.
            backends: whether to follow the list of backends too.
        """
        self._on_event = on_event
        self._logs = TopicLogs(replace(kafka, fetch_wait_max_ms=min(kafka.fetch_wait_max_ms, FETCH_WAIT_MS)))
        self._inboxes: dict[str, Inbox] = {}
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._later: deque[tuple[float, Callable[[], None]]] = deque()
        self._stop = threading.Event()
        self.backends: list[BackendInfo] = []
        if backends:
            self._requests.put(self._follow_backends)
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def inbox(self, topic: str) -> Inbox:
        """Return the topic's inbox after its past events are read.

        Raises:
            StreamError: the broker did not answer in time.
            TokenError: the topic was deleted.
        """
        with self._lock:
            inbox = self._inboxes.get(topic)
            if inbox is not None:
                # Under the lock: from now on the sweep leaves it open.
                inbox.touch()
        if inbox is None:
            opened: Future[Inbox] = Future()
            self._requests.put(lambda: self._open(topic, opened))
            try:
                inbox = opened.result(OPEN_TIMEOUT)
            except FutureTimeout:
                raise StreamError("The events cannot be read now. Try again later.") from None
        if not inbox.caught_up(OPEN_TIMEOUT):
            raise StreamError("The events cannot be read now. Try again later.")
        return inbox

    def __len__(self) -> int:
        """Return the number of open inboxes."""
        return len(self._inboxes)

    def stop(self) -> None:
        """Start to stop; `close` waits for the end."""
        self._stop.set()

    def close(self) -> None:
        """Close every inbox and stop."""
        self._stop.set()
        self._thread.join(5)

    def alive(self) -> bool:
        """Return whether messages are being read."""
        return self._thread.is_alive()

    def _run(self) -> None:
        sweep = time.monotonic()
        try:
            while not self._stop.is_set():
                while not self._requests.empty():
                    self._requests.get()()
                while self._later and self._later[0][0] <= time.monotonic():
                    self._later.popleft()[1]()
                try:
                    self._dispatch(self._logs.poll(PATIENCE))
                except StreamError as error:
                    log.error("%s", error.message)
                    self._stop.wait(0.5)
                if time.monotonic() - sweep > IDLE / 10:
                    sweep = time.monotonic()
                    self._sweep()
        finally:
            for inbox in list(self._inboxes.values()):
                inbox.close()
            self._logs.close()

    def _dispatch(self, entry: LogEntry | LogFailure | None) -> None:
        if entry is None:
            return
        if isinstance(entry, LogFailure):
            self._failed(entry)
            return
        if entry.topic == BACKENDS:
            try:
                self.backends = decode(BackendList, entry.value).backends
            except EventError as error:
                log.error("list of backends ignored: %s", error.message)
            return
        inbox = self._inboxes.get(entry.topic)
        if inbox is not None:
            inbox.append(entry.offset, entry.value)

    def _failed(self, failure: LogFailure) -> None:
        """Close the inbox of a topic that was deleted. Its clients reconnect and get an error."""
        inbox = self._inboxes.get(failure.topic)
        if inbox is None or not isinstance(failure.error, TopicUnknownError):
            log.warning("%s", failure.error.message)
            return
        log.warning("a client's topic was deleted")
        with self._lock:
            del self._inboxes[failure.topic]
        self._logs.unfollow([failure.topic])
        inbox.close()

    def _open(self, topic: str, opened: Future[Inbox], tries: int = APPEARANCES) -> None:
        inbox = self._inboxes.get(topic)
        try:
            if inbox is None:
                offsets = self._logs.offsets(topic, OPEN_TIMEOUT)
                inbox = Inbox(topic, offsets.stop if offsets else 0, self._on_event)
                with self._lock:
                    self._inboxes[topic] = inbox
                self._logs.follow({topic: None})
        except StreamError as error:
            if isinstance(error, TopicUnknownError | TopicLeaderlessError) and tries > 1:
                # The topic was created a moment ago, and not every broker may know it yet.
                self._later.append((time.monotonic() + APPEARS, lambda: self._open(topic, opened, tries - 1)))
            elif not isinstance(error, TopicUnknownError):
                log.error("a client's topic cannot be read: %s", error.message)
                opened.set_exception(StreamError("The events cannot be read now. Try again later."))
            else:
                opened.set_exception(
                    TokenError("This session's events were deleted. Create a new session.", "gone")
                )
            return
        opened.set_result(inbox)

    def _follow_backends(self) -> None:
        """Read from the newest list of backends on: each list replaces the one before."""
        try:
            offsets = self._logs.offsets(BACKENDS, OPEN_TIMEOUT)
            self._logs.follow({BACKENDS: max(offsets.start, offsets.stop - 1)})
        except StreamError as error:
            log.error("the list of backends cannot be read: %s", error.message)

    def _sweep(self) -> None:
        with self._lock:
            by_idleness = sorted(self._inboxes.values(), key=lambda inbox: -inbox.idle())
            overflow = len(by_idleness) - MAX_INBOXES
            closed = [
                inbox for place, inbox in enumerate(by_idleness) if inbox.idle() > IDLE or place < overflow
            ]
            for inbox in closed:
                del self._inboxes[inbox.topic]
        if closed:
            self._logs.unfollow([inbox.topic for inbox in closed])
            for inbox in closed:
                inbox.close()
