"""What worker threads and the broker have to tell the loop's thread."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future

from confluent_kafka import KafkaException

log = logging.getLogger(__name__)


class LoopCallbacks:
    """Functions to be called in the loop's thread. `put` and `when_sent` may be called in any."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def __bool__(self) -> bool:
        return not self._queue.empty()

    def put(self, outcome: Callable[[], None]) -> None:
        """Have it called at the loop's next turn."""
        self._queue.put(outcome)

    def when_sent(self, sent: Future[None], then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Have one of the two called once the broker has acknowledged, or not taken, what was sent."""

        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s", error)
            self.put(otherwise if error else then)

        sent.add_done_callback(done)

    def run_pending(self) -> None:
        """Call all that are there; a mistake in one leaves the others."""
        while self:
            try:
                self._queue.get()()
            except KafkaException:
                raise
            except Exception:
                log.exception("an outcome could not be dealt with; its event is seen again at the next start")
