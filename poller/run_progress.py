"""Records the newest step of each run, so that no step is handled twice and no event is published late."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from core.protocol import JobEvent, ResultEvent

#: Runs remembered. Forgetting one costs extra looks and an extra call of its function, but no job or event.
MAX_RUNS = 20_000

_ENDED = 1_000_000


class RunProgress:
    """The newest step of each run: as announced, and as published to its client. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()
        #: By run: the step of the last event published, whether that event came from the step itself and not
        #: from the step before, and, for a final event, its publications.
        self._notified: OrderedDict[str, tuple[tuple[int, bool], list[Future[None]]]] = OrderedDict()

    def note(self, event: JobEvent) -> None:
        """Record that this step was announced, so the steps before it are done."""
        self._put(event.process_job_id, event.step)

    def end(self, event: JobEvent) -> None:
        """Record that the run's final event was published."""
        self._put(event.process_job_id, _ENDED)

    def is_past(self, event: JobEvent) -> bool:
        """Return whether this step is done: its event was delivered again after a crash or a rebalance."""
        with self._lock:
            return self._newest.get(event.process_job_id, 0) > event.step

    def in_order(
        self, event: ResultEvent, send: Callable[[], list[Future[None]]], from_previous_step: bool = False
    ) -> list[Future[None]]:
        """Publish an event unless its client already has one of a later step or the run's final event.

        A function may answer late, after it has announced the next step, and a cancellation request may find
        the end at the same time as the job's own look. The check and the publication hold one lock, so a
        thread with an older step never publishes after one with a newer step.

        Args:
            event: the event.
            send: publishes it without waiting.
            from_previous_step: whether the event is about a new step but comes from the step before. Events
                from the new step itself are newer.

        Returns:
            The publications to wait for. For a second final event they are those of the first.
        """
        run = event.process_job_id
        place = (_ENDED, True) if event.final else (event.step, not from_previous_step)
        with self._lock:
            notified, sent = self._notified.get(run, ((0, False), []))
            if notified > place:
                return []
            if (
                event.final
                and notified == place
                and not any(publication.done() and publication.exception() for publication in sent)
            ):
                return sent
            sent = send()
            self._notified[run] = place, sent if event.final else []
            self._notified.move_to_end(run)
            if len(self._notified) > MAX_RUNS:
                self._notified.popitem(last=False)
            return sent

    def _put(self, run: str, step: int) -> None:
        with self._lock:
            self._newest[run] = max(step, self._newest.pop(run, 0))
            if len(self._newest) > MAX_RUNS:
                self._newest.popitem(last=False)
