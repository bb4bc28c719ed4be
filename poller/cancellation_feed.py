"""Reads all cancellation requests, so that every poller knows of those that another poller carries out.

The topic of the requests has one partition, and one poller carries them out. The run's next step may be
another poller's, and must not be invoked any more.
"""

from __future__ import annotations

import logging
import threading
import time

from core.erasure import erasure_of
from core.errors import EventError, StreamError
from core.kafka.topic_logs import LogEntry, LogFailure, TopicLogs, TopicUnknownError
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, decode
from core.settings import KafkaSettings
from core.strays import sought
from poller.state import RunProgress

log = logging.getLogger(__name__)

#: The requests that are read at the start, newest first. Earlier ones are carried out as well: their jobs are
#: cancelled by the poller that has the request.
HISTORY = 5_000
#: Seconds for which a step waits until the requests before it are read. If the broker is slower, the step is
#: invoked, and the run ends after it.
CATCH_UP_TIMEOUT = 5.0
#: Seconds that one poll waits, and seconds between attempts to read the topic.
POLL, RETRY = 0.1, 0.5


class CancellationFeed:
    """A thread that records each client's cancellation request or erasure in the progress of its run.

    Args:
        kafka: how to reach the broker.
        run_progress: where the requests are recorded.
    """

    def __init__(self, kafka: KafkaSettings, run_progress: RunProgress) -> None:
        self._run_progress = run_progress
        self._logs, self._ends = TopicLogs(kafka), TopicLogs(kafka)
        #: One thread at a time may use `_ends`.
        self._ends_lock = threading.Lock()
        self._read = threading.Condition()
        #: The offset of the next request; -1 before the topic is read.
        self._position = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cancellation-feed", daemon=True)
        self._thread.start()

    def catch_up(self, timeout: float = CATCH_UP_TIMEOUT) -> bool:
        """Wait until the requests that were published before this call are recorded. Thread-safe.

        Args:
            timeout: the longest wait in seconds.

        Returns:
            False if the broker is too slow.
        """
        deadline = time.monotonic() + timeout
        try:
            with self._ends_lock:
                end = self._ends.offsets(CANCEL, max(0.1, deadline - time.monotonic())).stop
        except StreamError as error:
            log.warning("it is unclear whether there are new cancellation requests: %s", error.message)
            return False
        with self._read:
            left = max(0.0, deadline - time.monotonic())
            if self._read.wait_for(lambda: self._position >= end or self._stop.is_set(), left):
                return True
        log.warning("new cancellation requests were not read within %.0f s", timeout)
        return False

    def close(self) -> None:
        """Stop. No other call may follow."""
        self._stop.set()
        with self._read:
            self._read.notify_all()
        self._thread.join(2)
        with self._ends_lock:
            self._ends.close()

    # --- the thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        followed = False
        while not self._stop.is_set():
            try:
                if not followed:
                    self._follow()
                followed = True
                entry = self._logs.poll(POLL)
                if isinstance(entry, LogFailure):
                    if isinstance(entry.error, TopicUnknownError):
                        self._logs.unfollow([CANCEL])
                        followed = False
                    raise entry.error
            except StreamError as error:
                log.warning("the cancellation requests cannot be read now: %s", error.message)
                self._stop.wait(RETRY)
                continue
            if entry is not None:
                self._record(entry)
        self._logs.close()

    def _follow(self) -> None:
        offsets = self._logs.offsets(CANCEL, CATCH_UP_TIMEOUT)
        first = max(offsets.start, offsets.stop - HISTORY)
        self._logs.follow({CANCEL: first})
        self._move(first)

    def _record(self, entry: LogEntry) -> None:
        try:
            event = decode(JobEvent, entry.value)
        except EventError:
            pass  # the poller that consumes it reports it
        else:
            if erasure_of(event.job_id) is not None:
                self._run_progress.erase(event)
            elif sought(event.job_id) is None:
                self._run_progress.cancel(event)
        self._move(entry.offset + 1)

    def _move(self, position: int) -> None:
        with self._read:
            self._position = position
            self._read.notify_all()
