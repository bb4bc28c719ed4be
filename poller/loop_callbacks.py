"""Functions that other threads hand to the loop's thread."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future

from core.kafka.errors import KafkaException

log = logging.getLogger(__name__)


class LoopCallbacks:
    """A queue of functions to be called in the loop's thread.

    `put` and `when_sent` are thread-safe. Only the loop calls `run_pending`.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def __bool__(self) -> bool:
        return not self._queue.empty()

    def put(self, outcome: Callable[[], None]) -> None:
        """Queue a function for the loop's next iteration.

        Args:
            outcome: the function.
        """
        self._queue.put(outcome)

    def when_sent(self, sent: Future[None], then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Queue one of two functions once a publication has succeeded or failed.

        Args:
            sent: the publication.
            then: called if the broker acknowledged it.
            otherwise: called if it failed.
        """

        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s", error)
            self.put(otherwise if error else then)

        sent.add_done_callback(done)

    def run_pending(self) -> None:
        """Call the queued functions. An error in one is logged and does not stop the others.

        Raises:
            KafkaException: a librdkafka call failed. The remaining functions stay queued.
        """
        while self:
            try:
                self._queue.get()()
            except KafkaException:
                raise
            except Exception:
                log.exception("an outcome was not handled; its event is consumed again after a restart")
