"""Submits a pooled job and announces it to its participants. Every method blocks, in a worker thread."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from core.errors import JobNotFoundError, ProviderUnavailableError, QwhiskError, StreamError
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, JOBS, POOL, POOLS
from core.protocol import (
    FINAL,
    BackendType,
    JobEvent,
    PoolRecord,
    PoolShare,
    ResultEvent,
    binary_headers,
    encode,
    trace_headers,
)
from core.protocol.cloud_events import CANCELLATION
from core.provider import QuantumAccount, run_tag, step_tag
from core.strays import lost
from poller.pooling.history import PoolJob
from poller.pooling.member import Member, fractions_of, sizes_of
from poller.state import Key

log = logging.getLogger(__name__)

#: What a record of this module says of a job.
RecordState = Literal["composed", "submitted", "given_up"]

#: Seconds before each search for a job whose submission had no clear answer.
PAUSES = (0.0, 0.5, 2.0, 4.0)
#: Seconds before each attempt to announce a job.
ANNOUNCE_PAUSES = (0.0, 1.0, 5.0)


class NotOursError(QwhiskError):
    """The pool belongs to another poller now."""

    code = "not_ours"


class UnclearError(ProviderUnavailableError):
    """The job may have been submitted, but the provider does not list it. It is given up."""

    def __init__(self) -> None:
        super().__init__("It is unclear whether a pooled job was submitted.", unclear=True)


class UnresolvedError(ProviderUnavailableError):
    """The job may have been submitted, and whether it was cannot be found out now."""

    def __init__(self) -> None:
        super().__init__("It cannot be found out now whether a pooled job was submitted.", unclear=True)


class UnannouncedError(StreamError):
    """The job was submitted, but it was not announced to all participants.

    Args:
        job_id: the provider's id.
        message: why not.
    """

    def __init__(self, job_id: str, message: str) -> None:
        super().__init__(message)
        self.job_id = job_id


@dataclass(frozen=True)
class NewJob:
    """A job to submit.

    Attributes:
        members: the participants, which are of one pool.
        tag: its tag.
        generation: how many jobs with its circuits have failed before.
        queue_length: the jobs in the backend's queue; None if unknown.
        is_ours: returns False once the pool belongs to another poller.
    """

    members: Sequence[Member]
    tag: str
    generation: int
    queue_length: int | None
    is_ours: Callable[[], bool]


def new_tag() -> str:
    """Return a random name for a pooled job, which has the tags of a run with this id."""
    return f"pool-{secrets.token_hex(8)}"


class PoolSubmitter:
    """Records, submits and announces pooled jobs.

    Args:
        publisher: publishes the records, the JobEvents and the clients' progress events.
        pauses: seconds before each search for a job whose submission had no clear answer.
        announce_pauses: seconds before each attempt to announce a job.
    """

    def __init__(
        self,
        publisher: Publisher,
        pauses: Sequence[float] = PAUSES,
        announce_pauses: Sequence[float] = ANNOUNCE_PAUSES,
    ) -> None:
        self._publisher = publisher
        self._pauses = pauses
        self._announce_pauses = announce_pauses

    def submit(self, account: QuantumAccount, job: NewJob) -> str:
        """Submit the circuits of the members as one job, announce it, and return its id.

        Args:
            account: the account.
            job: what to submit.

        Raises:
            NotOursError: the pool belongs to another poller, and nothing was submitted.
            UnannouncedError: the job was submitted, but not announced. Call `adopt`.
            UnclearError: the job may have been submitted. It is given up.
            UnresolvedError: the job may have been submitted. Call `adopt`.
            QwhiskError: it was not submitted. The record says so.
        """
        first = job.members[0].submission
        pubs = [pub for member in job.members for pub in member.pubs()]
        self._record("composed", job.tag, job.members, job.generation)
        if not job.is_ours():
            raise NotOursError("The pool belongs to another poller now.")
        tags = (run_tag(job.tag), step_tag(job.tag, 0))
        try:
            job_id = account.submit(pubs, first.event.backend, first.shots, tags, first.primitive)
        except Exception as error:
            if not isinstance(error, ProviderUnavailableError) or not error.unclear:
                self._record("given_up", job.tag, job.members, job.generation)
                raise
            job_id = self._resolve(account, job.tag, job.members, job.generation, job.is_ours)
        if not job.is_ours():
            # The poller that has the pool now searches the job by its tag.
            raise NotOursError("The pool belongs to another poller now.")
        sizes = sizes_of(job.members)
        fractions = fractions_of(list(sizes), [member.submission.executions for member in job.members])
        self.announce(job_id, job.tag, sizes, fractions, job.members, job.generation, job.queue_length)
        return job_id

    def adopt(
        self,
        account: QuantumAccount,
        job: PoolJob,
        members: Sequence[Member],
        is_ours: Callable[[], bool],
    ) -> str:
        """Announce a job that another poller, or this one before, has composed; return its id.

        Args:
            account: the account.
            job: the job, from its records.
            members: those of its participants to announce it to.
            is_ours: returns False once the pool belongs to another poller.

        Raises:
            NotOursError: the pool belongs to another poller.
            UnclearError: the provider does not list it. It is given up.
            UnresolvedError, UnannouncedError: call this again.
        """
        job_id = job.job_id or self._resolve(account, job.tag, members, job.generation, is_ours)
        if not is_ours():
            raise NotOursError("The pool belongs to another poller now.")
        fractions = fractions_of(list(job.sizes), job.executions)
        self.announce(job_id, job.tag, job.sizes, fractions, members, job.generation, None)
        return job_id

    def publish_again(self, member: Member) -> None:
        """Publish the message of a participant that waits once more. Does not wait.

        The pooler finishes the old message when it consumes the new one.

        Args:
            member: the participant.
        """
        headers = trace_headers(member.event)
        self._publisher.send(POOL, member.event.process_job_id, encode(member.submission), headers)

    def search_again(self, job: PoolJob, event: JobEvent) -> None:
        """Ask the pollers once more to search a job that was given up. Does not wait.

        Args:
            job: the job, from its records.
            event: an event of one of its participants.
        """
        own = event.model_copy(update={"backend_type": job.backend_type, "backend": job.backend})
        request = _search_request(job.tag, own)
        data = encode(request)
        self._publisher.send(CANCEL, job.tag, data, binary_headers(request, data, CANCELLATION))

    def look(self, account: QuantumAccount, job: PoolJob) -> None:
        """Look at a pending job, and publish that it has ended if it has: its pollers may have failed.

        Args:
            account: the account.
            job: the job, from its records.
        """
        if job.job_id is None:
            return
        try:
            ended = account.look(job.job_id).status in FINAL
        except JobNotFoundError:
            ended = True
        if ended:
            self._publisher.publish(
                POOLS, job.job_id, encode(ended_record(job.job_id, job.backend_type, job.backend))
            )

    def _resolve(
        self,
        account: QuantumAccount,
        tag: str,
        members: Sequence[Member],
        generation: int,
        is_ours: Callable[[], bool],
    ) -> str:
        """Return the id of a job that may have been submitted.

        If the provider does not list it, it is given up, and the pollers are asked to search it for longer
        and to cancel it.

        Raises:
            NotOursError: the pool belongs to another poller.
            UnclearError: it is given up.
            UnresolvedError: the provider or the broker is not available.
        """
        try:
            if (job_id := self._search(account, tag)) is not None:
                return job_id
            if not is_ours():
                raise NotOursError("The pool belongs to another poller now.")
            self._record("given_up", tag, members, generation)
        except NotOursError:
            raise
        except QwhiskError as error:
            log.warning("a pooled job was not found out about: %s", error.message)
            raise UnresolvedError from None
        request = _search_request(tag, members[0].event)
        data = encode(request)
        # Without waiting: whoever reads the record that it is given up asks again.
        self._publisher.send(CANCEL, tag, data, binary_headers(request, data, CANCELLATION))
        raise UnclearError

    def _search(self, account: QuantumAccount, tag: str) -> str | None:
        """Return the id of the oldest job with a tag; None if the provider lists none.

        Raises:
            QwhiskError: the last search failed.
        """
        failure: QwhiskError | None = None
        for pause in self._pauses:
            time.sleep(pause)
            try:
                views = account.tagged(run_tag(tag))
            except QwhiskError as error:
                failure = error
                continue
            failure = None
            if views:
                return views[-1].job_id
        if failure is not None:
            raise failure
        return None

    def announce(
        self,
        job_id: str,
        tag: str,
        sizes: dict[Key, int],
        fractions: dict[Key, float],
        members: Sequence[Member],
        generation: int,
        queue_length: int | None,
    ) -> None:
        """Publish the JobEvents of participants, and their clients' progress events.

        Args:
            job_id: the provider's id.
            tag: the job's tag.
            sizes: the number of PUBs of each participant, in their order.
            fractions: each participant's part of the job's executions; empty if they are not known.
            members: the participants to announce the job to.
            generation: how many jobs with these circuits have failed before.
            queue_length: the jobs in the backend's queue; None if unknown.

        Raises:
            UnannouncedError: a publication failed.
        """
        first, shares = 0, {}
        for place, (key, count) in enumerate(sizes.items()):
            shares[key] = (place, first, count)
            first += count
        now = datetime.now(UTC)
        events = []
        for member in members:
            place, start, count = shares[member.key]
            share = PoolShare(
                first=start,
                count=count,
                member=place,
                members=len(sizes),
                generation=generation,
                source=member.offset,
                fraction=fractions.get(member.key),
            )
            events.append(
                member.event.model_copy(
                    update={
                        "job_id": job_id,
                        "pool": share,
                        "submitted_at": now,
                        "queue_length_at_submit": queue_length,
                    }
                )
            )
        failure: StreamError | None = None
        for pause in self._announce_pauses:
            time.sleep(pause)
            try:
                self._publish(events)
                self._record("submitted", tag, members, generation, job_id)
            except StreamError as error:
                failure = error
                continue
            return
        assert failure is not None
        raise UnannouncedError(job_id, failure.message)

    def _publish(self, events: Sequence[JobEvent]) -> None:
        for each in [self._send(JOBS, event.message_key, event) for event in events]:
            self._publisher.wait(each)
        for event in events:
            # A progress event: nothing depends on its acknowledgement.
            self._send(event.topic, event.process_job_id, ResultEvent.of(event, "QUEUED"))

    def _send(self, topic: str, key: str, event: JobEvent) -> Future[None]:
        data = encode(event)
        return self._publisher.send(topic, key, data, binary_headers(event, data))

    def _record(
        self,
        state: RecordState,
        tag: str,
        members: Sequence[Member],
        generation: int,
        job_id: str | None = None,
    ) -> None:
        record = pool_record(state, tag, members, generation, job_id)
        self._publisher.publish(POOLS, tag, encode(record))


def pool_record(
    state: RecordState, tag: str, members: Sequence[Member], generation: int, job_id: str | None = None
) -> PoolRecord:
    """Return the record of what became of a job.

    Args:
        state: the job's state.
        tag: its tag.
        members: its participants; if `submitted`, those whose JobEvents were published.
        generation: how many jobs with their circuits have failed before.
        job_id: the provider's id, if it is known.
    """
    event = members[0].event
    return PoolRecord(
        state=state,
        at=datetime.now(UTC),
        tag=tag,
        job_id=job_id,
        backend_type=event.backend_type,
        backend=event.backend,
        generation=generation,
        members=[(*member.key, len(member.submission.pubs)) for member in members]
        if state in ("composed", "submitted")
        else [],
        executions=[member.submission.executions for member in members] if state == "composed" else [],
    )


def _search_request(tag: str, event: JobEvent) -> JobEvent:
    return lost(event.model_copy(update={"process_job_id": tag, "step": 0, "pool": None}))


def ended_record(job_id: str, backend_type: BackendType, backend: str) -> PoolRecord:
    """Return the record that a pooled job is final, so that the next one can be submitted."""
    return PoolRecord(
        state="ended", at=datetime.now(UTC), job_id=job_id, backend_type=backend_type, backend=backend
    )
