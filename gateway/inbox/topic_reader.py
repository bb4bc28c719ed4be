"""One consumer for the topics of clients that this process serves."""

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

#: Seconds that opening an inbox, its past included, may take.
OPEN_TIMEOUT = 10.0
#: Seconds after which an inbox that nobody uses is closed, so that the broker need not be asked for its
#: topic again and again; it is read again when somebody comes.
IDLE = 60.0
#: Inboxes open at once; the one unused for longest makes way.
MAX_INBOXES = 5_000
#: Milliseconds that a fetch may wait at the broker: a new client's topic is in the next fetch only, and its
#: first result must not wait for Kafka's usual half second.
FETCH_WAIT_MS = 50
#: Seconds one poll waits: how long a new client may have to wait for its inbox.
PATIENCE = 0.01

#: How often, and after how many seconds each time, a topic that is not known is asked for again.
APPEARANCES, APPEARS = 10, 0.1


class TopicReader:
    """Reads the clients' topics in a thread of its own and hands each message to its inbox."""

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
        """The topic's inbox with its past read; StreamError if the broker does not give it in time."""
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
        """Inboxes that are open."""
        return len(self._inboxes)

    def stop(self) -> None:
        """Begin to stop."""
        self._stop.set()

    def close(self) -> None:
        """Close every inbox and stop."""
        self._stop.set()
        self._thread.join(5)

    def alive(self) -> bool:
        """True while messages are read."""
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
                    TokenError("This session's events are gone. Make a new session.", "gone")
                )
            return
        opened.set_result(inbox)

    def _follow_backends(self) -> None:
        """Start at the newest list: each replaces the one before."""
        try:
            offsets = self._logs.offsets(BACKENDS, OPEN_TIMEOUT)
            self._logs.follow({BACKENDS: max(offsets.start, offsets.stop - 1)})
        except StreamError as error:
            log.error("the list of backends cannot be read: %s", error.message)

    def _sweep(self) -> None:
        with self._lock:
            by_idleness = sorted(self._inboxes.values(), key=lambda inbox: -inbox.idle())
            surplus = len(by_idleness) - MAX_INBOXES
            gone = [
                inbox for place, inbox in enumerate(by_idleness) if inbox.idle() > IDLE or place < surplus
            ]
            for inbox in gone:
                del self._inboxes[inbox.topic]
        if gone:
            self._logs.unfollow([inbox.topic for inbox in gone])
            for inbox in gone:
                inbox.close()
