"""How far the runs that this process has seen are, so that an event seen twice is not worked on twice."""

from __future__ import annotations

from collections import OrderedDict

from core.events import JobEvent

#: Runs remembered. One that is forgotten costs looks and an answer that nobody sees, but no job and no event.
MAX_RUNS = 20_000

_ENDED = 1_000_000


class Runs:
    """The newest step of each run, as the broker has acknowledged it."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()

    def note(self, event: JobEvent) -> None:
        """There is a JobEvent for this step, so the steps before it are done."""
        self._put(event.process_job_id, event.step)

    def end(self, event: JobEvent) -> None:
        """The run's final event is out."""
        self._put(event.process_job_id, _ENDED)

    def is_past(self, event: JobEvent) -> bool:
        """True if nothing is left to do about this step: it came again after a crash or a rebalance."""
        return self._newest.get(event.process_job_id, 0) > event.step

    def _put(self, run: str, step: int) -> None:
        self._newest[run] = max(step, self._newest.pop(run, 0))
        if len(self._newest) > MAX_RUNS:
            self._newest.popitem(last=False)
