"""Pooled jobs whose participants do not want their results any more: cancelled once none is left."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from core.kafka.publisher import Publisher
from core.kafka.topics import POOLS
from core.protocol import JobEvent, encode
from core.provider import QuantumAccount
from poller.account import Accounts, log_failure
from poller.pooling.submitter import ended_record

#: Jobs that are remembered. A forgotten one runs to its end.
MAX_JOBS = 2_000


class AbandonedPools:
    """Counts the participants that have withdrawn. The loop's thread makes all calls.

    All participants of a job are consumed by the same poller, unless they were requeued at different times.
    If some withdraw at another poller, or before a restart, the job runs to its end.

    Args:
        accounts: cancel the jobs.
        publisher: publishes that they have ended.
    """

    def __init__(self, accounts: Accounts, publisher: Publisher) -> None:
        self._accounts = accounts
        self._publisher = publisher
        self._withdrawn: OrderedDict[str, set[int]] = OrderedDict()

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

    def _cancel(self, event: JobEvent) -> None:
        worker = self._accounts.of(event)
        worker.run(
            partial(self._cancel_job, worker.account, event),
            log_failure("a pooled job was not cancelled"),
            "cancelling a pooled job",
        )

    def _cancel_job(self, account: QuantumAccount, event: JobEvent) -> None:
        account.cancel(event.job_id)
        record = ended_record(event.job_id, event.backend_type, event.backend)
        self._publisher.publish(POOLS, event.job_id, encode(record))
