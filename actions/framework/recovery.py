"""Recovery of a job whose submission had no clear answer, or that another attempt may have submitted too.

No job is submitted again here. The provider lists the jobs with the step's tag, and a job in that
list is the step's job. If that remains unclear, the caller gets an error, and the pollers are requested to
search for the job for some more minutes and to cancel it (`core/strays.py`).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from core.errors import ProviderUnavailableError, QwhiskError
from core.kafka.publisher import Publisher
from core.poller_requests import publish_request
from core.protocol import CANCELLATION, JobEvent
from core.provider import JobView, QuantumAccount, run_tag, seconds_left, step_tag, within
from core.strays import MAX_JOB_ID, lost, stray

log = logging.getLogger(__name__)

#: Seconds before each search for a job that may exist: the provider may list it late.
PAUSES = (0.0, 0.5, 2.0, 4.0)
#: Seconds between adopting another attempt's job and the check that no poller has just cancelled it.
SETTLE = 1.5
#: Maximum seconds to cancel an unwanted job; after that the pollers are requested to cancel it.
ABANDON_TIME = 8.0
#: A valid id in an event, with room for the prefix that `core.strays` adds.
IDENTIFIER = re.compile(rf"[A-Za-z0-9_.:-]{{1,{MAX_JOB_ID}}}")

_OLDEST = datetime(1, 1, 1, tzinfo=UTC)


class Recovery:
    """Finds the one job of a step.

    Args:
        account: the account of the job.
        publisher: the publisher of requests to the pollers.
        pauses: seconds before each search.
        settle: seconds in which a poller that started to cancel a job finishes.
    """

    def __init__(
        self,
        account: QuantumAccount,
        publisher: Publisher,
        pauses: Sequence[float] = PAUSES,
        settle: float = SETTLE,
    ) -> None:
        self._account = account
        self._publisher = publisher
        self._pauses = pauses
        self._settle = settle

    def search(self, event: JobEvent, attempt: str | None = None) -> list[JobView]:
        """Search the provider for the jobs of this step, or of one attempt, in one request; oldest first."""
        run = event.process_job_id
        # With the run's tag too: the tag of step 1 of run `a` is also that of all jobs of run `a-1`.
        views = self._account.tagged(step_tag(run, event.step, attempt), run_tag(run))
        # The list has the newest first; jobs of the same age keep their reversed order.
        return _in_order([view for view in reversed(views) if IDENTIFIER.fullmatch(view.job_id)])

    def keep_first(self, event: JobEvent, views: Sequence[JobView]) -> JobEvent:
        """Return the event with the first of these jobs; cancel the others."""
        kept, *others = views
        self.abandon(event, [view.job_id for view in others])
        backend = kept.backend if IDENTIFIER.fullmatch(kept.backend) else event.backend
        return event.model_copy(update={"job_id": kept.job_id, "backend": backend})

    def after_lost_answer(
        self, event: JobEvent, attempt: str | None, failure: ProviderUnavailableError
    ) -> JobEvent:
        """Return the event of the job that was submitted although there was no clear answer.

        Args:
            event: the event of the job, without its id.
            attempt: the attempt in the job's tag; None if no other attempt submits the same job.
            failure: the error of the submission.

        Raises:
            ProviderUnavailableError: the job was not found, or it is unclear whether it exists.
        """
        cancellation_requested = False
        try:
            views = self._search_repeatedly(event, attempt)
            if views and attempt:
                return self.resolve(event.model_copy(update={"job_id": views[0].job_id}), attempt)
            if views:
                return self.keep_first(event, views)
            conclusion = "The job was probably not submitted"
            self.request_cancellation(event, attempt)
            cancellation_requested = True
            # The provider may still accept this attempt's job, but another attempt's job is just as good.
            others = self.search(event) if attempt else []
            if others and (adopted := self.adopt(event, others)) is not None:
                return adopted
        except QwhiskError as error:
            log.warning("the search for the job of %s failed: %s", event.process_job_id, error.message)
            conclusion = "It is unclear whether the job was submitted; if so, it will be cancelled"
            if not cancellation_requested:
                self.request_cancellation(event, attempt)
        raise ProviderUnavailableError(
            f"{failure.message.rstrip('.')}. {conclusion}. Try again later.",
            failure.retry_after,
            **failure.details,
        ) from None

    def resolve(self, event: JobEvent, attempt: str | None) -> JobEvent:
        """Return the event with the one job of its step, if others may have submitted it at the same time.

        Each attempt searches after its own submission and keeps the oldest job. All keep the same job as long
        as the provider lists an older job no later than a younger one.

        Args:
            event: the event of the job, with the id of this attempt's job.
            attempt: the attempt in the job's tag.

        Raises:
            ProviderUnavailableError: it is unclear which job to keep. A repeated step will find its job.
        """
        try:
            views = self._search_repeatedly(event)
            if event.job_id not in [view.job_id for view in views]:
                # A request by id finds a job that is not listed yet; the age decides for all attempts.
                views = _in_order([*views, self._account.look(event.job_id)])
            if views[0].job_id != event.job_id and not self._claim(event, views[0]):
                views = [view for view in views[1:] if view.job_id == event.job_id]
        except QwhiskError as error:
            self.request_cancellation(event, attempt)
            raise ProviderUnavailableError(
                f"It is unclear whether the job was submitted twice: {error.message[:200]} Try again later."
            ) from None
        return self.keep_first(event, views)

    def adopt(self, event: JobEvent, views: Sequence[JobView]) -> JobEvent | None:
        """Return the event with the first of these jobs of other attempts; None if it is being cancelled.

        Raises:
            QwhiskError: a request to the provider failed.
        """
        return self.keep_first(event, views) if self._claim(event, views[0]) else None

    def _claim(self, event: JobEvent, view: JobView) -> bool:
        """Remove the attempt's tag from the job, so that no poller cancels it. False if one did.

        A poller that found the job just before still cancels it and removes its tags. So the search is
        repeated when the poller must have finished. If the poller removed the tags before they were set here,
        the cancelled job has them again, and they are removed: it must not be found as the step's job.
        """
        if view.status != "CANCELLED":
            # Setting tags on a stray that another attempt is clearing would make it visible again.
            self._account.tag(
                view.job_id, [run_tag(event.process_job_id), step_tag(event.process_job_id, event.step)]
            )
        left = seconds_left()
        time.sleep(self._settle if left is None else max(0.0, min(self._settle, left)))
        now = next((other for other in self.search(event) if other.job_id == view.job_id), None)
        if now is not None and now.status == "CANCELLED" != view.status:
            self._account.tag(view.job_id, [])
            return False
        return now is not None

    def abandon(self, event: JobEvent, job_ids: Sequence[str]) -> None:
        """Cancel these jobs, or request that the pollers cancel them."""
        left = list(job_ids)
        try:
            with within(ABANDON_TIME):
                while left:
                    self._account.abandon(left[0])
                    del left[0]
        except QwhiskError as error:
            log.warning("%d jobs are left for the pollers to cancel: %s", len(left), error.message)
            self._publish_requests([stray(event, job_id) for job_id in left])

    def request_cancellation(self, event: JobEvent, attempt: str | None) -> None:
        """Request that the pollers cancel any job that this attempt may have submitted."""
        self._publish_requests([lost(event, attempt)])

    def _search_repeatedly(self, event: JobEvent, attempt: str | None = None) -> list[JobView]:
        """Return the jobs of the step or of the attempt, with a search after each pause until some appear.

        Raises:
            QwhiskError: the last search failed.
        """
        failed: QwhiskError | None = None
        for pause in self._pauses:
            if (left := seconds_left()) is not None and left <= pause:
                break
            time.sleep(pause)
            try:
                failed = None
                if views := self.search(event, attempt):
                    return views
            except QwhiskError as error:
                failed = error
        if failed is not None:
            raise failed
        return []

    def _publish_requests(self, requests: Sequence[JobEvent]) -> None:
        try:
            for event in requests:
                publish_request(self._publisher, event, CANCELLATION)
        except QwhiskError as error:
            log.error("a job that no client knows may continue to run: %s", error.message)


def _in_order(views: Sequence[JobView]) -> list[JobView]:
    """Sort by age, the oldest first; jobs of the same age keep their order."""
    return sorted(views, key=lambda view: view.created or _OLDEST)
