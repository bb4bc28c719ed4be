"""Collects the participants of pooled jobs and starts the submissions. One thread makes all calls.

A participant's message is finished once its JobEvent is acknowledged. A poller that takes the pool over gets
the messages that are not finished. The records of the topic `pools` tell it which of them are in a job that
may have been submitted: it searches that job by its tag, and announces it again or gives it up.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial

from core.errors import (
    BackendUnusableError,
    ProviderForbiddenError,
    ProviderQuotaError,
    QwhiskError,
    StreamError,
)
from core.kafka.offsets import Partition
from core.kafka.topics import POOL
from core.protocol import JobEvent, PoolRecord, ResultEvent
from poller.account import Accounts, AccountWorker, log_failure
from poller.call_outcomes import UNDELIVERABLE
from poller.job_consumer import ConsumedEvent, JobConsumer
from poller.metrics import ACCOUNTS
from poller.pooling.collection import Collection
from poller.pooling.history import MAX_JOBS, PoolHistory, PoolJob
from poller.pooling.member import Member
from poller.pooling.policy import PoolLimits, groups_after_failure
from poller.pooling.pool_log import PoolLog
from poller.pooling.submitter import (
    NewJob,
    NotOursError,
    PoolSubmitter,
    UnannouncedError,
    UnclearError,
    UnresolvedError,
    new_tag,
    pool_record,
)
from poller.scheduling.delays import failure_delay
from poller.state import Key, RunProgress

log = logging.getLogger(__name__)

#: Seconds in which the records are read when the pool is taken over; then it is tried again.
CATCH_UP = 5.0
#: Seconds after which a client is notified that its circuits wait in the pool.
NOTIFY_AFTER = 0.5
#: Seconds between looks for participants that were cancelled, and between two steps without news.
SWEEP, PAUSE = 0.5, 0.05
#: Seconds after which a final event that was not published, or an adoption, is tried again.
RETRY = 3.0
#: Seconds after which a job that was given up is not searched any more.
WATCH = 180.0
#: Seconds between looks at pending jobs of which no poller has said that they ended.
SILENT = 60.0
#: Failures in a row after which other circuits are submitted before the same ones: if those are accepted, the
#: provider is available, and one of the circuits that failed may be the cause.
SUSPICIOUS = 3
#: Pooled jobs after which the message of a participant that still waits is published again. Its old message
#: keeps all later ones from being committed, and a restart must find the jobs of those in the history.
REFRESH_JOBS = MAX_JOBS // 4

#: Errors after which the same circuits may be submitted again.
TRANSIENT = (*ACCOUNTS, BackendUnusableError, StreamError)
#: Errors that no participant is the cause of, and that do not pass.
COMMON = (ProviderQuotaError, ProviderForbiddenError)


#: Publishes a final event.
Publication = Callable[[AccountWorker, JobEvent], ResultEvent]


class DeadlineError(QwhiskError):
    """A participant has waited for too long."""

    code = "deadline"


class Pooler:
    """The pools of all backends.

    Args:
        accounts: make the calls.
        job_consumer: commits the messages of finished participants.
        submitter: submits jobs, in the accounts' threads.
        run_progress: knows which runs were cancelled.
        limits: when to submit.
        deadline: seconds after its submission at which a participant that waits fails for good.
        open_log: starts to read the records; called at the first participant.
        post: runs a function in the loop's thread.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        accounts: Accounts,
        job_consumer: JobConsumer,
        submitter: PoolSubmitter,
        run_progress: RunProgress,
        limits: PoolLimits,
        deadline: float,
        open_log: Callable[[Callable[[PoolRecord], None]], PoolLog],
        post: Callable[[Callable[[], None]], None],
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._job_consumer = job_consumer
        self._submitter = submitter
        self._run_progress = run_progress
        self._limits = limits
        self._deadline = deadline
        self._open_log = open_log
        self._post = post
        self._now = clock
        self._log: PoolLog | None = None
        self._history = PoolHistory()
        self._collection = Collection(limits)
        #: Every participant that is not finished, in the collection or in a submission.
        self._members: dict[Key, Member] = {}
        #: Those that arrived before the records were read.
        self._unsorted: list[Member] = []
        #: The account and the backend of each job that is being submitted or announced, by tag.
        self._submitting: dict[str, tuple[AccountWorker, str]] = {}
        #: The jobs to announce again, by tag, and when.
        self._adopting: dict[str, float] = {}
        #: When a backend's jobs may be submitted again after a failure, and its failures in a row.
        self._paused: dict[str, tuple[float, int]] = {}
        #: When a backend last accepted a job, in seconds since 1970.
        self._accepted: dict[str, float] = {}
        #: Participants whose final event was not published: when to try again, and how.
        self._rejected: list[tuple[float, Member, Publication]] = []
        self._ready = self._reading = False
        #: Counts how often the pool was lost.
        self._epoch = 0
        #: The bytes of the circuits of all participants.
        self._bytes = 0
        self._swept = self._stepped = 0.0

    def __len__(self) -> int:
        return len(self._members) + len(self._unsorted)

    @property
    def has_room(self) -> bool:
        """Whether more participants may be consumed."""
        return len(self) < self._limits.waiting and self._bytes < self._limits.waiting_bytes

    def close(self) -> None:
        """Stop reading the records. No other call may follow."""
        if self._log is not None:
            self._log.close()

    # --- messages -------------------------------------------------------------------------------------------

    def consume(self, consumed: ConsumedEvent) -> None:
        """Take a participant's message."""
        assert consumed.submission is not None
        member = Member(consumed.submission, consumed.partition, consumed.offset, self._now())
        self._bytes += member.size
        if self._log is None:
            self._log = self._open_log(lambda record: self._post(lambda: self._history.add(record)))
        if self._ready:
            member.jobs_before = self._history.composed
            self._sort(member)
        else:
            self._unsorted.append(member)

    def revoke(self, partition: Partition) -> None:
        """Forget all participants if their partition belongs to another poller now."""
        if partition[0] == POOL:
            self._epoch += 1
            self._ready = False
            self._bytes = 0
            self._members.clear()
            self._unsorted.clear()
            self._collection.clear()
            self._adopting.clear()

    def _sort(self, member: Member) -> None:
        known = self._members.get(member.key)
        job = self._history.job_of(member.key)
        if known is not None and member.submission.generation > known.submission.generation:
            # A job of the known one has failed already, so its JobEvent was published.
            self._collection.discard(known)
            self._finish([known])
            known = None
        if known is not None:
            self._repeat(known, member)
        elif job is not None and not job.given_up and job.generation >= member.submission.generation:
            if member.key in job.announced:
                self._finish_message(member)
            else:
                # Also if it is cancelled: the job may run, and is cancelled once no participant is left.
                self._members[member.key] = member
                self._adopting.setdefault(job.tag, self._now())
        elif self._run_progress.is_past(member.event):
            self._finish_message(member)
        else:
            self._members[member.key] = member
            self._collection.add(member)

    def _repeat(self, known: Member, member: Member) -> None:
        """Handle another message of a participant: the action has repeated the step, or it waits for long."""
        if member.offset == known.offset:
            # Delivered twice by the broker: it is in progress, and must not be committed.
            self._bytes -= member.size
            return
        same = known.submission.generation == member.submission.generation
        if same and member.offset > known.offset and self._collection.waits(known):
            # The older message is finished, so that those after it can be committed.
            known.offset, member.offset = member.offset, known.offset
        self._finish_message(member)

    def _finish_message(self, member: Member) -> None:
        self._bytes -= member.size
        self._job_consumer.finish(member.partition, member.offset)

    def _finish(self, members: Sequence[Member]) -> None:
        for member in members:
            # A participant that was revoked in between is another poller's.
            if self._members.get(member.key) is member:
                del self._members[member.key]
                self._finish_message(member)

    # --- one iteration --------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Start every submission that is due.

        Args:
            now: the time in seconds since 1970.
        """
        if not self._ready:
            if self._unsorted and not self._reading:
                self._read_records()
            return
        self._stepped = now
        if now - self._swept >= SWEEP:
            self._swept = now
            self._sweep(now)
        for tag, due in list(self._adopting.items()):
            if now >= due:
                del self._adopting[tag]
                self._adopt(tag)
        while (
            batch := self._collection.next_batch(now, self._pending, partial(self._may_submit, now))
        ) is not None:
            members, generation = batch
            if members:
                self._submit(members, generation)

    def next_at(self) -> float:
        """Return when `step` should be called if nothing happens before, in seconds since 1970."""
        if not self._members:
            return math.inf
        # A pool that is due may have to wait for its backend or the plan.
        return max(self._stepped + PAUSE, min(self._swept + SWEEP, self._collection.due_at(self._pending)))

    def _pending(self, member: Member) -> int:
        """Return the number of our pooled jobs in the queue of a participant's backend."""
        backend = member.event.backend
        known = {job.tag for job in self._history.pending() if job.backend == backend}
        return len(known | {tag for tag, (_, name) in self._submitting.items() if name == backend})

    def _may_submit(self, now: float, member: Member) -> bool:
        """Return whether the plan permits another job, and the backend has not just failed."""
        if now < self._paused.get(member.event.backend, (0.0, 0))[0]:
            return False
        worker = self._accounts.of(member.event)
        known = {job.tag for job in self._history.pending() if self._worker_of(job) is worker}
        known |= {tag for tag, (submitting, _) in self._submitting.items() if submitting is worker}
        return len(known) < self._limits.most_pending

    def _worker_of(self, job: PoolJob) -> AccountWorker:
        return self._accounts.of_type(job.backend_type)

    def _sweep(self, now: float) -> None:
        """Drop cancelled participants, notify clients that wait, and look at jobs without news."""
        places: dict[Key, int] | None = None
        for member in self._collection:
            if self._run_progress.is_cancelled(member.event):
                self._collection.discard(member)
                self._end(member, lambda worker, event: worker.delivery.withdraw(event))
            elif now - member.event.submitted_at.timestamp() > self._deadline:
                self._collection.discard(member)
                self._fail(member, DeadlineError(f"No provider job within {self._deadline:.0f} s."))
            elif self._history.composed - member.jobs_before >= REFRESH_JOBS:
                member.jobs_before = self._history.composed
                self._submitter.publish_again(member)
            elif not member.notified and now - member.consumed_at >= NOTIFY_AFTER:
                member.notified = True
                # Once for all: many may have arrived together.
                places = self._collection.places() if places is None else places
                self._notify(member, places.get(member.key, 0))
        due = [rejected for rejected in self._rejected if now >= rejected[0]]
        self._rejected = [rejected for rejected in self._rejected if now < rejected[0]]
        for _, member, publish in due:
            if self._members.get(member.key) is member:
                self._end(member, publish)
        for job in self._history.pending():
            if now - job.looked_at < SILENT:
                continue
            job.looked_at = now
            if job.job_id is not None:
                self._look(job)
            elif job.tag not in self._submitting and job.tag not in self._adopting:
                self._history.give_up(job)  # its poller has failed, and none of its members is here

    def _notify(self, member: Member, place: int) -> None:
        worker = self._accounts.of(member.event)
        progress = ResultEvent.of(member.event, "POOLED", queue_position=place)
        worker.run(
            lambda: worker.delivery.notify(progress),
            log_failure("progress not published"),
            f"publishing progress of {member.event.process_job_id}",
        )

    # --- submissions ----------------------------------------------------------------------------------------

    def _submit(self, members: list[Member], generation: int) -> None:
        event, tag, epoch, now = members[0].event, new_tag(), self._epoch, self._now()
        worker = self._accounts.of(event)
        if not worker.scheduler.budget.charge(now):
            self._paused[event.backend] = (worker.scheduler.budget.ready_at(now), 0)
            self._collection.add_batch(members, generation)
            return
        length = self._queue_length(worker, members[0])
        self._submitting[tag] = (worker, event.backend)
        job = NewJob(members, tag, generation, length, lambda: epoch == self._epoch)
        worker.run(
            lambda: self._submitter.submit(worker.account, job),
            lambda outcome: self._submitted(job, outcome),
            f"submitting a pooled job of {len(members)} participants",
        )

    def _queue_length(self, worker: AccountWorker, member: Member) -> int | None:
        """Return the number of jobs in the queue of a participant's backend; None if it is not known."""
        backend = member.event.backend
        length = worker.scheduler.queue_length(backend)
        if length is None:
            queues = {known.name: known.queue_length for known in self._accounts.known_backends()}
            length = queues.get(backend)
        # Pooled jobs may be tracked by other pollers, and newer than what was listed.
        return None if length is None else max(length, self._pending(member))

    def _submitted(self, job: NewJob, outcome: str | QwhiskError) -> None:
        worker, backend = self._submitting.pop(job.tag)
        now = self._now()
        if isinstance(outcome, str):
            self._paused.pop(backend, None)
            self._accepted[backend] = now
            self._collection.resume(backend)
            # The records are read again later than a repeated message may arrive.
            for state in ("composed", "submitted"):
                self._history.add(pool_record(state, job.tag, job.members, job.generation, outcome))
            log.info("submitted a pooled job", extra={"job_id": outcome, "participants": len(job.members)})
            self._finish(job.members)
            return
        log.warning("a pooled job was not submitted: %s", outcome.message)
        members = [member for member in job.members if self._members.get(member.key) is member]
        if isinstance(outcome, NotOursError) or not members:
            return
        if isinstance(outcome, UnannouncedError | UnresolvedError):
            self._adopting[job.tag] = now + RETRY
            return
        if isinstance(outcome, TRANSIENT):
            failures = self._paused.get(backend, (0.0, 0))[1] + 1
            delay = failure_delay(failures)
            if isinstance(outcome, ACCOUNTS):
                retry_after = getattr(outcome, "retry_after", None)
                delay = max(delay, worker.scheduler.budget.failed(now, retry_after, now) - now)
            self._paused[backend] = (now + delay, failures)
            self._submit_again(members, job.generation, backend, now)
        elif len(job.members) == 1 or isinstance(outcome, COMMON):
            for member in members:
                self._fail(member, outcome)
        else:
            self._divide(members, job.generation)

    def _submit_again(self, members: list[Member], generation: int, backend: str, now: float) -> None:
        """Put participants back whose submission failed, maybe because the provider is not available."""
        for member in members:
            member.failures += 1
            member.failed_at = member.failed_at or now
            member.deferred = member.failures >= SUSPICIOUS
        first = min(member.failed_at for member in members)
        others_accepted = self._accepted.get(backend, 0.0) > first
        if members[0].deferred and others_accepted and len(members) > 1:
            self._divide(members, generation)
        else:
            self._collection.add_batch(members, generation)

    def _divide(self, members: list[Member], generation: int) -> None:
        for group in groups_after_failure(members, min(generation, 1)):
            self._collection.add_batch(group, min(generation + 1, 2))

    def _fail(self, member: Member, error: QwhiskError) -> None:
        """End a participant with an error."""
        self._end(
            member,
            lambda worker, event: worker.delivery.fail_permanently(event, error.code, error.message),
        )

    def _end(self, member: Member, publish: Publication) -> None:
        """Publish the final event of a participant, again if that fails."""
        worker = self._accounts.of(member.event)

        def published(outcome: ResultEvent | QwhiskError) -> None:
            if isinstance(outcome, (ResultEvent, *UNDELIVERABLE)):
                self._run_progress.end(member.event)
                self._finish([member])
            elif self._members.get(member.key) is member:
                self._rejected.append((self._now() + RETRY, member, publish))

        worker.run(
            lambda: publish(worker, member.event),
            published,
            f"publishing the final event of {member.event.process_job_id}",
        )

    # --- taking over ----------------------------------------------------------------------------------------

    def _read_records(self) -> None:
        """Read the records that the last poller has published, before any participant is sorted."""
        assert self._log is not None
        self._reading, epoch, records = True, self._epoch, self._log
        worker = self._accounts.of(self._unsorted[0].event)

        def read(outcome: QwhiskError | None) -> None:
            self._reading = False
            if outcome is not None:
                log.warning("the pool waits for its records: %s", outcome.message)
            elif epoch == self._epoch:
                self._ready = True
                unsorted, self._unsorted = self._unsorted, []
                for job in self._history.given_up_since(self._now() - WATCH):
                    # The poller that gave it up may have failed before it asked for the search.
                    self._submitter.search_again(job, unsorted[0].event)
                for member in unsorted:
                    self._sort(member)

        worker.run(lambda: records.catch_up(CATCH_UP), read, "reading the records of pooled jobs")

    def _adopt(self, tag: str) -> None:
        """Announce a job again that was composed before, or give it up."""
        job = self._history.by_tag(tag)
        if job is None or tag in self._submitting:
            # Its record is not read yet, or its submission has not ended.
            self._adopting[tag] = self._now() + RETRY
            return
        members = [
            member
            for key in job.sizes
            # Those of a later generation know that this job has ended, and wait for the next one.
            if (member := self._members.get(key)) is not None
            and member.submission.generation <= job.generation
        ]
        if not members:
            return
        worker, epoch = self._worker_of(job), self._epoch
        self._submitting[tag] = (worker, job.backend)
        worker.run(
            lambda: self._submitter.adopt(worker.account, job, members, lambda: epoch == self._epoch),
            lambda outcome: self._adopted(job, members, outcome),
            f"searching a pooled job of {len(members)} participants",
        )

    def _adopted(self, job: PoolJob, members: list[Member], outcome: str | QwhiskError) -> None:
        del self._submitting[job.tag]
        now = self._now()
        if isinstance(outcome, str):
            self._finish(members)
            return
        log.warning("a pooled job was not announced again: %s", outcome.message)
        members = [member for member in members if self._members.get(member.key) is member]
        if members and isinstance(outcome, UnclearError):
            # No pause, since the search was answered.
            self._submit_again(members, job.generation, job.backend, now)
        elif members:
            self._adopting[job.tag] = now + RETRY

    def _look(self, job: PoolJob) -> None:
        worker = self._worker_of(job)
        worker.run(
            lambda: self._submitter.look(worker.account, job),
            log_failure("a pooled job was not looked at"),
            "looking at a pooled job",
        )
