"""Every job and cancellation request that this process tracks, by message and by step."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from core.erasure import erasure_of
from core.errors import EventError, MessageTooLargeError, StreamError
from core.kafka.offsets import Partition
from core.protocol import MAX_ATTEMPT, JobEvent, ResultEvent, binary_headers, encode
from core.strays import MAX_JOB_ID, sought, stray
from core.tracing import span
from poller.job_consumer import ConsumedEvent, JobConsumer, choose_wait_topic
from poller.metrics import Metrics
from poller.scheduling.forecast import Forecast
from poller.scheduling.job import IllegalTransitionError
from poller.scheduling.scheduler import Scheduler
from poller.state import (
    TRANSITIONS,
    CancellationRequest,
    Key,
    RunProgress,
    Stage,
    TrackedJob,
    TrackedMessage,
)

log = logging.getLogger(__name__)

#: Seconds after a failure to requeue an event in which none is requeued.
REQUEUE_PAUSE = 5.0


class JobTracker:
    """Holds every job and cancellation request, and the clock that all parts of the poller use.

    Not thread-safe, except for `states` and `is_past`: the loop's thread makes all other calls.

    Args:
        scheduler_of: returns the scheduler of the account that a job belongs to.
        job_consumer: commits finished messages and requeues events.
        run_progress: the newest step of each run.
        metrics: the poller's metrics.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        scheduler_of: Callable[[JobEvent], Scheduler[Key]],
        job_consumer: JobConsumer,
        run_progress: RunProgress,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._scheduler_of = scheduler_of
        self._job_consumer = job_consumer
        self._run_progress = run_progress
        self.metrics = metrics
        self.now = clock
        #: All of them, in the order of their consumption.
        self._tracked: dict[TrackedMessage, None] = {}
        #: The newest message at each offset; a topic that is created again uses its offsets again.
        self._by_offset: dict[tuple[Partition, int], TrackedMessage] = {}
        #: The newest message about each step.
        self._by_step: dict[Key, TrackedJob] = {}
        #: The cancellation requests, in the order of their consumption.
        self._requests: dict[CancellationRequest, None] = {}
        #: When events may be requeued again, in seconds since 1970.
        self._requeue_from = 0.0

    def __len__(self) -> int:
        return len(self._tracked)

    def __iter__(self) -> Iterator[TrackedMessage]:
        return iter(list(self._tracked))

    def __contains__(self, tracked: TrackedMessage) -> bool:
        """Return whether it is still tracked: not finished and not revoked."""
        return tracked in self._tracked

    # --- consumed messages ----------------------------------------------------------------------------------

    def consume(self, consumed: ConsumedEvent) -> TrackedJob | None:
        """Track a consumed event, unless it repeats one that is tracked or past.

        Args:
            consumed: the event.

        Returns:
            The job if it is new here; None if there is none to schedule.
        """
        event, now = consumed.event, self.now()
        event.bound(datetime.fromtimestamp(now, UTC))
        job = TrackedJob(event, consumed.partition, consumed.offset, now)
        first, same = self._by_step.get(job.key), self._by_offset.get(job.identity)
        if same is not None and same.key == job.key:
            pass  # delivered twice by the broker: it is in progress, and must not be committed
        elif consumed.cancel:
            if erasure_of(event.job_id) is not None:
                self._run_progress.erase(event)
            elif sought(event.job_id) is None:
                self._run_progress.cancel(event)
            self._add_request(consumed, event, now)
        elif first is not None and first.event.job_id != event.job_id and _may_be_cancelled(event):
            # Two actions have announced different jobs for the same step: the first one counts.
            self._add_request(consumed, stray(event, event.job_id), now)
        elif self.is_past(event) or (first is not None and first.stage is not Stage.REQUEUEING):
            self._job_consumer.finish(consumed.partition, consumed.offset)
        else:
            self._run_progress.note(event)
            self._add(job)
            self._by_step[job.key] = job
            self._schedule(job)
            forecast = self.forecast(job)
            job.expected = None if forecast is None else forecast.mean
            return job
        return None

    def _add_request(self, consumed: ConsumedEvent, event: JobEvent, now: float) -> None:
        request = CancellationRequest(event, consumed.partition, consumed.offset, now, due=now)
        self._add(request)
        self._requests[request] = None

    def _add(self, tracked: TrackedMessage) -> None:
        self._tracked[tracked] = None
        self._by_offset[tracked.identity] = tracked

    def delivered(self, tracked: TrackedMessage, event: ResultEvent) -> None:
        """Stop tracking: the run's final event, or the progress of its loop, was published.

        Args:
            tracked: the job or the request.
            event: the published event.
        """
        if event.final:
            self.end(tracked)
        else:
            # The next step's JobEvent is in its topic. If this step's event is delivered again, it is past.
            self._run_progress.note(event)
            self.finish(tracked)

    def end(self, tracked: TrackedMessage) -> None:
        """Stop tracking: the run has ended, and its other messages are past."""
        self._run_progress.end(tracked.event)
        self.finish(tracked)

    def finish(self, tracked: TrackedMessage) -> None:
        """Stop tracking: the outcome is known, and the message may be committed."""
        if tracked in self:
            newest = self._by_offset.get(tracked.identity) is tracked
            self._forget(tracked, Stage.FINISHED)
            if newest:
                self._job_consumer.finish(tracked.partition, tracked.offset)

    def revoke(self, partition: Partition) -> None:
        """Stop tracking what came from this partition: it belongs to another poller now."""
        for tracked in self:
            if tracked.partition == partition:
                self._forget(tracked, Stage.REVOKED)

    def _forget(self, tracked: TrackedMessage, stage: Stage) -> None:
        self.move(tracked, stage)
        del self._tracked[tracked]
        if self._by_offset.get(tracked.identity) is tracked:
            del self._by_offset[tracked.identity]
        if isinstance(tracked, CancellationRequest):
            del self._requests[tracked]
        elif self._by_step.get(tracked.key) is tracked:
            del self._by_step[tracked.key]

    # --- stages ---------------------------------------------------------------------------------------------

    def move(self, tracked: TrackedMessage, stage: Stage) -> None:
        """Change the stage. The account's scheduler has the job as long as the job is SCHEDULED.

        Args:
            tracked: the job or the request.
            stage: the next stage.

        Raises:
            IllegalTransitionError: the stage cannot follow the present one.
        """
        if stage not in TRANSITIONS[tracked.stage]:
            raise IllegalTransitionError(
                f"A message that is {tracked.stage.value} cannot become {stage.value}."
            )
        if tracked.stage is Stage.SCHEDULED:
            self._scheduler_of(tracked.event).remove(tracked.key)
        tracked.stage = stage
        if isinstance(tracked, TrackedJob) and stage is Stage.SCHEDULED:
            self._schedule(tracked)

    def _schedule(self, job: TrackedJob) -> None:
        event, expected, looked = job.event, job.event.estimated_completion_time, job.event.looked_at
        self._scheduler_of(event).add(
            job.key,
            event.client_id,
            event.backend,
            job.simulator,
            event.submitted_at.timestamp(),
            event.queue_length_at_submit,
            self.now(),
            expected.timestamp() if expected else None,
            looked.timestamp() if looked else None,
        )

    def requeue(self, job: TrackedJob, seconds: float) -> None:
        """Publish the event to a wait topic and commit it once the broker has acknowledged that.

        An event that is too large for the wait topic stays here.

        Args:
            job: the job.
            seconds: how long it can wait; more than `KEEP`.
        """
        if not job.may_wait_at_broker or self.now() < self._requeue_from:
            return
        event = job.event.model_copy(update={"attempt": min(job.event.attempt + 1, MAX_ATTEMPT)})
        forecast = self.forecast(job)
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        try:
            data = encode(event)
        except EventError as error:
            # The estimate makes it longer than the consumed event, and too long: it waits here instead.
            log.warning("%s", error.message, extra={"process_job_id": event.process_job_id})
            job.may_wait_at_broker = False
            return
        topic = choose_wait_topic(seconds).topic
        self.move(job, Stage.REQUEUEING)
        self.metrics.requeued.labels(topic).inc()
        with span(f"publish {topic}", "producer", event.traceparent):
            headers = binary_headers(event, data)
            self._job_consumer.requeue(topic, event.message_key, data, partial(self._requeued, job), headers)

    def _requeued(self, job: TrackedJob, error: StreamError | None) -> None:
        if job not in self:
            return
        if isinstance(error, MessageTooLargeError):
            job.may_wait_at_broker = False
        acknowledged = error is None
        # A newer message about the step shows that it was published although that was not acknowledged.
        if acknowledged or self._by_step.get(job.key) is not job:
            self.finish(job)
        else:
            self._requeue_from = self.now() + REQUEUE_PAUSE
            self.move(job, Stage.SCHEDULED)

    # --- what is known --------------------------------------------------------------------------------------

    def scheduled(self, key: Key) -> TrackedJob | None:
        """Return the scheduled job of this step; None if there is none."""
        job = self._by_step.get(key)
        return job if job is not None and job.stage is Stage.SCHEDULED else None

    def jobs_of(self, scheduler: Scheduler[Key]) -> list[TrackedJob]:
        """Return the scheduled jobs of an account."""
        return [job for key in scheduler.job_keys() if (job := self.scheduled(key)) is not None]

    def of_run(self, run: str) -> list[TrackedJob]:
        """Return the jobs of a run.

        Args:
            run: the run's id.
        """
        return [job for job in self._by_step.values() if job.key[0] == run]

    def forecast(self, job: TrackedJob) -> Forecast | None:
        """Return the job's forecast; None for a simulator's job."""
        known = None if job.simulator else self._scheduler_of(job.event).job(job.key)
        return None if known is None else known.forecast

    def is_past(self, event: JobEvent) -> bool:
        """Return whether this step is done. Thread-safe."""
        return self._run_progress.is_past(event)

    def is_early(self, event: JobEvent) -> bool:
        """Return whether the circuits' previous pooled job has failed and is not finished here."""
        first = self._by_step.get((event.process_job_id, event.step))
        if first is None or first.event.pool is None or event.pool is None:
            return False
        return event.pool.generation > first.event.pool.generation

    def is_cancelled(self, event: JobEvent) -> bool:
        """Return whether a client requested the run's cancellation. Thread-safe."""
        return self._run_progress.is_cancelled(event)

    def has_ended(self, event: JobEvent) -> bool:
        """Return whether the run's final event was published. Thread-safe."""
        return self._run_progress.has_ended(event)

    def next_request_at(self) -> float:
        """Return when the next call for a cancellation request is due, in seconds since 1970; or infinity."""
        return min((request.due for request in self._waiting_requests()), default=math.inf)

    def due_requests(self, now: float) -> list[CancellationRequest]:
        """Return the cancellation requests whose next call is due at `now`, in seconds since 1970."""
        return [request for request in self._waiting_requests() if request.due <= now]

    def _waiting_requests(self) -> list[CancellationRequest]:
        return [request for request in self._requests if request.stage is Stage.WAITING]

    def states(self) -> Mapping[str, int]:
        """Return the number of tracked jobs in each state. Thread-safe."""
        states: Counter[str] = Counter()
        for tracked in self:
            if isinstance(tracked, CancellationRequest):
                states["to_cancel"] += 1
            elif tracked.stage is Stage.REQUEUEING:
                states["leaving"] += 1
            elif isinstance(tracked, TrackedJob):
                states[tracked.view.status.lower() if tracked.view else "not_looked_at"] += 1
        return states


def _may_be_cancelled(event: JobEvent) -> bool:
    """Return whether the event's job is its own: not that of other clients too."""
    return event.pool is None and len(event.job_id) <= MAX_JOB_ID
