"""How far the runs that this process has seen are: nothing is done twice, and no news come out of order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from core.events import JobEvent, ResultEvent

#: Runs remembered. One that is forgotten costs looks and an answer that nobody sees, but no job and no event.
MAX_RUNS = 20_000

_ENDED = 1_000_000


class RunProgress:
    """The newest step of each run, as it was announced and as its client was told. Safe in many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()
        #: The step that the client was told of last, and whether by the watch over that step itself; of an
        #: end, what it was sent with.
        self._notified: OrderedDict[str, tuple[tuple[int, bool], list[Future[None]]]] = OrderedDict()

    def note(self, event: JobEvent) -> None:
        """There is a JobEvent for this step, so the steps before it are done."""
        self._put(event.process_job_id, event.step)

    def end(self, event: JobEvent) -> None:
        """The run's final event is out."""
        self._put(event.process_job_id, _ENDED)

    def is_past(self, event: JobEvent) -> bool:
        """True if nothing is left to do about this step: it came again after a crash or a rebalance."""
        with self._lock:
            return self._newest.get(event.process_job_id, 0) > event.step

    def in_order(
        self, event: ResultEvent, send: Callable[[], list[Future[None]]], from_previous_step: bool = False
    ) -> list[Future[None]]:
        """Send the event, unless its client has been told of a later step, or of the run's end, already.

        A function may be slow to answer to a step although it has announced the next long since; and a wish
        to cancel may find the end while the job's own watch does. Looking and sending are one act: of two
        threads the one with the older step never comes second.

        Args:
            event: to be sent.
            send: sends it, and does not wait.
            foretold: true if it tells of a step of which the step before has just learned; what is known from
                that step itself is newer.

        Returns:
            What is to be waited for: for a second end, the acknowledgements of the first.
        """
        run = event.process_job_id
        place = (_ENDED, True) if event.final else (event.step, not from_previous_step)
        with self._lock:
            notified, sent = self._notified.get(run, ((0, False), []))
            if notified > place:
                return []
            if event.final and notified == place and not any(one.done() and one.exception() for one in sent):
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
