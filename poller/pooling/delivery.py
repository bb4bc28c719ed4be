"""What is done about a pooled job that is final: its result is divided, or its participants run again."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from core.errors import EventError, StreamError
from core.kafka.publisher import Publisher
from core.kafka.topic_logs import TopicLogs
from core.kafka.topics import POOL, POOLS
from core.protocol import (
    POOLED_JOB,
    JobEvent,
    PoolGroup,
    PoolSubmission,
    ResultEvent,
    decode,
    encode,
    trace_headers,
)
from core.settings import KafkaSettings
from poller.pooling.policy import groups_after_failure
from poller.pooling.shared_results import SharedResults
from poller.pooling.submitter import ended_record

log = logging.getLogger(__name__)

#: Seconds in which a participant's circuits are read from the topic `pool`.
READ_TIMEOUT = 5.0
#: Jobs whose end is remembered as published.
MAX_ENDED = 2_000
#: Circuits whose jobs have failed, or were cancelled unasked, as often as this do not run again.
LAST_GENERATION = 2


class PooledDelivery:
    """Reads circuits again and publishes what became of pooled jobs. Thread-safe.

    Args:
        kafka: how to reach the broker.
        publisher: publishes submissions and records.
    """

    def __init__(self, kafka: KafkaSettings, publisher: Publisher) -> None:
        self._kafka = kafka
        self._publisher = publisher
        self.results = SharedResults()
        self._lock = threading.Lock()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def ended(self, event: JobEvent) -> None:
        """Publish that the job is final, once. Does not wait.

        Args:
            event: the JobEvent of a participant.
        """
        with self._lock:
            if event.job_id in self._ended:
                return
            self._ended[event.job_id] = None
            if len(self._ended) > MAX_ENDED:
                self._ended.popitem(last=False)
        record = ended_record(event.job_id, event.backend_type, event.backend)
        self._publisher.send(POOLS, event.job_id, encode(record))

    def again(self, event: JobEvent, cancelled: bool = False) -> ResultEvent | None:
        """Submit a participant of a job that failed as a whole to the pool again, in a smaller group.

        A job that was cancelled, although not all participants have withdrawn, counts as failed.

        Each participant finds its group by itself, whichever poller handles it.

        Args:
            event: the participant's JobEvent.
            cancelled: whether the job was cancelled, which is not the fault of a participant that was alone.

        Returns:
            The progress event for its client; None if the failure is the participant's own, or if its
            circuits are not in the topic any more.

        Raises:
            StreamError: the circuits cannot be read or published now. Retry later.
        """
        share = event.pool
        if share is None or share.generation >= LAST_GENERATION:
            return None
        if share.members == 1 and not cancelled:
            return None
        submission = self._read(share.source, event)
        if submission is None:
            return None
        groups = groups_after_failure(range(share.members), share.generation)
        number = next(number for number, group in enumerate(groups) if share.member in group)
        again = submission.model_copy(
            update={
                "group": PoolGroup(
                    id=f"{event.job_id}.{number}", size=len(groups[number]), generation=share.generation + 1
                ),
                "event": event.model_copy(
                    update={
                        "job_id": POOLED_JOB,
                        "pool": None,
                        "estimated_completion_time": None,
                        "looked_at": None,
                    }
                ),
            }
        )
        self._publisher.publish(POOL, event.process_job_id, encode(again), trace_headers(event))
        log.info(
            "a pooled job %s: its circuits run again",
            "was cancelled unasked" if cancelled else "failed",
            extra={"process_job_id": event.process_job_id},
        )
        waiting = again.event.model_copy(update={"attempt": share.generation + 1})
        return ResultEvent.of(waiting, "POOLED")

    def _read(self, offset: int, event: JobEvent) -> PoolSubmission | None:
        """Return the submission at an offset of the topic `pool`; None if it is not there any more."""
        logs = TopicLogs(self._kafka)
        try:
            if offset not in logs.offsets(POOL, READ_TIMEOUT):
                return None
            entry = logs.first(POOL, offset, READ_TIMEOUT)
        finally:
            logs.close()
        if entry is None:
            raise StreamError("The circuits of a pooled job cannot be read now.")
        if entry.offset != offset:
            return None
        try:
            submission = decode(PoolSubmission, entry.value)
        except EventError:
            return None
        names = submission.event.process_job_id, submission.event.step
        # Another message has this offset if the topic was created again.
        return submission if names == (event.process_job_id, event.step) else None
