"""Reads all cancellation requests, so that every poller knows of those that another poller carries out.

The topic of the requests has one partition, and one poller carries them out. The run's next step may be
another poller's, and must not be invoked any more.
"""

from __future__ import annotations

import logging

from core.erasure import erasure_of
from core.errors import EventError, StreamError
from core.kafka.topic_feed import TopicFeed
from core.kafka.topic_logs import LogEntry
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


class CancellationFeed:
    """Records each client's cancellation request or erasure in the progress of its run.

    Args:
        kafka: how to reach the broker.
        run_progress: where the requests are recorded.
    """

    def __init__(self, kafka: KafkaSettings, run_progress: RunProgress) -> None:
        self._run_progress = run_progress
        self._feed = TopicFeed(kafka, CANCEL, HISTORY, "cancellation requests", self._record)

    def catch_up(self, timeout: float = CATCH_UP_TIMEOUT) -> bool:
        """Wait until the requests that were published before this call are recorded. Thread-safe.

        Args:
            timeout: the longest wait in seconds.

        Returns:
            False if the broker is too slow.
        """
        try:
            if self._feed.catch_up(timeout):
                return True
        except StreamError as error:
            log.warning("it is unclear whether there are new cancellation requests: %s", error.message)
            return False
        log.warning("new cancellation requests were not read within %.0f s", timeout)
        return False

    def close(self) -> None:
        """Stop. No other call may follow."""
        self._feed.close()

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
