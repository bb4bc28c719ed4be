"""What becomes of a job whose submission was not answered clearly, or that others may have submitted too.

Nothing is submitted twice to find out. The provider is asked for the jobs that carry the step's tag: one that
it lists counts as ours. If that stays unclear, the caller gets an error, and the pollers are asked to look
for the job for some more minutes and to cancel it (`core/strays.py`).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from core.errors import ProviderUnavailableError, QwhiskError
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, encode
from core.provider import JobView, QuantumAccount, run_tag, seconds_left, step_tag, within
from core.strays import MAX_JOB_ID, lost, stray

log = logging.getLogger(__name__)

#: Seconds before each look for a job that may have been taken: the provider may list it late.
PAUSES = (0.0, 0.5, 2.0, 4.0)
#: Seconds between taking another attempt's job over and the look whether a poller has cancelled it just then.
SETTLE = 1.5
#: Seconds that it may take to cancel a job that is not wanted; then the pollers are asked to.
ABANDON_TIME = 8.0
#: What the events take for an id, with room for what `core.strays` puts before it.
IDENTIFIER = re.compile(rf"[A-Za-z0-9_.:-]{{1,{MAX_JOB_ID}}}")

_OLDEST = datetime(1, 1, 1, tzinfo=UTC)


class Recovery:
    """Finds the one job of a step.

    Args:
        account: where the job is.
        publisher: takes requests to the pollers.
        pauses: seconds before each look.
        settle: seconds after which a poller that was about to cancel a job has done so.
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

    def known(self, event: JobEvent, attempt: str | None = None) -> list[JobView]:
        """The jobs of this step, or of one attempt, that the provider knows, the oldest first; asked once."""
        run = event.process_job_id
        # By the run's tag too: that of step 1 of the run `a` is that of all jobs of the run `a-1`.
        views = self._account.tagged(step_tag(run, event.step, attempt), run_tag(run))
        # Of those of one age, that which was listed first; the newest come first in the list.
        return _in_order([view for view in reversed(views) if IDENTIFIER.fullmatch(view.job_id)])

    def keep(self, event: JobEvent, views: Sequence[JobView]) -> JobEvent:
        """The event with the first of these jobs; the others are cancelled."""
        kept, *others = views
        self.abandon(event, [view.job_id for view in others])
        backend = kept.backend if IDENTIFIER.fullmatch(kept.backend) else event.backend
        return event.model_copy(update={"job_id": kept.job_id, "backend": backend})

    def after_lost_answer(
        self, event: JobEvent, attempt: str | None, why: ProviderUnavailableError
    ) -> JobEvent:
        """The event with the job that was submitted although no clear answer came.

        Args:
            event: of the job, without its id.
            attempt: that the job has a tag of; None if no other attempt submits the same job.
            why: what the submission failed with.

        Raises:
            ProviderUnavailableError: it was not found, or it is unclear whether it exists.
        """
        handed_over = False
        try:
            found = self._look(event, attempt)
            if found and attempt:
                return self.settled(event.model_copy(update={"job_id": found[0].job_id}), attempt)
            if found:
                return self.keep(event, found)
            conclusion = "The job was not taken, as far as can be told"
            self.hand_over(event, attempt)
            handed_over = True
            # The provider may still take ours; but what another has submitted serves as well.
            others = self.known(event) if attempt else []
            if others and (adopted := self.adopt(event, others)) is not None:
                return adopted
        except QwhiskError as error:
            log.warning("the look for %s failed: %s", event.process_job_id, error.message)
            conclusion = "Whether the job was taken is unclear; if it was, it will be cancelled"
            if not handed_over:
                self.hand_over(event, attempt)
        raise ProviderUnavailableError(
            f"{why.message.rstrip('.')}. {conclusion}. Try again later.", why.retry_after, **why.details
        ) from None

    def settled(self, event: JobEvent, attempt: str | None) -> JobEvent:
        """The event with the one job of its step, where others may have submitted the same at the same time.

        Each looks after it has submitted its own, and keeps the oldest. That is the same for all as long as
        the provider lists an older job no later than a younger one.

        Args:
            event: of the job, with the id of our own.
            attempt: that the job has a tag of.

        Raises:
            ProviderUnavailableError: it is unclear. A step that is asked for again will find its job.
        """
        try:
            views = self._look(event)
            if event.job_id not in [view.job_id for view in views]:
                # A look by id finds what is not listed yet; its age decides, for all who look.
                views = _in_order([*views, self._account.look(event.job_id)])
            if views[0].job_id != event.job_id and not self._claimed(event, views[0]):
                views = [view for view in views[1:] if view.job_id == event.job_id]
        except QwhiskError as error:
            self.hand_over(event, attempt)
            raise ProviderUnavailableError(
                f"Whether the job was submitted twice is unclear: {error.message[:200]} Try again later."
            ) from None
        return self.keep(event, views)

    def adopt(self, event: JobEvent, views: Sequence[JobView]) -> JobEvent | None:
        """The event with the first of these jobs, which others have submitted; None if it is being cancelled.

        Raises:
            QwhiskError: it is unclear.
        """
        return self.keep(event, views) if self._claimed(event, views[0]) else None

    def _claimed(self, event: JobEvent, view: JobView) -> bool:
        """Take the tag of its attempt off the job, so that no poller cancels it as a stray any more.

        A poller that has found it a moment ago cancels it all the same, and takes its tags away: so it is
        looked for once more, when that must be over. If the poller took the tags away before they were set
        here, the job has them, and is cancelled: it must not be found as the step's again.
        """
        if view.status != "CANCELLED":
            # To set tags on a stray that another attempt is taking them off would bring it back.
            self._account.tag(
                view.job_id, [run_tag(event.process_job_id), step_tag(event.process_job_id, event.step)]
            )
        left = seconds_left()
        time.sleep(self._settle if left is None else max(0.0, min(self._settle, left)))
        now = next((known for known in self.known(event) if known.job_id == view.job_id), None)
        if now is not None and now.status == "CANCELLED" != view.status:
            self._account.tag(view.job_id, [])
            return False
        return now is not None

    def abandon(self, event: JobEvent, job_ids: Sequence[str]) -> None:
        """Cancel these jobs, or have them cancelled."""
        left = list(job_ids)
        try:
            with within(ABANDON_TIME):
                while left:
                    self._account.abandon(left[0])
                    del left[0]
        except QwhiskError as error:
            log.warning("%d jobs are left to the pollers to cancel: %s", len(left), error.message)
            self._ask([stray(event, job_id) for job_id in left])

    def hand_over(self, event: JobEvent, attempt: str | None) -> None:
        """Have whatever this attempt left behind cancelled."""
        self._ask([lost(event, attempt)])

    def _look(self, event: JobEvent, attempt: str | None = None) -> list[JobView]:
        """The jobs of the step or of the attempt, looked for again after each pause until there are some.

        Raises:
            QwhiskError: the last look failed.
        """
        failed: QwhiskError | None = None
        for pause in self._pauses:
            if (left := seconds_left()) is not None and left <= pause:
                break
            time.sleep(pause)
            try:
                failed = None
                if found := self.known(event, attempt):
                    return found
            except QwhiskError as error:
                failed = error
        if failed is not None:
            raise failed
        return []

    def _ask(self, requests: Sequence[JobEvent]) -> None:
        try:
            for event in requests:
                self._publisher.publish(CANCEL, event.process_job_id, encode(event))
        except QwhiskError as error:
            log.error("a job may run on that no client was told of: %s", error.message)


def _in_order(views: Sequence[JobView]) -> list[JobView]:
    """The oldest first; those of one age stay as they are."""
    return sorted(views, key=lambda view: view.created or _OLDEST)
