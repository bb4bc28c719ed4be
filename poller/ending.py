"""How watches end: with what was delivered, or with the word that nothing will be."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.errors import JobNotFoundError, QwhiskError, ResultStoreError, StreamError
from core.events import JobEvent, ResultEvent
from poller.lanes import Lanes
from poller.metrics import Metrics
from poller.outcomes import Outcomes
from poller.reply import StepError
from poller.retriever import Retriever
from poller.runs import Runs
from poller.schedule import KEEP, failure_delay
from poller.watch import Watch
from poller.watches import Watches

log = logging.getLogger(__name__)

#: Seconds for which a job that the provider does not know may still appear.
UNKNOWN_GRACE = 10.0
#: Failures of a job that may pass. Only the deadline ends these.
_PASSING = (StreamError, ResultStoreError, JobNotFoundError, StepError)
#: Failures of another kind after which a job is given up.
MAX_FAILURES = 5


class Ending:
    """Ends watches, and decides when one that fails is given up.

    Args:
        lanes, watches, runs: what is watched.
        retriever: tells the client.
        outcomes: brings what the worker threads have done.
        metrics: counts.
        clock: gives the time, in seconds since 1970.
        deadline: seconds after its submission at which a job is given up.
    """

    def __init__(
        self,
        lanes: Lanes,
        watches: Watches,
        runs: Runs,
        retriever: Retriever,
        outcomes: Outcomes,
        metrics: Metrics,
        clock: Callable[[], float],
        deadline: float,
    ) -> None:
        self._lanes = lanes
        self._watches = watches
        self._runs = runs
        self._retriever = retriever
        self._outcomes = outcomes
        self._metrics = metrics
        self._clock = clock
        self.deadline = deadline

    def is_overdue(self, event: JobEvent, now: float) -> bool:
        """True if the job is past its deadline."""
        return now - event.submitted_at.timestamp() > self.deadline

    def delivered(self, watch: Watch, delivered: ResultEvent, now: float) -> None:
        """This was published: the run's end, or how far its loop is."""
        if delivered.final:
            self._runs.end(watch.event)
            self._metrics.delivered.labels(delivered.status).inc()
        else:
            # The next step's event is in its topic: should this one come again meanwhile, it is past.
            self._runs.note(delivered)
        if watch.view is not None and watch.view.finished is not None:
            lag = max(0.0, now - watch.view.finished.timestamp())
            self._metrics.lag.labels(watch.event.backend_type).observe(lag)
        log.info(
            "delivered" if delivered.final else "next step",
            extra={
                "process_job_id": watch.event.process_job_id,
                "status": delivered.status,
                "backend": watch.event.backend,
            },
        )
        self._watches.finish(watch)

    def failed(self, watch: Watch, error: QwhiskError) -> float:
        """A job failed by itself; gives the seconds after which to try again."""
        now = self._clock()
        watch.failures += 1
        if self._runs.is_past(watch.event):
            self._watches.finish(watch)  # only the function's reply got lost: its next job is announced
        elif (
            isinstance(error, JobNotFoundError) and now - watch.event.submitted_at.timestamp() > UNKNOWN_GRACE
        ):
            self.give_up(watch, "job_not_found", "The provider does not know this job any more.")
        elif self.is_overdue(watch.event, now):
            self.overdue(watch, f"No result within {self.deadline:.0f} s; the last error: {error.message}")
        elif isinstance(error, _PASSING) or watch.failures < MAX_FAILURES:
            log.warning("%s", error.message, extra={"process_job_id": watch.event.process_job_id})
        else:
            self.give_up(watch, error.code, error.message)
        return failure_delay(watch.failures)

    def sweep(self, now: float) -> None:
        """Jobs whose account does not answer have an end too."""
        for lane in self._lanes:
            if not lane.desk.budget.failures:
                continue
            for watch in list(lane.watches.values()):
                if not watch.busy and self.is_overdue(watch.event, now):
                    message = f"No result within {self.deadline:.0f} s; no answer from the provider."
                    self.overdue(watch, message)

    def overdue(self, watch: Watch, message: str) -> None:
        """The job is past its deadline."""
        self.give_up(watch, "deadline", message)

    def give_up(self, watch: Watch, code: str, message: str) -> None:
        """Tell the client that there will be no result, and why."""
        log.error("giving up: %s", message, extra={"process_job_id": watch.event.process_job_id})
        watch.busy = True
        lane = self._lanes.of(watch.event)
        lane.remove(watch)
        lane.submit(lambda: self._give_up_now(watch, code, message))

    def _give_up_now(self, watch: Watch, code: str, message: str) -> None:
        try:
            delivered = self._retriever.give_up(watch.event, code, message)
        except QwhiskError as error:
            log.error("the end of %s cannot be told: %s", watch.event.process_job_id, error.message)
            self._outcomes.put(lambda: self._not_given_up(watch))
        except Exception:
            log.exception("the end of %s cannot be told", watch.event.process_job_id)
            self._outcomes.put(lambda: self._not_given_up(watch))
        else:
            self._outcomes.put(lambda: self._given_up(watch, delivered))

    def _given_up(self, watch: Watch, delivered: ResultEvent) -> None:
        if watch in self._watches:
            self.delivered(watch, delivered, self._clock())

    def _not_given_up(self, watch: Watch) -> None:
        """Later, and not at once for ever: it is looked at again first, which fails again, and so on."""
        if watch not in self._watches:
            return
        watch.busy = False
        watch.due = self._clock() + KEEP
        lane = self._lanes.of(watch.event)
        lane.add(watch, self._clock())
        lane.desk.put_off(watch.key, watch.due)
