"""Pooled jobs whose participants do not want their results any more: cancelled once none is left."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from core.errors import JobNotFoundError, QwhiskError
from core.kafka.publisher import Publisher
from core.kafka.topics import POOLS
from core.protocol import JobEvent, encode
from core.provider import QuantumAccount
from poller.account import Accounts
from poller.pooling.submitter import ended_record
from poller.scheduling.delays import failure_delay

log = logging.getLogger(__name__)

#: Jobs that are remembered. A forgotten one runs to its end.
MAX_JOBS = 2_000
#: Attempts to cancel a job, in about ten minutes. Then it runs to its end.
MAX_ATTEMPTS = 16


class AbandonedPools:
    """Counts the participants that have withdrawn. The loop's thread makes all calls.

    All participants of a job are consumed by the same poller, unless they were requeued at different times.
    If some withdraw at another poller, or before a restart, the job runs to its end.

    Args:
        accounts: cancel the jobs.
        publisher: publishes that they have ended.
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, accounts: Accounts, publisher: Publisher, clock: Callable[[], float]) -> None:
        self._accounts = accounts
        self._publisher = publisher
        self._now = clock
        self._withdrawn: OrderedDict[str, set[int]] = OrderedDict()
        #: The jobs to cancel again: when, and after how many attempts.
        self.failed: list[tuple[float, JobEvent, int]] = []

    def add(self, event: JobEvent) -> None:
        """Record that a participant has withdrawn; cancel the job if it was the last one.

        Args:
            event: the participant's JobEvent. An event of a job that is not pooled is ignored.
        """
        if event.pool is None:
            return
        withdrawn = self._withdrawn.setdefault(event.job_id, set())
        self._withdrawn.move_to_end(event.job_id)
        withdrawn.add(event.pool.member)
        if len(withdrawn) >= event.pool.members:
            del self._withdrawn[event.job_id]
            self._cancel(event)
        elif len(self._withdrawn) > MAX_JOBS:
            self._withdrawn.popitem(last=False)

    def step(self, now: float) -> None:
        """Cancel the jobs again that were not cancelled and are due.

        Args:
            now: the time in seconds since 1970.
        """
        due = [failed for failed in self.failed if now >= failed[0]]
        self.failed = [failed for failed in self.failed if now < failed[0]]
        for _, event, attempts in due:
            self._cancel(event, attempts)

    def _cancel(self, event: JobEvent, attempts: int = 0) -> None:
        worker = self._accounts.of(event)

        def cancelled(outcome: object) -> None:
            if not isinstance(outcome, QwhiskError) or isinstance(outcome, JobNotFoundError):
                return
            log.warning("a pooled job was not cancelled: %s", outcome.message)
            if attempts + 1 < MAX_ATTEMPTS and len(self.failed) < MAX_JOBS:
                due = self._now() + failure_delay(attempts + 1)
                self.failed.append((due, event, attempts + 1))

        worker.run(partial(self._cancel_job, worker.account, event), cancelled, "cancelling a pooled job")

    def _cancel_job(self, account: QuantumAccount, event: JobEvent) -> None:
        account.cancel(event.job_id)
        record = ended_record(event.job_id, event.backend_type, event.backend)
        self._publisher.publish(POOLS, event.job_id, encode(record))
