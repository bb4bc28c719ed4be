"""What became of each pooled provider job, from the records of the topic `pools`. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from core.protocol import BackendType, PoolRecord
from poller.state import Key

#: Jobs that are remembered; those that are pending longest.
MAX_JOBS = 5_000


@dataclass
class PoolJob:
    """A pooled provider job that is composed, and maybe submitted.

    Attributes:
        tag: its tag at the provider.
        backend_type: the type of its backend.
        backend: its backend.
        generation: how many jobs with its circuits have failed before.
        sizes: the number of PUBs of each participant, in their order.
        executions: the executions of each; empty if they are not known.
        at: when it was composed, in seconds since 1970.
        job_id: the provider's id; None if it is not known.
        announced: the participants whose JobEvents were published.
        given_up: whether it was not submitted, and its participants are in the pool again.
        looked_at: when it was last known to be pending, in seconds since 1970.
    """

    tag: str
    backend_type: BackendType
    backend: str
    generation: int
    sizes: dict[Key, int]
    at: float
    job_id: str | None = None
    executions: list[int] = field(default_factory=list)
    announced: set[Key] = field(default_factory=set)
    given_up: bool = False
    looked_at: float = 0.0


class PoolHistory:
    """The jobs, by tag, by id and by participant."""

    def __init__(self) -> None:
        #: The jobs that were composed, forgotten ones too.
        self.composed = 0
        self._jobs: OrderedDict[str, PoolJob] = OrderedDict()
        #: Those in the queue of their backend, as far as is known: few of all, and asked for at every step.
        self._pending: dict[str, PoolJob] = {}
        self._by_id: dict[str, PoolJob] = {}
        self._by_member: dict[Key, PoolJob] = {}

    def add(self, record: PoolRecord) -> None:
        """Apply a record. Records may be repeated."""
        if record.state == "ended":
            if record.job_id is not None and (ended := self._by_id.get(record.job_id)) is not None:
                self._pending.pop(ended.tag, None)
            return
        if record.tag is None:
            return
        if record.state == "composed":
            self._compose(record, record.tag)
        job = self._jobs.get(record.tag)
        if job is None:
            return
        if record.state == "given_up":
            # After it was announced, the record is of a poller that has lost the pool and was stalled.
            if not job.announced:
                self.give_up(job)
        elif record.state == "submitted" and record.job_id is not None:
            if job.given_up:  # such a poller recorded it while another one announced the job
                job.given_up = False
                self._pending[job.tag] = job
            job.job_id = record.job_id
            job.announced |= {(run, step) for run, step, _ in record.members}
            self._by_id[record.job_id] = job

    def _compose(self, record: PoolRecord, tag: str) -> None:
        if tag in self._jobs:
            return
        job = PoolJob(
            tag,
            record.backend_type,
            record.backend,
            record.generation,
            {(run, step): count for run, step, count in record.members},
            record.at.timestamp(),
            executions=record.executions,
        )
        job.looked_at = job.at
        self._jobs[tag] = self._pending[tag] = job
        self.composed += 1
        for member in job.sizes:
            self._by_member[member] = job
        while len(self._jobs) > MAX_JOBS:
            # One that is pending is still needed: few are.
            ended = (tag for tag in self._jobs if tag not in self._pending)
            oldest = self._jobs.pop(next(ended, next(iter(self._jobs))))
            self._pending.pop(oldest.tag, None)
            self._by_id.pop(oldest.job_id or "", None)
            for member in oldest.sizes:
                if self._by_member.get(member) is oldest:
                    del self._by_member[member]

    def give_up(self, job: PoolJob) -> None:
        """Record that a job was not submitted, as far as is known."""
        job.given_up = True
        self._pending.pop(job.tag, None)

    def job_of(self, member: Key) -> PoolJob | None:
        """Return the newest job that a participant is in; None if there is none."""
        return self._by_member.get(member)

    def by_tag(self, tag: str) -> PoolJob | None:
        """Return the job with a tag; None if there is none."""
        return self._jobs.get(tag)

    def pending(self) -> list[PoolJob]:
        """Return the jobs that are pending, as far as is known, the oldest first."""
        return list(self._pending.values())

    def given_up_since(self, instant: float) -> list[PoolJob]:
        """Return the jobs that were given up and composed after an instant, in seconds since 1970."""
        return [job for job in self._jobs.values() if job.given_up and job.at > instant]
