"""A consumer of the topics of clients that this process serves."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from functools import partial

from core.errors import EventError, StreamError
from core.kafka.admin import Topics
from core.kafka.topic_logs import LogEntry, LogFailure, TopicLeaderlessError, TopicLogs, TopicUnknownError
from core.kafka.topics import BACKENDS, SESSIONS, made_at
from core.protocol import BackendInfo, BackendList, decode
from core.settings import KafkaSettings
from gateway.auth.tokens import TokenError
from gateway.inbox.inbox import Inbox
from gateway.inbox.memory import Memory
from gateway.inbox.session_notices import created_topic

log = logging.getLogger(__name__)

#: The longest time in seconds to open an inbox and read its past events.
OPEN_TIMEOUT = 10.0
#: Seconds after which an unused inbox is closed, so that its topic is no longer fetched. It is opened again
#: when it is needed.
IDLE = 60.0
#: The same while the inboxes take much memory, and the seconds between two searches for unused inboxes.
IDLE_PRESSED = 1.0
#: The most open inboxes. When there are more, those unused for longest are closed.
MAX_INBOXES = 5_000
#: The longest time in milliseconds that a fetch may wait at the broker. A new client's topic is part of the
#: next fetch only, and its first result must not wait for Kafka's usual half second.
FETCH_WAIT_MS = 50
#: Seconds that one poll waits: the longest time that the opening of an inbox waits for it.
PATIENCE = 0.01

#: The attempts to open a topic that the broker does not know, and the seconds between them. It may have been
#: created a moment ago.
APPEARANCES, APPEARS = 20, 0.1
#: The most inboxes without a topic that one sweep looks up, and the seconds that a look-up may take.
MAX_LOOKUPS, LOOKUP_TIMEOUT = 20, 2.0

_LATER = "The events cannot be read now. Try again later."


class TopicReader:
    """Reads clients' topics in its own thread and passes each message to its inbox."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Topics,
        on_event: Callable[[str], None] | None = None,
        on_created: Callable[[str], None] | None = None,
        since: int = 0,
        memory: Memory | None = None,
    ) -> None:
        """
        Args:
            kafka: how to reach the broker.
            topics: looks topics up.
            on_event: called with a topic when its inbox has a new event.
            on_created: called with each client's topic that a gateway creates. If given, this reader follows
                these notices and the list of backends too.
            since: when the broker's log of sessions begins, in seconds since 1970.
            memory: bounds the memory of all inboxes.
        """
        self._topics = topics
        self._on_event = on_event
        self._on_created = on_created
        self._since = since
        self._memory = memory or Memory()
        self._logs = TopicLogs(replace(kafka, fetch_wait_max_ms=min(kafka.fetch_wait_max_ms, FETCH_WAIT_MS)))
        self._inboxes: dict[str, Inbox] = {}
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._later: deque[tuple[float, Callable[[], None]]] = deque()
        self._stop = threading.Event()
        self.backends: list[BackendInfo] = []
        if on_created is not None:
            self._requests.put(self._follow_shared)
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def inbox(self, topic: str) -> Inbox:
        """Return the topic's inbox after its past events are read. If no job has created it, it is empty.

        Raises:
            StreamError: the broker did not answer in time.
            TokenError: the topic was lost.
            BusyError: there is no memory for another inbox now.
        """
        with self._lock:
            inbox = self._inboxes.get(topic)
            if inbox is not None:
                # Under the lock: from now on the sweep leaves it open.
                inbox.touch()
        if inbox is None:
            self._memory.require()
            inbox = self._new_inbox(topic) if self._never_created(topic) else self.open(topic)
        if not inbox.caught_up(OPEN_TIMEOUT) or inbox.closed:
            raise StreamError(_LATER)
        return inbox

    def _never_created(self, topic: str) -> bool:
        """Return whether no job has created the topic.

        A client's topic is deleted only when no token for it is valid. So a topic that does not exist was
        never created, unless its name is older than the broker's log.
        """
        created = made_at(topic)
        return created is not None and created >= self._since and not self._topics.exists(topic)

    def _new_inbox(self, topic: str) -> Inbox:
        with self._lock:
            return self._inboxes.setdefault(topic, Inbox(topic, 0, self._on_event, self._memory))

    def open(self, topic: str) -> Inbox:
        """Return the inbox of a topic that exists. It may have been created a moment ago.

        Raises:
            StreamError: the broker did not answer in time, or does not know the topic yet.
            TokenError: the topic was lost.
        """
        opened: Future[Inbox] = Future()
        self._requests.put(lambda: self._open(topic, opened))
        try:
            return opened.result(OPEN_TIMEOUT)
        except FutureTimeout:
            raise StreamError(_LATER) from None

    def created(self, topic: str) -> None:
        """Read a topic that another gateway has created, if its inbox is open."""
        inbox = self._inboxes.get(topic)
        if inbox is not None and not inbox.followed:
            self._requests.put(lambda: self._open(topic, Future()))

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
                    interval = IDLE_PRESSED if self._memory.pressed else IDLE / 10
                    if time.monotonic() - sweep > interval:
                        sweep = time.monotonic()
                        self._sweep()
                        self._look_up()
                except StreamError as error:
                    log.error("%s", error.message)
                    self._stop.wait(0.5)
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
        if entry.topic == SESSIONS:
            topic = created_topic(entry.value)
            if topic is not None and self._on_created is not None:
                self._on_created(topic)
            return
        inbox = self._inboxes.get(entry.topic)
        if inbox is not None:
            inbox.append(entry.offset, entry.value, entry.headers)

    def _failed(self, failure: LogFailure) -> None:
        inbox = self._inboxes.get(failure.topic)
        if inbox is None or not inbox.followed or not isinstance(failure.error, TopicUnknownError):
            log.warning("%s", failure.error.message)
            return
        # Not every broker may know a topic that was created a moment ago.
        inbox.followed = False
        self._logs.unfollow([failure.topic])
        self._open(failure.topic, Future())

    def _open(self, topic: str, opened: Future[Inbox], tries: int = APPEARANCES) -> None:
        """Read a topic. Called in the thread."""
        inbox = self._inboxes.get(topic)
        try:
            if inbox is None or not inbox.followed:
                offsets = self._logs.offsets(topic, OPEN_TIMEOUT)
                if inbox is not None and inbox.position > offsets.stop:
                    # The topic was deleted and created again. Its clients reconnect.
                    self._discard(inbox)
                    inbox = None
                inbox = inbox or self._new_inbox(topic)
                self._logs.follow({topic: inbox.position or None})
                inbox.follow(offsets.stop)
        except StreamError as error:
            if isinstance(error, TopicUnknownError | TopicLeaderlessError) and tries > 1:
                again = partial(self._open, topic, opened, tries - 1)
                self._later.append((time.monotonic() + APPEARS, again))
                return
            if isinstance(error, TopicUnknownError) and inbox is not None:
                log.warning("a client's topic does not exist")
                self._discard(inbox)
            elif not isinstance(error, TopicUnknownError):
                log.error("a client's topic cannot be read: %s", error.message)
            opened.set_exception(self._failure(topic, error))
            return
        opened.set_result(inbox)

    def _discard(self, inbox: Inbox) -> None:
        """Close an inbox that is not read. Its clients reconnect."""
        with self._lock:
            if self._inboxes.get(inbox.topic) is inbox:
                del self._inboxes[inbox.topic]
        inbox.close()

    def _failure(self, topic: str, error: StreamError) -> Exception:
        created = made_at(topic)
        lost = isinstance(error, TopicUnknownError) and (created is None or created < self._since)
        if lost:
            return TokenError("This session's events were deleted. Create a new session.", "gone")
        return StreamError(_LATER)

    def _follow_shared(self) -> None:
        """Read the list of backends from the newest on, and the notices of new topics from now on."""
        for topic, last in ((BACKENDS, 1), (SESSIONS, 0)):
            self._follow_from_end(topic, last)

    def _follow_from_end(self, topic: str, last: int) -> None:
        """Read a topic, beginning with its `last` newest messages."""
        try:
            offsets = self._logs.offsets(topic, OPEN_TIMEOUT)
            self._logs.follow({topic: max(offsets.start, offsets.stop - last)})
        except StreamError as error:
            log.error("the topic %s cannot be read yet: %s", topic, error.message)
            again = partial(self._follow_from_end, topic, last)
            self._later.append((time.monotonic() + APPEARS, again))

    def _look_up(self) -> None:
        """Look for the topics of inboxes in use, since the notice of a new topic may have been lost."""
        with self._lock:
            inboxes = list(self._inboxes.values())
        waiting = [inbox for inbox in inboxes if not inbox.followed and inbox.idle() == 0]
        for inbox in random.sample(waiting, min(MAX_LOOKUPS, len(waiting))):
            if self._topics.exists(inbox.topic, LOOKUP_TIMEOUT):
                self._open(inbox.topic, Future())

    def _sweep(self) -> None:
        with self._lock:
            by_idleness = sorted(self._inboxes.values(), key=lambda inbox: -inbox.idle())
            overflow = len(by_idleness) - MAX_INBOXES
            longest = IDLE_PRESSED if self._memory.pressed else IDLE
            closed = [
                inbox for place, inbox in enumerate(by_idleness) if inbox.idle() > longest or place < overflow
            ]
            for inbox in closed:
                del self._inboxes[inbox.topic]
        if closed:
            self._logs.unfollow([inbox.topic for inbox in closed if inbox.followed])
            for inbox in closed:
                inbox.close()
